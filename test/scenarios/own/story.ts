/** Stories told in TypeScript: a resolver in a world of servers that are functions, in virtual time. For what scenario
 *  files cannot say: transports, timing, forged packets, how often somebody was asked. */

import { Cache } from '../../../src/cache/cache.ts'
import { MemoryStore } from '../../../src/cache/memory-store.ts'
import { ServerAddress } from '../../../src/io/address.ts'
import type { ExchangeFailure, Protocol } from '../../../src/io/interfaces.ts'
import { RuleHits } from '../../../src/metrics/rule-hits.ts'
import { BogusLog } from '../../../src/modules/bogus-log/index.ts'
import { type ModuleSet, type OutsideModule, startModules } from '../../../src/modules/index.ts'
import type { Tools } from '../../../src/modules/module.ts'
import { Partitions } from '../../../src/partitions.ts'
import type { Client } from '../../../src/request.ts'
import { anchorsInForce, Core } from '../../../src/resolve.ts'
import { rootHint } from '../../../src/root-hints.ts'
import { defaultSettings, type Settings } from '../../../src/settings.ts'
import { nameFromText, nameToText } from '../../../src/wire/name.ts'
import { parseZoneText } from '../../../src/wire/text.ts'
import { Class, Flag, Rcode, typeFromText, typeText } from '../../../src/wire/types.ts'
import { Authority } from '../../lab/authority.ts'
import { ManualClock } from '../../support/clock.ts'
import { SeededRandom } from '../../support/random.ts'
import { composeScript, readScript, recordText, type ScriptMessage } from '../message.ts'
import { parseRecord } from '../parse-rpl.ts'
import { type Reaction, SILENCE, SimulatedNetwork } from '../simulated-network.ts'

export interface Incoming {
  query: ScriptMessage
  packet: Uint8Array
  protocol: Protocol
  /** How often this server has been asked, this time included. */
  count: number
}

export type Server = (incoming: Incoming) => Reaction

/** Where the root is in every story. */
export const ROOT_ADDRESS = '198.41.0.4'

const HERE: Client = { overUdp: true, address: Uint8Array.of(127, 0, 0, 1), port: 40_000 }

export interface StoryOptions {
  settings?: Partial<Settings>
  /** Modules that do not come with Bowline. */
  outside?: OutsideModule[]
  /** Seconds. */
  ttlMax?: number
  seed?: number
}

export class Story {
  readonly clock = new ManualClock()
  readonly network: SimulatedNetwork
  readonly partitions: Partitions
  /** Of partition 0. */
  readonly core: Core
  readonly cache: Cache
  readonly modules: ModuleSet
  /** Every packet sent to a server, as `192.0.2.1 udp www.example.org. A`; names in lower case. */
  readonly asked: string[] = []
  readonly bogusLog: BogusLog
  readonly ruleHits = new RuleHits()
  /** What went to the log otherwise. */
  readonly events: { event: string; [field: string]: unknown }[] = []
  /** What the core reported as its own mistake. */
  readonly faults: string[] = []
  /** The names as they were sent, letter case included. */
  readonly spelled: string[] = []
  private readonly counts = new Map<string, number>()
  private nextId = 1

  /** `servers`: by address; one with no server behind it is silent. */
  constructor(servers: Record<string, Server>, options: StoryOptions = {}) {
    const random = new SeededRandom(options.seed)
    const { clock } = this
    this.network = new SimulatedNetwork(clock, (address, protocol, packet) => {
      const query = readScript(packet)
      const host = address.hostText
      const name = nameToText(query.question!.name)
      this.asked.push(`${host} ${protocol} ${name.toLowerCase()} ${typeText(query.question!.type)}`)
      this.spelled.push(name)
      const count = (this.counts.get(host) ?? 0) + 1
      this.counts.set(host, count)
      return servers[host]?.({ query, packet, protocol, count }) ?? SILENCE
    })
    const settings: Settings = {
      ...defaultSettings,
      rootHints: [rootHint('a.root-servers.net.', [ROOT_ADDRESS])],
      priming: false,
      minimise: false,
      specialNames: false,
      validate: false,
      trustAnchors: [],
      ...options.settings,
    }
    const ttlMax = options.ttlMax ?? 86_400
    const store = new MemoryStore()
    const cacheOf = (partition: number) =>
      new Cache(store, clock, { ttlMin: 0, ttlMax, negativeTtlMax: 10_800, partition })
    const anchors = anchorsInForce(settings)
    this.bogusLog = new BogusLog({ clock, log: (_level, event, fields) => void this.events.push({ event, ...fields }) })
    this.cache = cacheOf(0)
    const tools: Tools = { clock, random, log: (_level, event, fields) => void this.events.push({ event, ...fields }) }
    const surroundings = {
      bogusLog: this.bogusLog,
      anchors: () => anchors.current,
      outside: options.outside,
      ruleHits: this.ruleHits,
      worker: options.settings?.sections?.clock === undefined ? 2 : 1,
    }
    this.modules = startModules(settings, tools, surroundings)
    const common = {
      transport: this.network,
      clock,
      random,
      modules: this.modules.layers,
      ruleHits: this.ruleHits,
      log: (level: string, event: string, fields?: object) => {
        if (level === 'error') this.faults.push(`${event} ${JSON.stringify(fields)}`)
        else if (level !== 'debug') this.events.push({ event, ...fields })
      },
    }
    this.partitions = new Partitions(settings, (partition, own) =>
      partition === 0
        ? new Core({ ...common, ...own, cache: this.cache, anchors })
        : new Core({ ...common, ...own, cache: cacheOf(partition) }),
    )
    this.core = this.partitions.cores[0]
  }

