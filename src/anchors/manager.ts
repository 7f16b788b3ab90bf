/** Keeps the trust anchors of one zone up to date: looks at its keys as often as RFC 5011 §2.3 says, and tells the zone's
 *  servers once a day which keys are trusted here (RFC 8145 §5). Time, chance, the way to ask and the place to keep the
 *  state are handed in; every service has one such manager per zone, however many workers it has. */

import type { AlgorithmPolicy } from '../dnssec/keys.ts'
import {
  anchorOf,
  type KeyChange,
  type ManagedZone,
  type Observation,
  observeKeys,
  SHORTEST_RETRY_MS,
} from '../dnssec/rfc5011.ts'
import { anchorTags, type TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Bogus } from '../dnssec/verdict.ts'
import type { Clock, Random, Timer } from '../io/interfaces.ts'
import { type Name, prependLabel } from '../wire/name.ts'
import type { RRset } from '../wire/rrset.ts'
import { Type } from '../wire/types.ts'

export type AnchorEvent =
  | { kind: 'changed'; zone: Name; change: KeyChange }
  | { kind: 'refused'; zone: Name; why: Bogus }
  | { kind: 'unreachable'; zone: Name }
  | { kind: 'deleted'; zone: Name }

export interface AnchorManagerOptions {
  clock: Clock
  random: Random
  policy: AlgorithmPolicy
  /** Asks the zone's servers, not a cache; the set as it came, with its signatures, unvalidated. Undefined: none came. */
  ask(name: Name, type: number, done: (rrset: RRset | undefined) => void): void
  /** Keeps the state; called before anyone goes by it. */
  store(zone: ManagedZone): void
  /** The anchor has changed; undefined: there is none any more. */
  onAnchor(anchor: TrustAnchor | undefined): void
  onEvent(event: AnchorEvent): void
  /** Send key tag queries. */
  signal: boolean
}

const DAY_MS = 86_400_000

export class AnchorManager {
  readonly #options: AnchorManagerOptions
  #zone: ManagedZone
  #retryMs = SHORTEST_RETRY_MS
  #refreshTimer: Timer | undefined
  #signalTimer: Timer | undefined
  #stopped = false
  #nextRefreshMs = 0

  constructor(zone: ManagedZone, options: AnchorManagerOptions) {
    this.#zone = zone
    this.#options = options
  }

  get zone(): ManagedZone {
    return this.#zone
  }

  /** Wall milliseconds of the next look at the keys. */
  get nextRefreshMs(): number {
    return this.#nextRefreshMs
  }

  /** Begins with a look at the keys, soon. */
  start(): void {
    this.#refreshAfter(0)
    // Not all instances of a restarted fleet at once.
    if (this.#options.signal) this.#signalAfter(this.#options.random.below(60_000))
  }

  stop(): void {
    this.#stopped = true
    this.#refreshTimer?.cancel()
    this.#signalTimer?.cancel()
  }

  /** Looks at the keys now. */
  refresh(): void {
    this.#refreshTimer?.cancel()
    this.#options.ask(this.#zone.zone, Type.DNSKEY, (keySet) => {
      if (this.#stopped) return
      this.#refreshAfter(keySet === undefined ? this.#hearNothing() : this.#hear(keySet))
    })
  }

  /** How long to wait for the next look. */
  #hear(keySet: RRset): number {
    const { clock, policy } = this.#options
    const observation = observeKeys(this.#zone, keySet, clock.wallMs(), policy)
    this.#keep(observation)
    if (observation.kind === 'observed') {
      this.#retryMs = observation.retryMs
      return observation.refreshMs
    }
    this.#options.onEvent({ kind: 'refused', zone: this.#zone.zone, why: observation.why })
    return this.#retryMs
  }

  #hearNothing(): number {
    this.#options.onEvent({ kind: 'unreachable', zone: this.#zone.zone })
    return this.#retryMs
  }

  #keep({ zone, changes }: Observation): void {
    this.#zone = zone
    if (changes.length === 0) return
    const { store, onAnchor, onEvent } = this.#options
    store(zone)
    for (const change of changes) onEvent({ kind: 'changed', zone: zone.zone, change })
    const anchor = anchorOf(zone)
    if (anchor === undefined) onEvent({ kind: 'deleted', zone: zone.zone })
    onAnchor(anchor)
  }

  #refreshAfter(delayMs: number): void {
    this.#nextRefreshMs = this.#options.clock.wallMs() + delayMs
    this.#refreshTimer = this.#options.clock.after(delayMs, () => this.refresh())
  }

  #signalAfter(delayMs: number): void {
    this.#signalTimer = this.#options.clock.after(delayMs, () => {
      const anchor = anchorOf(this.#zone)
      const name = anchor && signalName(anchor)
      if (name !== undefined) this.#options.ask(name, Type.NULL, () => {}) // whatever the answer: it has been heard
      this.#signalAfter(DAY_MS)
    })
  }
}

/** `_ta-4a5c-9728.<zone>`: the tags of the trusted keys, in hexadecimal and in order, RFC 8145 §5.1. */
export function signalName(anchor: TrustAnchor): Name | undefined {
  const tags = anchorTags(anchor).map((tag) => tag.toString(16).padStart(4, '0'))
  if (tags.length === 0) return undefined
  const label = new TextEncoder().encode(`_ta-${tags.slice(0, MAX_TAGS).join('-')}`)
  return prependLabel(label, anchor.zone)
}

/** As many as go into a label of 63 octets. */
const MAX_TAGS = 12
