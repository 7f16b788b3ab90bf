/** A whole service whose cache is made to suffer, and clients that ask all the while and know what each answer must be. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seededChance } from '../bench/numbers.ts'
import { isRunning, Service } from '../supervisor/service.ts'
import { freePort } from '../workers/sockets.ts'

const ROOT_ADDRESS = '127.77.0.9'
/** Of every record, in seconds. */
export const TTL = 600
/** Names are asked for again and again: these often, and new ones. */
const KNOWN_NAMES = 400
const NEW_SHARE = 0.5
const CLIENTS = 12
/** As stubs do: when there is no answer, the question is asked once more. */
const PATIENCE_MS = 1000
const TRIES = 8
const SKEW = fileURLToPath(new URL('skewed-clock.ts', import.meta.url))

export interface Seen {
  answered: number
  /** What is not as it must be: in words, a few of them. */
  wrong: string[]
  servfail: number
  /** Questions that nobody answered, however often they were asked. */
  unanswered: number
  /** Asked a second time, or more often. */
  repeated: number
}

export interface FaultyCacheOptions {
  workers?: number
  sizeMaxMb?: number
  /** Of the cache; otherwise in the service's own folder. */
  storage?: string
}

export class FaultyCache {
  readonly service: Service
  readonly seen: Seen = { answered: 0, wrong: [], servfail: 0, unanswered: 0, repeated: 0 }
  readonly storage: string
  /** Queries that reached the authoritative server. */
  asked = 0
  private readonly folder: string
  private readonly skewFile: string
  private readonly port: number
  private readonly root: Socket
  private readonly chance = seededChance(7)
  private readonly clients: Promise<void>[] = []
  private isOver = false
  private next = 0

  private constructor(folder: string, port: number, root: Socket, options: FaultyCacheOptions) {
    this.folder = folder
    this.port = port
    this.root = root
    this.skewFile = join(folder, 'skew')
    this.storage = options.storage ?? join(folder, 'run', 'cache')
    root.on('message', (query, from) => {
      this.asked++
      root.send(replyTo(query), from.port, from.address)
    })
    this.skew(0)
    this.service = this.start('run', options)
  }

  /** Rejects when port 53 of the server's address cannot be had. */
  static async start(options: FaultyCacheOptions = {}): Promise<FaultyCache> {
    const root = createSocket('udp4')
    root.bind(53, ROOT_ADDRESS)
    await once(root, 'listening')
    const folder = mkdtempSync(join(tmpdir(), 'bowline-faults-'))
    const hints = `. 3600000 NS root.server.\nroot.server. 3600000 A ${ROOT_ADDRESS}\n`
    writeFileSync(join(folder, 'root.hints'), hints)
    const lab = new FaultyCache(folder, await freePort(), root, options)
    await lab.service.says('started', 30_000)
    return lab
  }

  /** Another service of the same settings but for its own folder and port; whoever calls cleans it. */
  async second(options: FaultyCacheOptions): Promise<Service> {
    return this.start('second', { ...options, storage: this.storage }, await freePort())
  }

  private start(rundir: string, options: FaultyCacheOptions, port = this.port): Service {
    return new Service({
      port,
      workers: options.workers ?? 3,
      rundir: join(this.folder, rundir),
      real: true,
      env: { NODE_OPTIONS: `--import=${SKEW}`, SKEW_FILE: this.skewFile },
      settings: {
        options: { 'query-loopback': true, 'root-hints-file': join(this.folder, 'root.hints') },
        cache: { storage: options.storage ?? this.storage, 'size-max': `${options.sizeMaxMb ?? 64}M` },
        logging: { level: 'info' },
      },
    })
  }

  /** Clients ask from now on, until settle(). */
  begin(): void {
    for (let i = 0; i < CLIENTS; i++) this.clients.push(this.client())
  }

  /** The clients have had their last answers. */
  async settle(): Promise<Seen> {
    this.isOver = true
    await Promise.all(this.clients.splice(0))
    this.isOver = false
    return this.seen
  }

  /** Sets the wall clock of all processes of the service. */
  skew(ms: number): void {
    writeFileSync(`${this.skewFile}.new`, String(ms))
    renameSync(`${this.skewFile}.new`, this.skewFile)
  }

  /** Processes of this name that run now. */
  running(name: string): number[] {
    return this.service.pidsOf(name).filter(isRunning)
  }

  /** Kills the keeper and waits until another one has its place. */
  async replaceKeeper(meanwhile: () => void = () => {}): Promise<void> {
    const former = this.service.pidsOf('keeper').length
    for (const pid of this.running('keeper')) process.kill(pid, 'SIGKILL')
    meanwhile()
    await this.until(() => this.service.pidsOf('keeper').length > former, 60_000, 'a new keeper')
  }

