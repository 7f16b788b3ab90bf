/** A DNS server as a child process: started, waited for until it answers, ended by its process id. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { findPeer } from '../peers.ts'
import { type AskOptions, isAnswering } from './ask.ts'

/** How long a server may take to load its zones, and to end. */
const START_MS = 20_000
const STOP_MS = 3_000

export class Child {
  readonly name: string
  private readonly process: ChildProcess
  private readonly ended: Promise<void>
  private said = ''

  /** Starts `command`, which is installed. */
  constructor(command: string, parameters: string[], env?: NodeJS.ProcessEnv) {
    this.name = command
    this.process = spawnBound(findPeer(command) ?? command, parameters, env)
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (text: Buffer) => {
        this.said = (this.said + text.toString()).slice(-4000)
      })
    this.ended = new Promise((resolve) => {
      this.process.once('exit', () => resolve())
      this.process.once('error', (error) => {
        this.said += error.message
        resolve()
      })
    })
  }

  get pid(): number | undefined {
    return this.process.pid
  }

  private get hasEnded(): boolean {
    const { pid, exitCode, signalCode } = this.process
    return pid === undefined || exitCode !== null || signalCode !== null
  }

  /** Resolves once the server has an SOA for `origin`. Rejects, with what it said, when it ends or takes too long. */
  async untilAnswering(address: string, origin: string, options: AskOptions): Promise<void> {
    const deadline = performance.now() + START_MS
    while (!(await isAnswering(address, origin, options))) {
      if (this.hasEnded || performance.now() > deadline)
        throw new Error(`${this.name} does not answer at ${address}@${options.port}. It said:\n${this.said}`)
    }
  }

  async stop(): Promise<void> {
    if (!this.hasEnded) this.process.kill('SIGTERM')
    const impatience = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS)
    await this.ended
    clearTimeout(impatience)
  }
}

/** A child that is told to end when this process dies, however it dies, where util-linux has `setpriv`. */
function spawnBound(program: string, parameters: string[], env = process.env): ChildProcess {
  const setpriv = findPeer('setpriv')
  const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'], env }
  if (setpriv === undefined) return spawn(program, parameters, options)
  return spawn(setpriv, ['--pdeathsig', 'TERM', '--', program, ...parameters], options)
}

/** A port of 127.0.0.1 that was free a moment ago, for UDP and TCP: `wanted` if it was. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer()
  const socket = createSocket('udp4')
  try {
    server.listen(wanted, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    socket.bind({ address: '127.0.0.1', port, exclusive: true })
    await once(socket, 'listening')
    return port
  } catch {
    return freePort() // somebody has it, if only for one of the two
  } finally {
    socket.close()
    server.close()
  }
}
