/** Plays one scenario against a resolver: the replayer is its client, its clock and every server it asks. */

import { createHmac } from 'node:crypto'
import { ServerAddress } from '../../src/io/address.ts'
import type { Clock, Protocol, Random, Transport } from '../../src/io/interfaces.ts'
import { foldName, nameFromText } from '../../src/wire/name.ts'
import { Flag, Rcode, Type } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'
import { findMismatch } from './match.ts'
import { composeScript, messageText, questionText, readScript, type ScriptMessage, SECTIONS } from './message.ts'
import { type Entry, type Scenario, ScenarioError, type Step } from './parse-rpl.ts'
import { type FarSide, type Reaction, SILENCE, SimulatedNetwork } from './simulated-network.ts'

/** `undefined`: every check holds, but the resolver asked something the script has no answer for. */
export type Verdict = 'pass' | 'fail' | 'undefined'

export interface Outcome {
  verdict: Verdict
  /** What failed, or what was not scripted; empty for a pass. */
  reason: string
  /** What happened, in order; each entry is made into text when somebody reads it. */
  story: (() => string)[]
  /** Packets the resolver sent. */
  sent: Record<Protocol, number>
}

/** The world a resolver under test is put into. */
export interface World {
  clock: Clock
  transport: Transport
  random: Random
}

export interface ResolverUnderTest {
  /** Hands the resolver one client packet, as if by UDP; `respond` gets its answer, then or later, at most once. */
  handle(packet: Uint8Array, client: ServerAddress, respond: (packet: Uint8Array) => void): void
  /** What went wrong inside, if anything did: an answer alone may not show it. */
  fault?(): string | undefined
  close?(): void | Promise<void>
}

export interface ReplayOptions {
  startMs: number
  /** Timers follow ELAPSE: a jump of a day fires what is due within it. */
  timersFollowElapse: boolean
  /** Where the queries come from. */
  client: ServerAddress
  start(world: World): ResolverUnderTest
  seed?: number
}

/** How long the client waits for an answer. */
const PATIENCE_MS = 5000
/** Turns of the event loop in which work outside virtual time (a promise, a thread) may still set a timer. */
const IDLE_TURNS = 10

/** Plays all steps in order until one fails. The only exceptions are ScenarioErrors: faults of the script itself. */
export async function replay(scenario: Scenario, options: ReplayOptions): Promise<Outcome> {
  const stage = new Stage(scenario, options)
  try {
    const failure = await stage.play()
    const unscripted = stage.script.unscripted
    const verdict = failure !== undefined ? 'fail' : unscripted.length > 0 ? 'undefined' : 'pass'
    const reason = [...(failure === undefined ? [] : [failure]), ...unscripted.map((query) => `not scripted: ${query}`)]
    return { verdict, reason: reason.join('\n'), story: stage.story, sent: stage.network.sent }
  } finally {
    await stage.resolver.close?.()
  }
}

class Stage {
  readonly story: (() => string)[] = []
  readonly script: Script
  readonly network: SimulatedNetwork
  readonly resolver: ResolverUnderTest
  private readonly scenario: Scenario
  private readonly options: ReplayOptions
  private readonly clock: ManualClock
  private readonly random: SeededRandom
  private answer: ScriptMessage | undefined

  constructor(scenario: Scenario, options: ReplayOptions) {
    this.scenario = scenario
    this.options = options
    this.clock = new ManualClock(options.startMs)
    this.random = new SeededRandom(options.seed)
    this.script = new Script(scenario)
    this.network = new SimulatedNetwork(this.clock, (server, protocol, packet) => {
      const reaction = this.script.react(ServerAddress.fromKey(server.key), packet) // scripts know no certificates
      this.tellExchange(server, protocol, packet, reaction)
      return reaction
    })
    this.resolver = options.start({ clock: this.clock, transport: this.network, random: this.random })
  }

  /** Undefined when every step held; otherwise what did not, and where. */
  async play(): Promise<string | undefined> {
    for (const step of this.scenario.steps) {
      this.script.currentStep = step.id
      let failure: string | undefined
      try {
        failure = await this.playStep(step)
      } catch (error) {
        if (error instanceof ScenarioError) throw error
        failure = `the resolver failed: ${error instanceof Error ? error.stack : error}`
      }
      const fault = this.resolver.fault?.()
      if (fault !== undefined) failure = `the resolver failed: ${fault}`
      if (failure === undefined) continue
      this.tell(() => `FAILED: ${failure}`)
      return `step ${step.id} (line ${step.line}): ${failure}`
    }
    const unused = this.script.unusedMandatory()
    return unused && `the mandatory entry of line ${unused.line} was never asked for`
  }

