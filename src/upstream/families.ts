/**
 * Is there a way out over IPv4, and over IPv6? Many machines have an IPv6 address and no IPv6 internet. A family whose
 * sends keep failing, to several servers, while the other works, is left alone; every ten minutes one query tries it again.
 */

import type { Clock } from '../io/interfaces.ts'

export type Family = 4 | 6

export interface FamilyEvent {
  family: Family
  /** False: nothing gets through any more and the family is left alone. True: it works again. */
  works: boolean
}

/** How often a family that is down is given one query, to see whether it still is. */
export const FAMILY_PROBE_MS = 10 * 60_000

/** Failures since the last reply, and different servers among them, before a family counts as down. An ICMP or routing
 *  error says it outright; a time-out may be the server's own fault, so it takes more of those. */
const FAILURES = 8
const SERVERS = 4
const UNREACHABLE_WEIGHT = 2
/** Replies the other family must have had meanwhile: when both are silent it is our whole uplink, not the family. */
const OTHER_REPLIES = 2

interface State {
  enabled: boolean
  down: boolean
  probeAtMs: number
  /** Weighted failures since the last reply. */
  failures: number
  /** Keys of the servers that failed since then, at most SERVERS of them. */
  servers: Set<string>
  /** Replies since the other family's last one. */
  replies: number
}

export class Families {
  private readonly clock: Clock
  private readonly onEvent: (event: FamilyEvent) => void
  private readonly states: Record<Family, State>

  constructor(clock: Clock, enabled: { ipv4: boolean; ipv6: boolean }, onEvent: (event: FamilyEvent) => void) {
    this.clock = clock
    this.onEvent = onEvent
    this.states = { 4: newState(enabled.ipv4), 6: newState(enabled.ipv6) }
  }

  /** `off`: the operator switched it off. `probe`: down, but due to be tried once; say so with probing(). */
  status(family: Family): 'up' | 'down' | 'probe' | 'off' {
    const state = this.states[family]
    if (!state.enabled) return 'off'
    if (!state.down) return 'up'
    return this.clock.monotonicMs() >= state.probeAtMs ? 'probe' : 'down'
  }

  /** A query goes out over a family that is down; the next such is due in ten minutes. */
  probing(family: Family): void {
    this.states[family].probeAtMs = this.clock.monotonicMs() + FAMILY_PROBE_MS
  }

  replied(family: Family): void {
    const state = this.states[family]
    state.failures = 0
    state.servers.clear()
    state.replies++
    this.states[otherFamily(family)].replies = 0
    if (!state.down) return
    state.down = false
    this.onEvent({ family, works: true })
  }

  failed(family: Family, serverKey: string, reason: 'timeout' | 'unreachable'): void {
    const state = this.states[family]
    state.failures += reason === 'unreachable' ? UNREACHABLE_WEIGHT : 1
    if (state.servers.size < SERVERS) state.servers.add(serverKey)
    if (state.down || state.failures < FAILURES || state.servers.size < SERVERS) return
    if (this.states[otherFamily(family)].replies < OTHER_REPLIES) return
    state.down = true
    this.probing(family)
    this.onEvent({ family, works: false })
  }
}

function newState(enabled: boolean): State {
  return { enabled, down: false, probeAtMs: 0, failures: 0, servers: new Set(), replies: 0 }
}

function otherFamily(family: Family): Family {
  return family === 4 ? 6 : 4
}
