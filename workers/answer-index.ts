/** HOT: finds a ready answer for a query packet; runs once per client packet. No allocation, throw or await.
 *
 *    slots    positions of entries, eight to a hash; 0 = free. A position counts all octets ever written, so one that the
 *             ring has lapped shows by itself
 *    ring     entries one after the other, each at a multiple of 4:
 *               hash u32 · expires u32 · stored u32 · hits u32 · answer octets u16 · TTL fields u16 ·
 *               key flags u8, policy u16 (the key), secure 1 bit · rotating records 7 bits ·
 *               their start u16 · octets of one u16 ·
 *               (offset of a TTL field u16)… · the answer without OPT, its question in lower case
 *
 *  Seconds are those of the worker's clock. ID, flags, question and TTLs are patched on the way out, OPT is appended.
 *  Twin: test/workers/plain-index.ts. Bench: npm run bench:micro. */

import { OTHER_QTYPES } from '../src/metrics/tables.ts'
import { COMMON_POLICY } from '../src/modules/views/policies.ts'
import { FOLD } from '../src/wire/name.ts'
import { Class, EdnsOption, Flag, Rcode, Type } from '../src/wire/types.ts'

export interface AnswerIndexOptions {
  /** Memory for answers; the slots take a quarter of it on top. */
  octets: number
  /** EDNS buffer size we announce, and the most we send over UDP. */
  udpSize: number
  /** Start sets of addresses at another record each time, RFC 1794. */
  rotate: boolean
  /** Makes hashes unforeseeable, so that nobody can fill one slot on purpose; any 32 bits. */
  seed: number
}

const HEADER = 12
const OPT_OCTETS = 11
const HEAD_WORDS = 7
const HEAD_OCTETS = HEAD_WORDS * 4
const WAYS = 8
/** Octets of ring for each slot: answers are about this long. */
const OCTETS_PER_SLOT = 128
const MAX_ANSWER = 4096
const MAX_TTL_FIELDS = 128

/** Word offsets into an entry. */
const HASH = 0
const EXPIRES = 1
const STORED = 2
const HITS = 3
const SIZES = 4
const MARKS = 5
const ROTATION = 6

/** Key flags: what, beside the question, makes another answer of it. */
const KEY_DO = 1
const KEY_CD = 2
/** The policy is above them. */
const POLICY_SHIFT = 8
/** With the policy. */
const KEY_MASK = 0xffffff

/** Validation said so: what goes into the flags of an answer. */
const SECURE = 1 << 24
const ROTATING_SHIFT = 25
const MAX_ROTATING = 127
/** Policies that there is room for in a key; clients of others have no ready answers. */
export const MAX_POLICY = 0xffff

export class AnswerIndex {
  /** Packets answered. */
  hits = 0
  /** Packets that could have been, had their answer been here. */
  misses = 0
  /** Packets answered, by the type asked for; those above 255 together. */
  readonly types = new Float64Array(OTHER_QTYPES + 1)
  readonly #udpSize: number
  readonly #rotate: boolean
  readonly #seed: number
  readonly #slots: Float64Array
  readonly #slotMask: number
  readonly #ring: Uint8Array
  readonly #words: Uint32Array
  /** Octets ever written; the next entry goes to this position. Starts past 0, which stands for a free slot. */
  #head: number
  #nowSeconds = 0
  #turn = 0

  // What #readQuery() found in the packet at hand.
  #hash = 0
  #nameEnd = 0
  #keyFlags = 0
  #hasEdns = false
  #limit = 0

  constructor({ octets, udpSize, rotate, seed }: AnswerIndexOptions) {
    const ringOctets = 2 ** Math.floor(Math.log2(Math.max(octets, 64 * 1024)))
    const slots = (ringOctets / OCTETS_PER_SLOT) * 2
    this.#udpSize = udpSize
    this.#rotate = rotate
    this.#seed = seed | 0
    this.#slots = new Float64Array(slots)
    this.#slotMask = slots - 1
    this.#ring = new Uint8Array(ringOctets)
    this.#words = new Uint32Array(this.#ring.buffer)
    this.#head = ringOctets
  }

  /** Octets of memory in use. */
  get octets(): number {
    return this.#ring.length + this.#slots.length * 8
  }

  /** Tells the time, milliseconds of the wall clock; once per batch of packets is enough. */
  tick(wallMs: number): void {
    this.#nowSeconds = Math.floor(wallMs / 1000)
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.fill(0)
  }