  private playStep(step: Step): string | undefined | Promise<string | undefined> {
    switch (step.kind) {
      case 'QUERY':
        return this.ask(step.entry, step.id)
      case 'CHECK_ANSWER':
        return this.answer ? this.check(step.entry, this.answer) : 'there is no answer to check'
      case 'TIME_PASSES':
        this.tell(() => `${step.elapseSeconds} s pass`)
        return this.elapse(step.elapseSeconds * 1000)
      case 'REPLY': // waits in the script until it is asked for
      case 'CHECK_OUT_QUERY':
        return undefined
    }
  }

  private check(entry: Entry, answer: ScriptMessage): string | undefined {
    const mismatch = findMismatch(entry, answer)
    if (mismatch === undefined) return undefined
    return [mismatch, ...(answer.edes ?? []).map((ede) => `    EDE ${ede}`)].join('\n')
  }

  private async ask(entry: Entry, stepId: number): Promise<string | undefined> {
    this.answer = undefined
    const id = this.random.u16()
    const packet = entry.raw ?? this.signed(entry, composeScript({ ...entry.message, id }))
    this.tell(() => `step ${stepId}: client asks ${questionText(entry.message.question)}`)
    let received: Uint8Array | undefined
    let answers = 0
    this.resolver.handle(packet.slice(), this.options.client, (answer) => {
      answers++
      if (answers === 1) received = answer.slice()
    })
    if (entry.raw) return undefined // nobody waits for an answer to broken octets
    await this.run(this.clock.monotonicMs() + PATIENCE_MS, () => answers > 0 && this.network.inFlight === 0)
    if (answers > 1) return `${answers} answers to one query`
    if (!received) return `no answer within ${PATIENCE_MS / 1000} s`
    const answer = readScript(received)
    this.tell(() => `client gets ${messageText(answer)}`)
    if (answer.id !== id) return `the answer's ID is ${answer.id}, the query's was ${id}`
    this.answer = answer
    return undefined
  }

  private async elapse(ms: number): Promise<undefined> {
    if (!this.options.timersFollowElapse) {
      this.clock.jumpWall(ms)
      return
    }
    const until = this.clock.monotonicMs() + ms
    await this.run(until, () => false)
    this.clock.advance(until - this.clock.monotonicMs())
  }

  /** Lets virtual time run until `isDone`, until nothing is left that could happen, or until `untilMs`. */
  private async run(untilMs: number, isDone: () => boolean): Promise<void> {
    let idleTurns = 0
    while (idleTurns < IDLE_TURNS) {
      await turn()
      if (isDone()) return
      const dueMs = this.clock.nextDueMs
      if (dueMs !== undefined && dueMs > untilMs) return
      idleTurns = this.clock.advanceToNext() ? 0 : idleTurns + 1
    }
  }

  private signed(entry: Entry, packet: Uint8Array): Uint8Array {
    return entry.tsig ? signQuery(packet, entry.tsig, this.clock.wallMs()) : packet
  }

  private tellExchange(server: ServerAddress, protocol: Protocol, packet: Uint8Array, reaction: Reaction): void {
    this.tell(() => `  asks ${server} ${protocol} ${textOf(packet, (message) => questionText(message.question))}`)
    if ('failure' in reaction) this.tell(() => `    ${reaction.failure}`)
    else if (reaction.packets.length === 0) this.tell(() => '    silence')
    else for (const answer of reaction.packets) this.tell(() => `    ${textOf(answer, messageText)}`)
  }

  private tell(line: () => string): void {
    const ms = this.clock.monotonicMs()
    this.story.push(() => `${(ms / 1000).toFixed(3).padStart(8)}  ${line()}`)
  }
}

/** The far side of a scenario: which server answers what, at the step in play. */
class Script {
  currentStep = 0
  /** Queries nothing was scripted for. */
  readonly unscripted: string[] = []
  private readonly scenario: Scenario
  private readonly inRanges: Set<string>
  private readonly servers: Set<string>
  private readonly used = new Set<Entry>()

  constructor(scenario: Scenario) {
    this.scenario = scenario
    this.inRanges = new Set(scenario.ranges.flatMap((range) => range.addresses.map((address) => address.key)))
    this.servers = new Set([...this.inRanges, ...replyStepAddresses(scenario)])
  }

  /** As a FarSide, but the transport does not matter. */
  react(server: ServerAddress, packet: Uint8Array): ReturnType<FarSide> {
    if (!this.servers.has(server.key)) return SILENCE
    const query = readScript(packet)
    const entry = this.findEntry(server, query)
    if (!entry) {
      this.unscripted.push(`${questionText(query.question)} to ${server} in step ${this.currentStep}`)
      return { packets: [composeScript({ ...emptyReply(query), rcode: Rcode.SERVFAIL })] }
    }
    this.used.add(entry)
    if (entry.adjust.has('do_not_answer')) return SILENCE
    return { packets: [buildReply(entry, query)] }
  }