  async until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
    const endMs = performance.now() + withinMs
    while (!condition()) {
      if (performance.now() > endMs)
        throw new Error(`${what}: not within ${withinMs} ms; it said ${this.events().join()}`)
      await pause(20)
    }
  }

  /** What it logged, without repetitions. */
  events(): string[] {
    return [...new Set(this.service.lines.map(({ event }) => event))]
  }

  /** Whether an answer to one name, asked twice, took no second query upstream: something is stored. */
  async remembers(): Promise<boolean> {
    const socket = createSocket('udp4')
    const name = `again${this.next++}`
    try {
      for (let i = 0; i < 4; i++) if (!(await this.ask(socket, name))) return false
      await pause(100)
      const before = this.asked
      for (let i = 0; i < 12; i++) await this.ask(socket, name)
      return this.asked === before
    } finally {
      socket.close()
    }
  }

  async stop(): Promise<void> {
    await this.settle()
    await this.service.clean()
    this.root.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async client(): Promise<void> {
    const socket = createSocket('udp4')
    while (!this.isOver) {
      const isNew = this.chance() < NEW_SHARE
      await this.ask(socket, isNew ? `new${this.next++}` : `known${Math.floor(this.chance() * KNOWN_NAMES)}`)
      await pause(1)
    }
    socket.close()
  }

  /** Asks until there is an answer, and looks at it. */
  private async ask(socket: Socket, label: string): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      const id = Math.floor(this.chance() * 65_536)
      socket.send(queryFor(label, id), this.port, '127.0.0.1')
      const answer = await answerOn(socket, id)
      if (answer === undefined) {
        if (tries === 0) this.seen.repeated++
        continue
      }
      this.judge(label, answer)
      return true
    }
    this.seen.unanswered++
    return false
  }

  private judge(label: string, answer: Buffer): void {
    this.seen.answered++
    const rcode = answer[3] & 15
    if (rcode === 2) this.seen.servfail++
    const end = 12 + 1 + label.length + 1 + 4
    const isRight =
      rcode === 2 ||
      (rcode === 0 &&
        answer.readUInt16BE(6) === 1 &&
        answer.subarray(13, 13 + label.length).toString() === label &&
        answer.readUInt32BE(end + 6) <= TTL &&
        answer.subarray(-4).equals(addressFor(label)))
    if (!isRight && this.seen.wrong.length < 5) this.seen.wrong.push(`${label}: ${answer.toString('hex')}`)
  }
}

/** For the one label below the root. */
function queryFor(label: string, id: number): Buffer {
  const head = Buffer.from([id >> 8, id & 255, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0]) // RD, CD
  return Buffer.concat([head, Buffer.of(label.length), Buffer.from(label), Buffer.of(0, 0, 1, 0, 1)])
}

function answerOn(socket: Socket, id: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const end = (answer?: Buffer) => {
      clearTimeout(timer)
      socket.off('message', hear)
      resolve(answer)
    }
    const hear = (message: Buffer) => {
      if (message.readUInt16BE(0) === id) end(message)
    }
    const timer = setTimeout(end, PATIENCE_MS)
    socket.on('message', hear)
  })
}

/** The truth: an address that follows from the label. */
function addressFor(label: string): Buffer {
  let hash = 0x811c9dc5
  for (const octet of Buffer.from(label)) hash = Math.imul(hash ^ octet, 0x01000193)
  return Buffer.of(45, hash >>> 16, hash >>> 8, hash)
}

/** One server is the whole internet: it knows every name of one label, and the root's own records. */
function replyTo(query: Buffer): Buffer {
  let end = 12
  while (query[end] > 0) end += 1 + query[end]
  end += 5
  const question = query.subarray(12, end)
  const type = query.readUInt16BE(end - 4)
  const label = query
    .subarray(13, 13 + query[12])
    .toString()
    .toLowerCase()
  const ttl = Buffer.from([0, 0, TTL >> 8, TTL & 255])
  const records: Buffer[] = []
  let authority = 0
  if (query[12] === 0 && type === 2) records.push(record([0], 2, ttl, Buffer.from('\x04root\x06server\0')))
  else if (type === 1 && label !== '')
    records.push(record([0xc0, 12], 1, ttl, label === 'root' ? Buffer.of(127, 77, 0, 9) : addressFor(label)))
  else {
    const soa = Buffer.concat([Buffer.from('\x04root\x06server\0\0'), Buffer.alloc(16, 0), Buffer.of(0, 0, 0, 60)])
    records.push(record([0], 6, ttl, soa))
    authority = 1
  }
  const head = Buffer.from([query[0], query[1], 0x84, 0, 0, 1, 0, 1 - authority, 0, authority, 0, 0])
  return Buffer.concat([head, question, ...records])
}

function record(owner: number[], type: number, ttl: Buffer, rdata: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...owner, 0, type, 0, 1]), ttl, Buffer.of(0, rdata.length), rdata])
}
