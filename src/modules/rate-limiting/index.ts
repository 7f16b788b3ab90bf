/** Who asks too much over UDP, where anybody can pretend to be anybody? Such queries get an empty answer that makes an honest
 *  client come again over TCP, or none at all: a resolver is worth nothing as an amplifier then, and one client cannot take
 *  what all have to share. Whoever shows a DNS cookie of ours is who it says it is, and is not limited.
 *
 *  HOT: judge() runs once per packet over UDP, in front of the index of ready answers; it allocates nothing for those within
 *  their limits. */

import { hasOptAt, OPT_OCTETS, optionIn, questionEnd } from '../../wire/peek.ts'
import { EdnsOption, Flag, Type } from '../../wire/types.ts'
import { IPV4_PREFIXES, IPV6_PREFIXES, type RateTable, WITHIN_LIMITS } from './table.ts'

export interface RateLimiterOptions {
  table: RateTable
  /** Of so many answers that are held back, one is sent truncated; 0: none. */
  slip: number
  /** Only tells what it would do. */
  dryRun: boolean
  /** Least time between two lines of the log; 0: none at all. */
  logPeriodMs: number
  /** Octets we tell clients to send at most over UDP. */
  udpSize: number
  /** How much a query of this client counts; undefined: 1, for all. */
  priceOf?(address: Uint8Array, destination: Uint8Array | undefined): number
  /** Whether this COOKIE option is one of ours. */
  isGoodCookie?(option: Uint8Array, address: Uint8Array, nowSeconds: number): boolean
  onEvent?(event: LimitedEvent): void
}

export interface LimitedEvent {
  address: Uint8Array
  /** The prefix that is over its limit, in bits. */
  prefixBits: number
  dryRun: boolean
  /** Queries held back since the last event. */
  limited: number
}

/** What judge() may say beside the octets of a truncated answer. */
export const ADMITTED = -1
export const DROPPED = 0

/** Queries over their limit, by what became of them. */
export interface LimitCounts {
  dropped: number
  truncated: number
  cookie: number
  dryRun: number
}

const HEADER = 12

export class RateLimiter {
  readonly counts: LimitCounts = { dropped: 0, truncated: 0, cookie: 0, dryRun: 0 }
  readonly #options: RateLimiterOptions
  #turn = 0
  #toldMs = Number.NEGATIVE_INFINITY
  #untold = 0

  constructor(options: RateLimiterOptions) {
    this.#options = options
  }

  /** Whether a query over UDP may be answered: ADMITTED, DROPPED, or the octets of the answer that has been written to `out`
   *  instead, which are no more than those of the query. Keeps nothing of `address`. */
  judge(
    packet: Uint8Array,
    address: Uint8Array,
    destination: Uint8Array | undefined,
    nowMs: number,
    out: Uint8Array,
  ): number {
    const { table, priceOf } = this.#options
    const price = priceOf === undefined ? 1 : priceOf(address, destination)
    if (price === 0) return ADMITTED
    const over = table.admit(address, price, nowMs)
    return over === WITHIN_LIMITS ? ADMITTED : this.#restrict(packet, address, over, nowMs, out)
  }

  #restrict(packet: Uint8Array, address: Uint8Array, over: number, nowMs: number, out: Uint8Array): number {
    const { dryRun, slip, isGoodCookie } = this.#options
    const cookie = isGoodCookie === undefined ? undefined : optionIn(packet, EdnsOption.COOKIE)
    if (cookie !== undefined && isGoodCookie?.(cookie, address, Math.floor(nowMs / 1000))) {
      this.counts.cookie++
      return ADMITTED
    }
    this.#tell(address, over, nowMs)
    if (dryRun) {
      this.counts.dryRun++
      return ADMITTED
    }
    const octets = slip > 0 && ++this.#turn % slip === 0 ? this.#writeTruncated(packet, out) : 0
    if (octets > 0) this.counts.truncated++
    else this.counts.dropped++
    return octets
  }

  #tell(address: Uint8Array, over: number, nowMs: number): void {
    const { dryRun, logPeriodMs, onEvent } = this.#options
    if (logPeriodMs === 0 || onEvent === undefined) return
    this.#untold++
    if (Math.abs(nowMs - this.#toldMs) < logPeriodMs) return
    const prefixBits = (address.length === 4 ? IPV4_PREFIXES : IPV6_PREFIXES).bits[over]
    onEvent({ address, prefixBits, dryRun, limited: this.#untold })
    this.#toldMs = nowMs
    this.#untold = 0
  }

  /** Header and question with TC, and OPT if the query has one (RFC 6891 §6.1.1); 0 when the packet is no plain query. */
  #writeTruncated(packet: Uint8Array, out: Uint8Array): number {
    const end = questionEnd(packet)
    if (end === 0) return 0
    for (let i = 0; i < end; i++) out[i] = packet[i]
    out[2] = (Flag.QR >> 8) | (Flag.TC >> 8) | (packet[2] & (Flag.RD >> 8))
    out[3] = Flag.RA | (packet[3] & Flag.CD)
    for (let i = 6; i < HEADER; i++) out[i] = 0
    if (!hasOptAt(packet, end)) return end
    const { udpSize } = this.#options
    out[11] = 1
    for (let i = 0; i < OPT_OCTETS; i++) out[end + i] = 0
    out[end + 2] = Type.OPT
    out[end + 3] = udpSize >> 8
    out[end + 4] = udpSize & 0xff
    out[end + 7] = packet[end + 7] & 0x80 // DO, RFC 3225 §3
    return end + OPT_OCTETS
  }
}
