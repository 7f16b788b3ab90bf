/** Bowline as a library: a full resolver inside a program. Everything it touches the world with can be handed in. */

import { composeResponse } from './answer.ts'
import { Cache, type CacheOptions } from './cache/cache.ts'
import { MemoryStore } from './cache/memory-store.ts'
import type { Security } from './cache/rank.ts'
import type { Store } from './cache/store.ts'
import { systemClock } from './io/clock.ts'
import type { Clock, Random, Transport } from './io/interfaces.ts'
import { systemRandom } from './io/random.ts'
import { SystemTransport } from './io/transport.ts'
import type { Frequent } from './metrics/frequent.ts'
import { BogusLog } from './modules/bogus-log/index.ts'
import { type ModuleSet, type OutsideModule, startModules } from './modules/index.ts'
import { Partitions } from './partitions.ts'
import type { AnswerSource, Client, EdeNote, Layer, Request, Trace } from './request.ts'
import { anchorsInForce, Core, type Log } from './resolve.ts'
import { defaultSettings, type Settings } from './settings.ts'
import { type Name, nameFromText, nameToText } from './wire/name.ts'
import { keepHashesSecret } from './wire/name-table.ts'
import { rdataToText } from './wire/text.ts'
import { Class, Flag, type Rcode, rcodeText, typeFromText, typeText } from './wire/types.ts'

export { MemoryStore } from './cache/memory-store.ts'
export type { Store } from './cache/store.ts'
export { addresses, names, number, servers, subnets, tags } from './config/policy-kinds.ts'
export { choice, flag, line, milliseconds, path, seconds, size, whole } from './config/settings.ts'
export { ServerAddress } from './io/address.ts'
export type { Clock, Exchange, ExchangeSink, Protocol, Random, Timer, Transport } from './io/interfaces.ts'
export type { Frequent } from './metrics/frequent.ts'
export type { OutsideModule } from './modules/index.ts'
export { defineModule, type Module, type ModuleDefinition, type Own, type Setting } from './modules/module.ts'
export type { Arrival, Client, EdeNote, Layer, Query, Request, Step, Trace, TraceStep } from './request.ts'
export { Core, type CoreOptions, type Log } from './resolve.ts'
export { parseRootHints, type RootHint, rootHint } from './root-hints.ts'
export { defaultSettings, type Settings } from './settings.ts'
export { WireError } from './wire/error.ts'
export { equalNames, isAtOrBelow, isBelow, type Name, nameFromText, nameToText } from './wire/name.ts'
export { type RRset, rrset } from './wire/rrset.ts'
export { rdataFromText, rdataToText } from './wire/text.ts'
export { Class, Ede, EdnsOption, Rcode, Type } from './wire/types.ts'

export interface ResolverOptions {
  settings?: Partial<Settings>
  /** Where the cache lives; in memory unless told otherwise. */
  store?: Store
  /** Bounds on how long data is kept, seconds. */
  cache?: Partial<CacheOptions>
  /** Own layers, asked before all modules. */
  layers?: readonly Layer[]
  /** Own modules, each with its settings; they stand where they want to. */
  modules?: readonly OutsideModule[]
  transport?: Transport
  clock?: Clock
  random?: Random
  log?: Log
}

export interface QueryOptions {
  /** Also give RRSIG, NSEC and NSEC3 records. */
  dnssec?: boolean
  /** Checking disabled: give data even where validation finds it bogus. */
  cd?: boolean
  /** Called at each step on the way, for people to read. */
  onStep?: Trace
}

/** One record, in text as in a zone file. */
export interface AnswerRecord {
  name: string
  type: string
  ttl: number
  data: string
}

export interface Answer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  rcode: string
  rcodeNumber: Rcode
  records: AnswerRecord[]
  authority: AnswerRecord[]
  security: Security
  /** Why it is not as it should be, RFC 8914. */
  edes: EdeNote[]
  source: AnswerSource
  /** The whole response as it would go over the wire. */
  message: Uint8Array
  elapsedMs: number
}

const CACHE_DEFAULTS: CacheOptions = { ttlMin: 5, ttlMax: 86_400, negativeTtlMax: 3 * 3600 }
const MESSAGE_ROOM = 65_535

keepHashesSecret(systemRandom)

export class Resolver {
  /** Of partition 0 of the cache; as is the core. */
  readonly core: Core
  readonly cache: Cache
  readonly #partitions: Partitions
  readonly #modules: ModuleSet
  readonly #clock: Clock
  readonly #transport: Transport
  readonly #store: Store
  readonly #bogusLog: BogusLog