  /** Writes the answer to `packet` into `out` and gives its octets; 0: not here, or not that simple a query. `out` has
   *  room for MAX_ANSWER octets and OPT. `policy`: whose answers the client gets (src/modules/views/policies.ts). */
  answer(packet: Uint8Array, out: Uint8Array, overUdp: boolean, policy: number): number {
    if (!this.#readQuery(packet, overUdp, policy)) return 0
    const entry = this.#find(packet)
    if (entry < 0) {
      this.misses++
      return 0
    }
    const words = this.#words
    const at = entry >>> 2
    const sizes = words[at + SIZES]
    const octets = sizes & 0xffff
    const total = this.#hasEdns ? octets + OPT_OCTETS : octets
    if (total > this.#limit) return 0 // has to be cut, with care
    words[at + HITS]++
    this.hits++
    this.types[packet[this.#nameEnd] === 0 ? packet[this.#nameEnd + 1] : OTHER_QTYPES]++
    this.#write(packet, out, entry, octets, sizes >>> 16)
    return total
  }

  /** Keeps `response`, which answers `packet`. `secure`: validation said so. Only plain answers are kept: NOERROR or
   *  NXDOMAIN, whole, with TTLs, and nothing in OPT. */
  insert(packet: Uint8Array, response: Uint8Array, secure: boolean, policy: number): boolean {
    if (!this.#readQuery(packet, false, policy)) return false
    const flags = (response[2] << 8) | response[3]
    const rcode = flags & 0xf
    if ((flags & Flag.TC) !== 0 || (rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN)) return false
    if (((response[4] << 8) | response[5]) !== 1 || response.length > MAX_ANSWER) return false
    if (!this.#survey(response)) return false
    const octets = survey.octets
    const size = (HEAD_OCTETS + survey.ttlFields * 2 + octets + 3) & ~3
    const entry = this.#reserve(size)
    const words = this.#words
    const at = entry >>> 2
    words[at + HASH] = this.#hash
    // In the last tenth of its time it goes the full way, where it is asked for again (src/layers/prefetch.ts).
    words[at + EXPIRES] = this.#nowSeconds + survey.leastTtl - Math.floor(survey.leastTtl / 10)
    words[at + STORED] = this.#nowSeconds
    words[at + HITS] = 0
    words[at + SIZES] = octets | (survey.ttlFields << 16)
    words[at + MARKS] = this.#keyFlags | (secure ? SECURE : 0) | (survey.rotating << ROTATING_SHIFT)
    words[at + ROTATION] = survey.rotateStart | (survey.rotateOctets << 16)
    this.#fill(entry, response, octets)
    this.#occupy(this.#head - size)
    return true
  }

  /** Slots: each may have an answer, of which hitsOf() and questionOf() tell. */
  get size(): number {
    return this.#slots.length
  }

  /** How often the answer in a slot was given; 0 also where there is none that is still good, or for clients of a policy of their own. */
  hitsOf(slot: number): number {
    const position = this.#slots[slot]
    if (position === 0 || position < this.#head - this.#ring.length) return 0
    const at = (position & (this.#ring.length - 1)) >>> 2
    const isOurs = (this.#words[at + MARKS] & KEY_MASK) >>> POLICY_SHIFT === COMMON_POLICY
    return isOurs && this.#words[at + EXPIRES] > this.#nowSeconds ? this.#words[at + HITS] : 0
  }

  /** A query that the answer in a slot answers; there has to be one. */
  questionOf(slot: number): Uint8Array {
    const entry = this.#slots[slot] & (this.#ring.length - 1)
    const keyFlags = this.#words[(entry >>> 2) + MARKS]
    const start = this.#answerStart(entry)
    let end = start + HEADER
    while (this.#ring[end] !== 0) end += this.#ring[end] + 1
    end += 5
    const hasDo = (keyFlags & KEY_DO) !== 0
    const query = new Uint8Array(end - start + (hasDo ? OPT_OCTETS : 0))
    query.set(this.#ring.subarray(start, end))
    query.fill(0, 0, HEADER)
    query[2] = Flag.RD >> 8
    query[3] = keyFlags & KEY_CD ? Flag.CD : 0
    query[5] = 1
    if (hasDo) {
      query[11] = 1
      query.set([0, 0, Type.OPT, this.#udpSize >>> 8, this.#udpSize & 255, 0, 0, 0x80, 0, 0, 0], end - start)
    }
    return query
  }

  // --- finding ------------------------------------------------------------------------------------------------------

  /** Reads the parts of a simple query: one question of class IN, RD, at most an OPT. False: leave it to the full path. */
  #readQuery(packet: Uint8Array, overUdp: boolean, policy: number): boolean {
    const octets = packet.length
    if (octets < HEADER + 5 || policy > MAX_POLICY) return false
    // QR 0, opcode 0, AA 0, TC 0, RD 1; one question, no answer, no authority, at most one additional record
    if (packet[2] !== 1 || packet[4] !== 0 || packet[5] !== 1) return false
    if ((packet[6] | packet[7] | packet[8] | packet[9] | packet[10]) !== 0 || packet[11] > 1) return false
    let hash = this.#seed
    let at = HEADER
    for (let label = packet[at]; label !== 0; label = packet[at]) {
      const end = at + label + 1
      if (label > 63 || end + 5 > octets || end - HEADER > 254) return false
      for (; at < end; at++) hash = Math.imul(hash ^ FOLD[packet[at]], 0x01000193)
    }
    const nameEnd = at + 1
    if (nameEnd + 4 > octets || packet[nameEnd + 2] !== 0 || packet[nameEnd + 3] !== Class.IN) return false
    let keyFlags = (packet[3] & Flag.CD ? KEY_CD : 0) | (policy << POLICY_SHIFT)
    let limit = 512
    const hasEdns = packet[11] === 1
    if (hasEdns) {
      const opt = nameEnd + 4
      if (opt + OPT_OCTETS > octets || packet[opt] !== 0 || packet[opt + 1] !== 0 || packet[opt + 2] !== Type.OPT)
        return false
      if (packet[opt + 5] !== 0 || packet[opt + 6] !== 0) return false // extended RCODE, version
      if (packet[opt + 7] & 0x80) keyFlags |= KEY_DO
      const size = (packet[opt + 3] << 8) | packet[opt + 4]
      limit = Math.max(512, Math.min(size, this.#udpSize))
      if (!hasPlainOptions(packet, opt)) return false
    }
    hash = Math.imul(hash ^ packet[nameEnd], 0x01000193)
    hash = Math.imul(hash ^ packet[nameEnd + 1], 0x01000193)
    hash = Math.imul(hash ^ keyFlags, 0x01000193)
    hash ^= hash >>> 15
    this.#hash = hash >>> 0
    this.#nameEnd = nameEnd
    this.#keyFlags = keyFlags
    this.#hasEdns = hasEdns
    this.#limit = overUdp ? limit : 0xffff
    return true
  }

  /** Where the entry for the query at hand begins in the ring; -1: there is none that is still good. */
  #find(packet: Uint8Array): number {
    const slots = this.#slots
    const words = this.#words
    const mask = this.#ring.length - 1
    const oldest = this.#head - this.#ring.length
    const first = (this.#hash & this.#slotMask & ~(WAYS - 1)) >>> 0
    for (let slot = first; slot < first + WAYS; slot++) {
      const position = slots[slot]
      if (position === 0 || position < oldest) continue
      const entry = position & mask
      const at = entry >>> 2
      if (words[at + HASH] !== this.#hash || words[at + EXPIRES] <= this.#nowSeconds) continue
      if ((words[at + MARKS] & KEY_MASK) === this.#keyFlags && this.#isSameQuestion(packet, entry)) return entry
    }
    return -1
  }

  #isSameQuestion(packet: Uint8Array, entry: number): boolean {
    const ring = this.#ring
    const shift = this.#answerStart(entry)
    const nameEnd = this.#nameEnd
    for (let i = HEADER; i < nameEnd; i++) if (FOLD[packet[i]] !== ring[shift + i]) return false
    return packet[nameEnd] === ring[shift + nameEnd] && packet[nameEnd + 1] === ring[shift + nameEnd + 1]
  }

  #answerStart(entry: number): number {
    return entry + HEAD_OCTETS + (this.#words[(entry >>> 2) + SIZES] >>> 16) * 2
  }

  // --- answering ----------------------------------------------------------------------------------------------------

  #write(packet: Uint8Array, out: Uint8Array, entry: number, octets: number, ttlFields: number): void {
    const ring = this.#ring
    const at = entry >>> 2
    const marks = this.#words[at + MARKS]
    const start = entry + HEAD_OCTETS + ttlFields * 2
    const questionEnd = this.#nameEnd + 4
    out[0] = packet[0]
    out[1] = packet[1]
    out[2] = ring[start + 2] | (packet[2] & 1) // RD as asked
    const maySee = (this.#keyFlags & KEY_DO) !== 0 || (packet[3] & Flag.AD) !== 0
    const ad = maySee && (marks & SECURE) !== 0 && (this.#keyFlags & KEY_CD) === 0 ? Flag.AD : 0
    out[3] = ring[start + 3] | (packet[3] & Flag.CD) | ad
    for (let i = 4; i < HEADER; i++) out[i] = ring[start + i]
    for (let i = HEADER; i < questionEnd; i++) out[i] = packet[i] // spelled as the client spelled it
    const rotating = marks >>> ROTATING_SHIFT
    if (rotating > 1 && this.#rotate)
      this.#copyRotated(out, start, questionEnd, octets, rotating, this.#words[at + ROTATION])
    else for (let i = questionEnd; i < octets; i++) out[i] = ring[start + i]
    const age = this.#nowSeconds - this.#words[at + STORED]
    if (age > 0) this.#age(out, entry + HEAD_OCTETS, ttlFields, age)
    if (this.#hasEdns) this.#appendOpt(out, octets)
  }

  /** Copies with the rotating records begun at another one each time. */
  #copyRotated(out: Uint8Array, start: number, from: number, octets: number, rotating: number, rotation: number): void {
    const ring = this.#ring
    const blockStart = rotation & 0xffff
    const block = rotating * (rotation >>> 16)
    const skip = (this.#turn++ % rotating) * (rotation >>> 16)
    for (let i = from; i < blockStart; i++) out[i] = ring[start + i]
    for (let i = 0; i < block; i++) {
      const source = i + skip
      out[blockStart + i] = ring[start + blockStart + (source < block ? source : source - block)]
    }
    for (let i = blockStart + block; i < octets; i++) out[i] = ring[start + i]
  }

  /** Takes `age` seconds off every TTL. Rotating records have TTL fields at the same places. */
  #age(out: Uint8Array, fields: number, count: number, age: number): void {
    const ring = this.#ring
    for (let i = 0; i < count; i++) {
      const at = ring[fields + 2 * i] | (ring[fields + 2 * i + 1] << 8)
      const ttl = ((out[at] << 24) | (out[at + 1] << 16) | (out[at + 2] << 8) | out[at + 3]) - age
      out[at] = ttl >>> 24
      out[at + 1] = ttl >>> 16
      out[at + 2] = ttl >>> 8
      out[at + 3] = ttl
    }
  }

  #appendOpt(out: Uint8Array, octets: number): void {
    out[11]++ // ARCOUNT: kept answers have few additional records
    out[octets] = 0
    out[octets + 1] = 0
    out[octets + 2] = Type.OPT
    out[octets + 3] = this.#udpSize >>> 8
    out[octets + 4] = this.#udpSize
    out[octets + 5] = 0
    out[octets + 6] = 0
    out[octets + 7] = this.#keyFlags & KEY_DO ? 0x80 : 0
    out[octets + 8] = 0
    out[octets + 9] = 0
    out[octets + 10] = 0
  }

  // --- keeping ------------------------------------------------------------------------------------------------------

  /** Goes through the records of a response: where its TTLs are, the least of them, where OPT begins, what may rotate. */
  #survey(response: Uint8Array): boolean {
    let at = this.#nameEnd + 4
    const answers = (response[6] << 8) | response[7]
    const records = answers + ((response[8] << 8) | response[9]) + ((response[10] << 8) | response[11])
    if (records > MAX_TTL_FIELDS || records === 0 || response[10] !== 0) return false
    survey.ttlFields = 0
    survey.leastTtl = 0x7fffffff
    survey.rotating = 0
    let runStart = 0
    let runOctets = 0
    let run = 0
    for (let record = 0; record < records; record++) {
      const start = at
      while (at < response.length && response[at] !== 0 && response[at] < 0xc0) at += response[at] + 1
      at += response[at] >= 0xc0 ? 2 : 1
      if (at + 10 > response.length) return false
      const type = (response[at] << 8) | response[at + 1]
      const rdlength = (response[at + 8] << 8) | response[at + 9]
      if (type === Type.OPT) {
        if (rdlength !== 0 || record !== records - 1) return false // it says something, to this client
        survey.octets = start
        survey.hasOpt = true
        return survey.leastTtl > 0 && survey.ttlFields > 0
      }
      const ttl =
        ((response[at + 4] << 24) | (response[at + 5] << 16) | (response[at + 6] << 8) | response[at + 7]) >>> 0
      if (ttl < survey.leastTtl) survey.leastTtl = ttl
      ttlOffsets[survey.ttlFields++] = at + 4
      at += 10 + rdlength
      if (at > response.length) return false
      // Addresses at the end of the answer section, alike but for the address, can change places.
      const rotates = record < answers && (type === Type.A || type === Type.AAAA)
      if (rotates && run > 0 && at - start === runOctets && isSameHead(response, runStart, start, runOctets - rdlength))
        run++
      else if (record < answers) {
        run = rotates ? 1 : 0
        runStart = start
        runOctets = at - start
      }
    }
    if (run > 1 && run <= MAX_ROTATING) {
      survey.rotating = run
      survey.rotateStart = runStart
      survey.rotateOctets = runOctets
    }
    survey.octets = at
    survey.hasOpt = false
    return survey.leastTtl > 0
  }

  /** Room for `octets` in the ring, never across its end. */
  #reserve(octets: number): number {
    const mask = this.#ring.length - 1
    if ((this.#head & mask) + octets > this.#ring.length) this.#head += this.#ring.length - (this.#head & mask)
    const entry = this.#head & mask
    this.#head += octets
    return entry
  }

  #fill(entry: number, response: Uint8Array, octets: number): void {
    const ring = this.#ring
    const fields = entry + HEAD_OCTETS
    for (let i = 0; i < survey.ttlFields; i++) {
      ring[fields + 2 * i] = ttlOffsets[i]
      ring[fields + 2 * i + 1] = ttlOffsets[i] >>> 8
    }
    const start = fields + survey.ttlFields * 2
    for (let i = 0; i < octets; i++) ring[start + i] = response[i]
    for (let i = HEADER; i < this.#nameEnd; i++) ring[start + i] = FOLD[response[i]]
    ring[start + 2] &= ~1 // RD
    ring[start + 3] &= ~(Flag.CD | Flag.AD)
    if (survey.hasOpt) ring[start + 11]--
  }

  /** Puts a position into the slots of its hash: in place of itself, or of one that is gone, or of the oldest. */
  #occupy(position: number): void {
    const slots = this.#slots
    const mask = this.#ring.length - 1
    const oldest = this.#head - this.#ring.length
    const first = (this.#hash & this.#slotMask & ~(WAYS - 1)) >>> 0
    let chosen = first
    for (let slot = first; slot < first + WAYS; slot++) {
      const held = slots[slot]
      if (held === 0 || held < oldest || this.#words[(held & mask) >>> 2] === this.#hash) {
        chosen = slot
        break
      }
      if (held < slots[chosen]) chosen = slot
    }
    slots[chosen] = position
  }
}

/** What #survey() found; one for all, as nothing here waits. */
const survey = {
  octets: 0,
  ttlFields: 0,
  leastTtl: 0,
  hasOpt: false,
  rotating: 0,
  rotateStart: 0,
  rotateOctets: 0,
}
const ttlOffsets = new Uint16Array(MAX_TTL_FIELDS)

/** Whether two records begin alike: owner, type, class, TTL, length. */
function isSameHead(response: Uint8Array, a: number, b: number, octets: number): boolean {
  for (let i = 0; i < octets; i++) if (response[a + i] !== response[b + i]) return false
  return true
}

/** Whether the options ask for nothing that has to be answered: NSID, cookies and keepalive do. */
function hasPlainOptions(packet: Uint8Array, opt: number): boolean {
  const end = opt + OPT_OCTETS + ((packet[opt + 9] << 8) | packet[opt + 10])
  if (end !== packet.length) return false
  for (let at = opt + OPT_OCTETS; at < end; ) {
    if (at + 4 > end) return false
    const code = (packet[at] << 8) | packet[at + 1]
    if (code !== EdnsOption.PADDING && code !== EdnsOption.CLIENT_SUBNET) return false
    at += 4 + ((packet[at + 2] << 8) | packet[at + 3])
    if (at > end) return false
  }
  return true
}
