/** A zone cut as its parent describes it, and what workers tell each other about a server: the values that the cache
 *  keeps beside RRsets. */

import type { ServerAddress } from '../io/address.ts'
import type { Name } from '../wire/name.ts'

/** The parent's word on a zone: its name servers, and how long that may be relied on. */
export interface Delegation {
  zone: Name
  /** Absolute wall clock time: when the parent's NS set ends, and with it all that was learned through it. */
  leaseUntilMs: number
  nameservers: Nameserver[]
  /** Named by the operator (root hints) and not by a zone: its addresses are asked whatever they are. Never stored. */
  configured?: boolean
  /** Whether the parent has shown a DS set, or its absence; undefined is as `unknown`. */
  signed?: 'yes' | 'no' | 'unknown'
  /** When it was stored, of one that was. */
  storedMs?: number
  /** Worked out by whoever asks its servers, to be used again for the next question. Never stored. */
  contacts?: Contacts
}

/** Whom to ask of a zone cut, before anything else is looked up. */
export interface Contacts {
  /** Who has worked it out. */
  readonly by: unknown
  readonly candidates: readonly ServerAddress[]
  /** Servers of which no address is known that may be asked. */
  readonly withoutAddress: readonly Name[]
  /** Why addresses were passed over. */
  readonly troubles: readonly string[]
  /** Absolute wall clock time at which the first of the addresses ends. */
  readonly untilMs: number
}

export interface Nameserver {
  name: Name
  /** Glue that was accepted; `untilMs` is absolute wall clock time. */
  addresses: { octets: Uint8Array; untilMs: number }[]
}

/** What there is to know about one address and port that answers DNS. Times are of the wall clock; 0 or past: not so. */
export interface ServerMemory {
  /** 0: never measured. */
  srttMs: number
  rttvarMs: number
  /** In a row, up to now. */
  timeouts: number
  deadUntilMs: number
  ednsBroken: boolean
  caseBroken: boolean
  tcpOnly?: boolean
}

/** A resolution that failed and is not to be tried again yet (RFC 9520). */
export interface Failure {
  /** Extended DNS Error code and text (RFC 8914) that tell why. */
  ede: number
  text: string
  /** When it may be tried again. */
  expiresMs: number
  /** How many times in a row it has failed. */
  count: number
}
