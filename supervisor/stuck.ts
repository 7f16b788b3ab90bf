/** What is a process doing whose event loop does not turn? Asks V8's inspector inside it, which works while JavaScript runs:
 *  where it stands, and a profile of a second. */

import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const PROFILE_MS = 1000
const OPEN_MS = 2000
/** Profiles kept; the oldest go. */
const KEPT = 5

export interface StuckReport {
  /** The calls it is in, innermost first: `function (file:line)`. */
  stack: string[]
  /** A file that Chrome's or VS Code's profiler opens. */
  profilePath: string
}

/** Rejects when the process does not let itself be looked at: it may wait in the kernel. */
export async function examineStuck(
  child: ChildProcess,
  lastWords: () => string,
  rundir: string,
): Promise<StuckReport | undefined> {
  child.kill('SIGUSR1')
  const url = await inspectorUrl(lastWords)
  if (url === undefined) return undefined
  const inspector = await Inspector.open(url)
  try {
    // pausing first makes V8 forget the optimised code of the loop, of which a profile would not know the name
    const scripts = new Map<string, string>()
    inspector.on('Debugger.scriptParsed', (event) => {
      const { scriptId, url } = event as { scriptId: string; url: string }
      scripts.set(scriptId, url)
    })
    await inspector.ask('Debugger.enable')
    const paused = inspector.next('Debugger.paused')
    await inspector.ask('Debugger.pause')
    const stack = stackText(await paused, scripts)
    await inspector.ask('Profiler.enable')
    await inspector.ask('Profiler.start')
    await inspector.ask('Debugger.resume')
    await pause(PROFILE_MS)
    const { profile } = (await inspector.ask('Profiler.stop')) as { profile: unknown }
    return { stack, profilePath: saveProfile(join(rundir, 'stuck'), child.pid, profile) }
  } finally {
    inspector.close()
  }
}

async function inspectorUrl(lastWords: () => string): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs < OPEN_MS; waitedMs += 10) {
    const url = /Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[\w-]+)/.exec(lastWords())?.[1]
    if (url !== undefined) return url
    await pause(10)
  }
  return undefined
}

function stackText(event: unknown, scripts: ReadonlyMap<string, string>): string[] {
  interface Frame {
    functionName: string
    location: { scriptId: string; lineNumber: number }
  }
  const { callFrames } = event as { callFrames: Frame[] }
  return callFrames.map(
    ({ functionName, location }) =>
      `${functionName || '(anonymous)'} (${(scripts.get(location.scriptId) ?? '').split('/').slice(-2).join('/')}:${location.lineNumber + 1})`,
  )
}

function saveProfile(folder: string, pid: number | undefined, profile: unknown): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}-${pid}.cpuprofile`)
  writeFileSync(path, JSON.stringify(profile), { mode: 0o600 })
  const kept = readdirSync(folder).sort()
  for (const name of kept.slice(0, Math.max(0, kept.length - KEPT))) rmSync(join(folder, name), { force: true })
  return path
}

/** A connection to V8's inspector (Chrome DevTools Protocol). */
class Inspector {
  readonly #socket: WebSocket
  #asked = 0
  readonly #answers = new Map<number, (result: unknown) => void>()
  readonly #events = new Map<string, (parameters: unknown) => void>()

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as { id?: number; result?: unknown; method?: string; params?: unknown }
      if (message.id !== undefined) this.#answers.get(message.id)?.(message.result)
      else if (message.method !== undefined) this.#events.get(message.method)?.(message.params)
    })
  }

  static open(url: string): Promise<Inspector> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url)
      const inspector = new Inspector(socket)
      socket.addEventListener('open', () => resolve(inspector))
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')))
    })
  }

  ask(method: string): Promise<unknown> {
    return new Promise((resolve) => {
      const id = ++this.#asked
      this.#answers.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method }))
    })
  }

  on(event: string, hear: (parameters: unknown) => void): void {
    this.#events.set(event, hear)
  }

  next(event: string): Promise<unknown> {
    return new Promise((resolve) => this.on(event, resolve))
  }

  close(): void {
    this.#socket.close()
  }
}
