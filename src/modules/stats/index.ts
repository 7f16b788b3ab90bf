/** What is asked most, who asks most, and what fails most? Three sketches of bounded size (src/metrics/frequent.ts).
 *
 *  HOT: note() runs once per query while this is on. Where there are many queries, it counts the first of each millisecond, and
 *  of the others one in SAMPLE for as many: sums stay right on average, at a fraction of the cost. What fails is always
 *  counted. */

import { ServerAddress } from '../../io/address.ts'
import { type Frequent, FrequentKeys, mergeFrequent } from '../../metrics/frequent.ts'
import { FOLD, nameToText } from '../../wire/name.ts'
import { questionEnd } from '../../wire/peek.ts'
import { typeText } from '../../wire/types.ts'

/** What is told, beside names that fail validation, of which another module keeps account. */
export type StatsTable = 'names' | 'clients' | 'servfail'

export interface StatsOptions {
  /** Things of which account is kept, in each table. */
  room: number
  /** Tables begin anew after so long; what was before counts for as long again. */
  windowMs: number
  /** Any 32 bits. */
  seed: number
}

/** A power of two. */
const SAMPLE = 16
const HEADER = 12
const LONGEST_QUESTION = 260
/** Of an IPv6 address, what one customer has: a /56 (RFC 6177 §2). */
const IPV6_CLIENT_OCTETS = 7

export class Stats {
  readonly #options: StatsOptions
  #now: Record<StatsTable, FrequentKeys>
  #before: Record<StatsTable, FrequentKeys>
  #sinceMs = 0
  #countedMs = 0
  #chance: number
  readonly #key = Buffer.alloc(LONGEST_QUESTION)

  constructor(options: StatsOptions) {
    this.#options = options
    this.#chance = options.seed | 1
    this.#now = this.#empty()
    this.#before = this.#empty()
  }

  /** Counts a query, if it is one. Keeps nothing of its arguments. */
  note(packet: Uint8Array, address: Uint8Array, nowMs: number): void {
    let weight = 1
    if (nowMs === this.#countedMs) {
      this.#chance = (Math.imul(this.#chance, 1_664_525) + 1_013_904_223) | 0 // Numerical Recipes' generator: cheap, and even
      if (this.#chance >>> 28 !== 0) return
      weight = SAMPLE
    }
    const question = this.#questionKey(packet)
    if (question === undefined) return
    this.#countedMs = nowMs
    this.#turn(nowMs)
    this.#now.names.add(question, weight)
    this.#now.clients.add(clientKey(address), weight)
  }

  /** Counts an answer that is SERVFAIL. */
  noteFailure(response: Uint8Array, nowMs: number): void {
    const question = this.#questionKey(response)
    if (question === undefined) return
    this.#turn(nowMs)
    this.#now.servfail.add(question)
  }

  /** The most frequent first, of this window and the one before. Names stand with their type. */
  top(table: StatsTable, limit: number, nowMs: number): Frequent[] {
    this.#turn(nowMs)
    const all = [this.#before, this.#now].map((each) => each[table].top(this.#options.room))
    const text = table === 'clients' ? addressText : questionText
    return mergeFrequent(all, limit).map((entry) => ({ ...entry, key: text(entry.key) }))
  }

  #turn(nowMs: number): void {
    const { windowMs } = this.#options
    const ageMs = nowMs - this.#sinceMs
    if (ageMs >= 0 && ageMs < windowMs) return
    this.#before = ageMs >= 0 && ageMs < 2 * windowMs ? this.#now : this.#empty()
    this.#now = this.#empty()
    this.#sinceMs = nowMs
  }

  #empty(): Record<StatsTable, FrequentKeys> {
    const { room } = this.#options
    return { names: new FrequentKeys(room), clients: new FrequentKeys(room), servfail: new FrequentKeys(room) }
  }

  /** Name in lower case, and type; undefined: the message has no question of the plain kind. */
  #questionKey(packet: Uint8Array): string | undefined {
    const end = questionEnd(packet)
    if (end === 0) return undefined
    const key = this.#key
    const octets = end - 2 - HEADER // without the class
    for (let i = 0; i < octets; i++) key[i] = FOLD[packet[HEADER + i]]
    key[octets - 2] = packet[end - 4]
    key[octets - 1] = packet[end - 3]
    return key.toString('latin1', 0, octets)
  }
}

function clientKey(address: Uint8Array): string {
  const [a, b, c, d, e, f, g] = address
  return address.length === 4 ? String.fromCharCode(a, b, c, d) : String.fromCharCode(a, b, c, d, e, f, g)
}

function addressText(key: string): string {
  const octets = new Uint8Array(key.length === IPV6_CLIENT_OCTETS ? 16 : 4)
  octets.set(Buffer.from(key, 'latin1'))
  const { hostText } = new ServerAddress(octets, 0)
  return octets.length === 4 ? hostText : `${hostText}/${8 * IPV6_CLIENT_OCTETS}`
}

function questionText(key: string): string {
  const octets = Buffer.from(key, 'latin1')
  const type = octets.readUInt16BE(octets.length - 2)
  return `${nameToText(octets.subarray(0, -2))} ${typeText(type)}`
}
