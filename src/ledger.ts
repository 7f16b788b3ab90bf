/** How much work may one client request cause? One ledger is opened per client request, handed down to every
 *  sub-request and never reset, so that no detour (aliases, glueless delegations, validation) buys a second budget.
 *  Answers to compositional amplification (NXNSAttack, CAMP, KeyTrap, NSEC3 closest-encloser floods). */

export type Resource =
  | 'upstream-queries'
  | 'received'
  | 'address-lookups'
  | 'failed-lookups'
  | 'aliases'
  | 'depth'
  | 'signatures'
  | 'failed-signatures'
  | 'hashes'
  | 'time'

/** `off`: nothing is counted against a limit; `shadow`: excess is only reported; `enforce`: it ends the request. */
export type LedgerMode = 'off' | 'shadow' | 'enforce'

/** Limits a client request; octets for `received`, milliseconds for `time`, counts for the rest. */
export type Limits = Readonly<Record<Resource, number>>

export const DEFAULT_LIMITS: Limits = {
  'upstream-queries': 60,
  received: 128 * 1024,
  'address-lookups': 10, // NXNSAttack: names of servers looked up because no glue came with them
  'failed-lookups': 5,
  aliases: 11, // CNAME and DNAME steps, RFC 1034 §5.2.2 asks for a bound
  depth: 8, // sub-request within sub-request
  signatures: 32,
  'failed-signatures': 4,
  hashes: 600, // SHA-1 blocks spent on NSEC3: a name error some labels down a zone of 50 iterations, with its wildcard
  time: 7000,
}

export class Ledger {
  readonly mode: LedgerMode
  readonly limits: Limits
  /** Monotonic milliseconds at which the request's time is up. */
  readonly deadlineMs: number
  /** The first limit that was passed, in whatever mode. */
  exceeded: Resource | undefined = undefined
  #checkedBefore = 0
  readonly #onExceeded: ((resource: Resource) => void) | undefined
  readonly #used: Record<Resource, number> = {
    'upstream-queries': 0,
    received: 0,
    'address-lookups': 0,
    'failed-lookups': 0,
    aliases: 0,
    depth: 0,
    signatures: 0,
    'failed-signatures': 0,
    hashes: 0,
    time: 0,
  }

  constructor(limits: Limits, mode: LedgerMode, nowMs: number, onExceeded?: (resource: Resource) => void) {
    this.limits = limits
    this.mode = mode
    this.deadlineMs = nowMs + limits.time
    this.#onExceeded = onExceeded
  }

  used(resource: Resource): number {
    return this.#used[resource]
  }

  /** Signatures verified since the event loop last turned: nobody else has been served meanwhile. */
  get checkedInARow(): number {
    return this.#used.signatures - this.#checkedBefore
  }

  /** Others have had their turn. */
  noteTurn(): void {
    this.#checkedBefore = this.#used.signatures
  }

  /** Books `amount` and tells whether the work may be done. Over the limit: false when enforcing, and `exceeded` says what. */
  charge(resource: Resource, amount = 1): boolean {
    const used = this.#used[resource] + amount
    this.#used[resource] = used
    return used <= this.limits[resource] || this.#excess(resource)
  }

  /** Like charge() for what is a level and not a sum: how deep, how late. */
  reach(resource: Resource, level: number): boolean {
    if (level > this.#used[resource]) this.#used[resource] = level
    return level <= this.limits[resource] || this.#excess(resource)
  }

  /** Whether the request's time is up. Time is bounded in every mode: a client has long gone by then. */
  isLate(nowMs: number): boolean {
    if (nowMs < this.deadlineMs) return false
    this.#excess('time')
    return true
  }

  #excess(resource: Resource): boolean {
    if (this.mode === 'off') return true
    if (this.exceeded === undefined) {
      this.exceeded = resource
      this.#onExceeded?.(resource)
    }
    return this.mode !== 'enforce'
  }
}
