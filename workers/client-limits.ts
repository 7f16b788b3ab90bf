/** How much of a worker may one client hold? Counts the queries that wait for recursion, and paces their answers.
 *
 *  DNSBomb (Li et al., IEEE S&P 2024) lets thousands of answers wait and then come out all at once, at a victim's address.
 *  Three bounds take that away: few may wait per client, what has waited too long is not sent over UDP at all, and the
 *  rest leaves a few per millisecond. Answers that need no waiting (from the cache) pass by untouched. */

import type { Clock } from '../src/io/interfaces.ts'
import { optionIn } from '../src/wire/peek.ts'
import { EdnsOption } from '../src/wire/types.ts'

export interface ClientLimitOptions {
  /** Queries of one client that may wait; the next is refused. */
  maxWaiting: number
  /** The same for one that shows a DNS cookie of ours: nobody can make it wait in its name. */
  maxWaitingWithCookie?: number
  /** Waited-for answers to one client in one millisecond. */
  burst: number
  /** Whether this COOKIE option is one of ours. */
  isGoodCookie?(option: Uint8Array, address: Uint8Array, nowSeconds: number): boolean
  /** How much a query of this client counts; with 0 it may have any number waiting. */
  priceOf?(address: Uint8Array, destination: Uint8Array | undefined): number
}

export const DEFAULT_CLIENT_LIMITS: ClientLimitOptions = { maxWaiting: 1000, burst: 50 }

/** Who asks, as far as it matters here. */
interface Asker {
  address: Uint8Array
  destination?: Uint8Array
}

/** Octets that tell clients apart: an IPv4 address, or the /56 that one IPv6 customer gets (RFC 6177 §2). */
const IPV6_CLIENT_OCTETS = 7

interface Holding {
  waiting: number
  /** The millisecond `sent` counts in. */
  windowMs: number
  sent: number
  held: (() => void)[]
}

export class ClientLimits {
  readonly #options: ClientLimitOptions
  readonly #clock: Clock
  readonly #clients = new Map<string, Holding>()

  constructor(clock: Clock, options = DEFAULT_CLIENT_LIMITS) {
    this.#clock = clock
    this.#options = options
  }

  /** Clients with something waiting. */
  get clients(): number {
    return this.#clients.size
  }

  /** Whether the client has so many queries waiting that `packet` cannot be one more of them. */
  isFull({ address, destination }: Asker, packet: Uint8Array): boolean {
    if (this.#clients.size === 0) return false
    const holding = this.#clients.get(clientKey(address))
    const { maxWaiting, maxWaitingWithCookie = maxWaiting, priceOf } = this.#options
    if (holding === undefined || holding.waiting < maxWaiting) return false
    if (priceOf?.(address, destination) === 0) return false
    return holding.waiting >= maxWaitingWithCookie || !this.#showsCookie(packet, address)
  }

  #showsCookie(packet: Uint8Array, address: Uint8Array): boolean {
    const { isGoodCookie } = this.#options
    const cookie = isGoodCookie === undefined ? undefined : optionIn(packet, EdnsOption.COOKIE)
    if (cookie === undefined || isGoodCookie === undefined) return false
    return isGoodCookie(cookie, address, Math.floor(this.#clock.wallMs() / 1000))
  }

  /** One more query of this client waits. Each call is answered by one of leave(). */
  enter(address: Uint8Array): void {
    const key = clientKey(address)
    const holding = this.#clients.get(key)
    if (holding !== undefined) holding.waiting++
    else this.#clients.set(key, { waiting: 1, windowMs: 0, sent: 0, held: [] })
  }

  /** The wait is over: calls `send` now, or within the next milliseconds if this client just got many answers.
   *  Returns whether it has to wait, in which case what `send` uses must stay good. */
  leave(address: Uint8Array, send: () => void): 'now' | 'later' {
    const key = clientKey(address)
    const holding = this.#clients.get(key)
    if (holding === undefined) throw new Error('leave() without enter()')
    if (holding.held.length === 0 && this.#mayPass(holding)) {
      this.#release(key, holding, send)
      return 'now'
    }
    holding.held.push(send)
    if (holding.held.length === 1) this.#clock.after(1, () => this.#flush(key, holding))
    return 'later'
  }

  #flush(key: string, holding: Holding): void {
    let passed = 0
    while (passed < holding.held.length && this.#mayPass(holding)) this.#release(key, holding, holding.held[passed++])
    holding.held.splice(0, passed)
    if (holding.held.length > 0) this.#clock.after(1, () => this.#flush(key, holding))
  }

  #mayPass(holding: Holding): boolean {
    const nowMs = Math.floor(this.#clock.monotonicMs())
    if (holding.windowMs !== nowMs) {
      holding.windowMs = nowMs
      holding.sent = 0
    }
    return holding.sent < this.#options.burst
  }

  #release(key: string, holding: Holding, send: () => void): void {
    holding.sent++
    if (--holding.waiting === 0) this.#clients.delete(key)
    send()
  }
}

function clientKey(address: Uint8Array): string {
  return String.fromCharCode(...(address.length === 16 ? address.subarray(0, IPV6_CLIENT_OCTETS) : address))
}