  /** Asks and lets time run until the answer is there. */
  ask(name: string, type = 'A', flags: number = Flag.RD): ScriptMessage {
    return this.#answerTo(this.send(name, type, flags))
  }

  /** Likewise, as a client at another address than 127.0.0.1, over UDP or TCP. */
  askFrom(address: Uint8Array, name: string, type = 'A', overUdp = true): ScriptMessage {
    return this.#answerTo(this.sendFrom(address, name, type, overUdp))
  }

  #answerTo(answers: ScriptMessage[]): ScriptMessage {
    this.settle()
    if (this.faults.length > 0) throw new Error(this.faults.join('\n'))
    if (answers.length !== 1) throw new Error(`${answers.length} answers to one query`)
    return answers[0]
  }

  /** Asks and goes on; the answer turns up in the array. */
  send(name: string, type = 'A', flags: number = Flag.RD): ScriptMessage[] {
    return this.sendPacket(this.#query(name, type, flags))
  }

  sendFrom(address: Uint8Array, name: string, type = 'A', overUdp = true): ScriptMessage[] {
    return this.sendPacket(this.#query(name, type, Flag.RD), { overUdp, address, port: 40_000 })
  }

  #query(name: string, type: string, flags: number): Uint8Array {
    const question = { name: nameFromText(name), type: typeFromText(type)!, class: Class.IN }
    return composeScript({ ...blank(), id: this.nextId++ & 0xffff, flags, question })
  }

  sendPacket(packet: Uint8Array, client: Client = HERE): ScriptMessage[] {
    const answers: ScriptMessage[] = []
    this.partitions.handle(packet, client, (answer) => {
      if (answer) answers.push(readScript(answer.slice()))
    })
    return answers
  }

  /** Lets time run until nothing is due any more. */
  settle(): void {
    for (let turns = 0; this.partitions.inFlight > 0 && this.clock.advanceToNext(); turns++) {
      if (turns > 100_000) throw new Error('the story does not end')
    }
  }

  elapse(seconds: number): void {
    this.clock.advance(seconds * 1000)
  }

  /** What has been asked since the last call. */
  news(): string[] {
    return this.asked.splice(0)
  }

  timesAsked(address: string): number {
    return this.counts.get(address) ?? 0
  }
}

/** A server that holds these zones and answers as it should. Zone text is relative to the origin, indented as you like; SOA and TTL 3600
 *  (negative TTL 300) are there already. */
export function authority(zones: Record<string, string>): Server {
  const server = new Authority(
    Object.entries(zones).map(([origin, body]) => ({
      origin,
      records: () => parseZoneText(zoneFile(origin, body)),
    })),
  )
  return ({ packet, protocol }) => {
    const packets = server.respond(packet, protocol === 'udp' ? 'udp' : 'tcp')
    return { packets: packets === undefined ? [] : [packets.slice()] }
  }
}

/** The text of a zone with that body, RFC 1035 §5. */
export function zoneFile(origin: string, body: string): string {
  return `$ORIGIN ${origin}\n$TTL 3600\n@ SOA ns.invalid. root.invalid. 1 7200 900 604800 300\n${body.replaceAll(/^ +/gm, '')}\n`
}

export interface ReplyParts {
  /** AA: set unless told otherwise. */
  aa?: boolean
  tc?: boolean
  ra?: boolean
  rcode?: Rcode
  answer?: string[]
  authority?: string[]
  additional?: string[]
  /** False: no OPT even if the query had one. */
  edns?: boolean
}

/** The reply to `query` with these records, scripted to the letter. */
export function reply(query: ScriptMessage, parts: ReplyParts = {}): Uint8Array {
  return composeScript({
    id: query.id,
    flags: Flag.QR | (parts.aa === false ? 0 : Flag.AA) | (parts.tc ? Flag.TC : 0) | (parts.ra ? Flag.RA : 0),
    rcode: parts.rcode ?? Rcode.NOERROR,
    question: query.question,
    answer: (parts.answer ?? []).map(parseRecord),
    authority: (parts.authority ?? []).map(parseRecord),
    additional: (parts.additional ?? []).map(parseRecord),
    edns: parts.edns === false ? undefined : query.edns,
  })
}

/** A server that says the same to everything. */
export function always(parts: ReplyParts): Server {
  return ({ query }) => ({ packets: [reply(query, parts)] })
}

export function failing(failure: ExchangeFailure): Server {
  return () => ({ failure })
}

export const silent: Server = () => SILENCE

/** `first` for the first `times` queries, then `later`. */
export function switching(times: number, first: Server, later: Server): Server {
  return (incoming) => (incoming.count <= times ? first : later)(incoming)
}

/** What people look at first: RCODE mnemonic and the records of the answer section without their TTLs. */
export function gist(message: ScriptMessage): string[] {
  const rcode = Object.entries(Rcode).find(([, value]) => value === message.rcode)?.[0] ?? String(message.rcode)
  return [rcode, ...message.answer.map((record) => recordText(record).replace(/ \d+ /, ' '))]
}

export function address(text: string): ServerAddress {
  return ServerAddress.fromText(text)!
}

function blank(): ScriptMessage {
  return {
    id: 0,
    flags: 0,
    rcode: Rcode.NOERROR,
    question: undefined,
    answer: [],
    authority: [],
    additional: [],
    edns: { udpSize: 1232, version: 0, do: false },
  }
}