  unusedMandatory(): Entry | undefined {
    return this.scenario.ranges
      .flatMap((range) => range.entries)
      .find((entry) => entry.mandatory && !this.used.has(entry))
  }

  private findEntry(server: ServerAddress, query: ScriptMessage): Entry | undefined {
    const isFitting = (entry: Entry) => findMismatch(entry, query) === undefined
    // Only the first range in force counts, whether it has a fitting entry or not.
    const range = this.scenario.ranges.find(
      ({ from, to, addresses }) =>
        from <= this.currentStep &&
        this.currentStep <= to &&
        (!this.inRanges.has(server.key) || addresses.some((address) => address.key === server.key)),
    )
    if (range) return range.entries.find(isFitting)
    for (const step of this.scenario.steps) {
      if (step.kind !== 'REPLY' || step.id < this.currentStep || this.used.has(step.entry)) continue
      if (isFitting(step.entry)) return step.entry // once used, it is spent
    }
    return undefined
  }
}

function* replyStepAddresses(scenario: Scenario): Generator<string> {
  for (const step of scenario.steps) {
    if (step.kind !== 'REPLY') continue
    for (const section of SECTIONS) {
      for (const { type, rdata } of step.entry.message[section]) {
        if (type === Type.A || type === Type.AAAA) yield new ServerAddress(rdata).key
      }
    }
  }
}

function emptyReply(query: ScriptMessage): ScriptMessage {
  return {
    id: query.id,
    flags: Flag.QR | (query.flags & Flag.RD),
    rcode: Rcode.NOERROR,
    question: query.question,
    answer: [],
    authority: [],
    additional: [],
    edns: query.edns && { ...query.edns, udpSize: 4096 },
  }
}

/** The entry's message, adjusted to the query it answers. Nothing else is set, sorted or truncated. */
function buildReply(entry: Entry, query: ScriptMessage): Uint8Array {
  if (entry.raw) {
    const octets = entry.raw.slice()
    if (entry.adjust.has('raw_id')) octets.set([query.id >> 8, query.id & 0xff])
    return octets
  }
  const reply = { ...entry.message }
  const copyId = entry.adjust.has('copy_id')
  const copyQuery = entry.adjust.has('copy_query')
  if (copyId) {
    reply.id = query.id
    // The name with the query's letter case; the type stays the script's.
    if (reply.question && query.question) reply.question = { ...reply.question, name: query.question.name }
  }
  if (copyQuery) reply.question = query.question
  if (copyId || copyQuery) reply.edns = query.edns && { ...reply.edns!, version: query.edns.version, do: query.edns.do }
  return composeScript(reply)
}

const TSIG_FUDGE_SECONDS = 300

/** Adds a TSIG record, HMAC-SHA256 (RFC 8945 §4.2, §4.3.3). */
function signQuery(packet: Uint8Array, key: NonNullable<Entry['tsig']>, wallMs: number): Uint8Array {
  const keyName = foldName(key.keyName)
  const algorithm = nameFromText('hmac-sha256.')
  const classAny = Buffer.from([0, 255])
  const time = Buffer.alloc(8)
  time.writeUIntBE(Math.floor(wallMs / 1000), 0, 6)
  time.writeUInt16BE(TSIG_FUDGE_SECONDS, 6)
  const noErrorNoOther = Buffer.alloc(4)
  const variables = [keyName, classAny, Buffer.alloc(4), algorithm, time, noErrorNoOther]
  const mac = createHmac('sha256', key.secret)
    .update(Buffer.concat([packet, ...variables]))
    .digest()

  const macSize = Buffer.alloc(2)
  macSize.writeUInt16BE(mac.length)
  const rdata = Buffer.concat([algorithm, time, macSize, mac, packet.subarray(0, 2), noErrorNoOther])
  const fixed = Buffer.alloc(10) // type, class, TTL, RDLENGTH
  fixed.writeUInt16BE(Type.TSIG, 0)
  fixed.set(classAny, 2)
  fixed.writeUInt16BE(rdata.length, 8)
  const signed = Buffer.concat([packet, key.keyName, fixed, rdata])
  signed.writeUInt16BE(signed.readUInt16BE(10) + 1, 10)
  return signed
}

function textOf(packet: Uint8Array, describe: (message: ScriptMessage) => string): string {
  try {
    return describe(readScript(packet))
  } catch (error) {
    return `(unreadable: ${(error as Error).message})`
  }
}

/** Lets promises and other work outside virtual time catch up. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
