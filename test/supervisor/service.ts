/** A service in processes of its own, and what a test can see of it from outside: its log and its exit. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeConfig } from '../../src/config/load.ts'
import type { Config, ConfigInput } from '../../src/config/schema.ts'
import { eventually, PATIENCE_MS } from '../workers/sockets.ts'

export interface LogLine {
  time: string
  level: string
  process: string
  pid: number
  event: string
  msg: string
  child?: string
  childPid?: number
  /** Who takes over. */
  successor?: number
}

export interface ServiceOptions {
  port: number
  workers?: number
  rundir?: string
  interface?: string[]
  drainMs?: number
  env?: Record<string, string>
  /** The real worker and keeper instead of those whose resolver does what the question says. */
  real?: boolean
  /** Further settings, as in a configuration file. */
  settings?: ConfigInput
  /** The settings are read from a file, which can be changed and read again. */
  withFile?: boolean
  /** The program as users have it (`npm run build`); needs `real` and `withFile`. */
  built?: boolean
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

export function settingsOf(options: ServiceOptions, rundir: string): ConfigInput {
  return {
    rundir,
    hostname: 'test',
    workers: options.workers ?? 2,
    network: { listen: [{ interface: options.interface ?? [`127.0.0.1@${options.port}`] }] },
    cache: { storage: join(rundir, 'cache') },
    logging: { level: 'debug' },
    monitoring: { metrics: 'off' }, // other services are tested beside this one
    dnssec: { enable: false }, // nor are the keys of the real root zone asked for
    ...options.settings,
  }
}

export function configOf(options: ServiceOptions, rundir: string): Config {
  return makeConfig(settingsOf(options, rundir))
}

export class Service {
  readonly rundir: string
  readonly lines: LogLine[] = []
  /** What came on standard error and is no log line. */
  other = ''
  exitCode: number | null | undefined
  readonly process: ChildProcess
  readonly #madeRundir: boolean

  constructor(options: ServiceOptions) {
    this.#madeRundir = options.rundir === undefined
    this.rundir = options.rundir ?? mkdtempSync(join(tmpdir(), 'bowline-test-'))
    const config = configOf(options, this.rundir)
    const configFiles = options.withFile ? [this.file] : undefined
    if (options.withFile) this.write(settingsOf(options, this.rundir))
    const fakes = { workerPath: here('fake-worker.ts'), keeperPath: here('fake-keeper.ts') }
    const started = JSON.stringify({ ...(options.real ? {} : fakes), drainMs: options.drainMs, configFiles })
    const program = options.built
      ? [here('../../dist/supervisor/bowline.js'), 'run', '-c', this.file]
      : [here('run.ts'), JSON.stringify(config), started]
    this.process = spawn(process.execPath, program, {
      stdio: ['ignore', 'inherit', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    let rest = ''
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const pieces = (rest + text).split('\n')
      rest = pieces.pop() ?? ''
      for (const piece of pieces) this.#read(piece)
    })
    this.process.once('close', (code) => {
      this.exitCode = code
    })
  }

  /** Where the settings are, if they are in a file. */
  get file(): string {
    return join(this.rundir, 'settings.yaml')
  }

  get socket(): string {
    return join(this.rundir, 'control.sock')
  }

  write(settings: ConfigInput): void {
    writeFileSync(this.file, JSON.stringify(settings))
  }

  /** Waits for a log line. */
  async says(event: string, withinMs = PATIENCE_MS): Promise<LogLine> {
    await eventually(
      () => this.lines.some((line) => line.event === event) || this.exitCode !== undefined,
      () => `event ${event}; it said ${this.lines.map((line) => line.msg).join(' | ')} ${this.other}`,
      withinMs,
    )
    const line = this.lines.find((one) => one.event === event)
    if (line === undefined)
      throw new Error(`it ended without ${event}: ${this.lines.map((one) => one.msg).join(' | ')}`)
    return line
  }

  /** Waits until it and all its children are gone: the children hold its standard error open. */
  async ends(withinMs = PATIENCE_MS): Promise<number | null> {
    await eventually(() => this.exitCode !== undefined, 'the exit', withinMs)
    return this.exitCode!
  }

  /** Process ids of the children that were ready, last ones last. */
  pidsOf(name: string): number[] {
    return this.lines
      .filter((line) => line.event === 'child-ready' && line.child?.startsWith(name))
      .map((line) => line.childPid!)
  }

  /** Ends whatever is left. */
  async clean(): Promise<void> {
    if (this.exitCode === undefined) {
      const successors = this.lines.flatMap(({ successor }) => successor ?? [])
      for (const pid of [this.process.pid!, ...successors, ...this.pidsOf('')])
        if (isRunning(pid)) process.kill(pid, 'SIGKILL')
      await this.ends()
    }
    if (this.#madeRundir) rmSync(this.rundir, { recursive: true, force: true })
  }

  #read(piece: string): void {
    try {
      this.lines.push(JSON.parse(piece))
    } catch {
      this.other += `${piece}\n`
    }
  }
}

/** The services of a suite: whatever a test has started is ended after it. */
export class Services {
  readonly #running: Service[] = []

  constructor() {
    afterEach(async () => {
      for (const service of this.#running.splice(0)) await service.clean()
    })
  }

  launch(options: ServiceOptions): Service {
    const service = new Service(options)
    this.#running.push(service)
    return service
  }

  /** And waits until it answers. */
  async start(options: ServiceOptions): Promise<Service> {
    const service = this.launch(options)
    await service.says('started')
    return service
  }
}

/** Whether a process of this id runs; one that has ended and waits for its parent to look does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