  constructor(options: ResolverOptions = {}) {
    const clock = options.clock ?? systemClock
    const random = options.random ?? systemRandom
    const settings = { ...defaultSettings, ...options.settings }
    this.#clock = clock
    this.#transport = options.transport ?? new SystemTransport({ clock, random })
    this.#store = options.store ?? new MemoryStore()
    const cacheOf = (partition: number) =>
      new Cache(this.#store, clock, { ...CACHE_DEFAULTS, ...options.cache, partition })
    this.cache = cacheOf(options.cache?.partition ?? 0)
    const anchors = anchorsInForce(settings)
    this.#bogusLog = new BogusLog({ clock, log: settings.logBogus ? options.log : undefined })
    this.#modules = startModules(
      settings,
      { clock, random, log: options.log ?? (() => {}) },
      { bogusLog: this.#bogusLog, anchors: () => anchors.current, outside: options.modules },
    )
    const common = {
      transport: this.#transport,
      clock,
      random,
      modules: [...(options.layers ?? []), ...this.#modules.layers],
      log: options.log,
    }
    this.#partitions = new Partitions(settings, (partition, own) =>
      partition === 0
        ? new Core({ ...common, ...own, cache: this.cache, anchors })
        : new Core({ ...common, ...own, cache: cacheOf(partition) }),
    )
    this.core = this.#partitions.cores[0]
  }

  /** Resolves `name` (text, with or without the final dot) for `type` (`AAAA`, `TYPE65`, 28). A failure to resolve is an
   *  answer with its RCODE; only a name or type that is none throws (WireError 'bad-text', RangeError). */
  query(name: string, type: string | number = 'A', options: QueryOptions = {}): Promise<Answer> {
    const qtype = typeof type === 'number' ? type : typeFromText(type.toUpperCase())
    if (qtype === undefined) throw new RangeError(`not a record type: ${type}`)
    const question = { name: nameFromText(name), type: qtype, class: Class.IN }
    const wishes = { rd: true, cd: options.cd ?? false, ad: true, do: options.dnssec ?? false }
    const startMs = this.#clock.monotonicMs()
    return new Promise((resolve) => {
      this.core.pursue(question, wishes, { client: { overUdp: false }, trace: options.onStep }, (request) => {
        resolve(this.#toAnswer(request, this.#clock.monotonicMs() - startMs))
      })
    })
  }

  /** Names, each with its type, whose answers failed validation most often. */
  frequentBogus(limit?: number): Frequent[] {
    return this.#bogusLog.frequent(limit)
  }

  /** Answers one query message with one response message; undefined when the packet deserves none. */
  handle(packet: Uint8Array, client: Client = { overUdp: false }): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => this.#partitions.handle(packet, client, (response) => resolve(response?.slice())))
  }

  /** Ends what is in flight and closes sockets and store. */
  async close(): Promise<void> {
    this.#partitions.close()
    this.#modules.stop()
    await (this.#transport as { close?: () => void | Promise<void> }).close?.()
    await this.#store.close()
  }

  #toAnswer(request: Request, elapsedMs: number): Answer {
    return {
      rcode: rcodeText(request.rcode),
      rcodeNumber: request.rcode,
      records: request.answer.flatMap(toRecords),
      authority: request.authority.flatMap(toRecords),
      security: request.security,
      edes: request.edes,
      source: request.source,
      message: this.#compose(request),
      elapsedMs,
    }
  }

  #compose(request: Request): Uint8Array {
    const { question, wishes } = request
    const flags = Flag.RD | (wishes.cd ? Flag.CD : 0) | Flag.AD
    const edns = { udpSize: MESSAGE_ROOM, extendedRcode: 0, version: 0, do: wishes.do, options: [] }
    const query = { id: 0, flags, opcode: 0, question, edns, tsig: false }
    const buffer = new Uint8Array(MESSAGE_ROOM)
    return buffer.slice(0, composeResponse(buffer, request, { query, overUdp: false, settings: this.core.settings }))
  }
}

function toRecords(set: { owner: Name; type: number; ttl: number; rdatas: Uint8Array[] }): AnswerRecord[] {
  const name = nameToText(set.owner)
  const type = typeText(set.type)
  return set.rdatas.map((rdata) => ({ name, type, ttl: set.ttl, data: rdataToText(set.type, rdata) }))
}
