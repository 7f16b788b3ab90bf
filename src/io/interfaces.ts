/** What the machine offers the resolver: time, chance and a way to reach servers. Only types; src/io/*.ts fill them,
 *  and so does any test that simulates a network. */

import type { ServerAddress } from './address.ts'

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Milliseconds since 1970-01-01 UTC; may jump. Cache expiry and signature validity go by it. */
  wallMs(): number
  /** Milliseconds from an arbitrary origin; never goes back. Timeouts and RTT go by it. */
  monotonicMs(): number
  /** Calls `action` once, about `delayMs` monotonic milliseconds from now, never synchronously. */
  after(delayMs: number, action: () => void): Timer
  /** Calls `action` once, when whatever has arrived by now has had its turn; never synchronously. */
  soon(action: () => void): void
}

/** The system's CSPRNG (RFC 5452 §9.2 asks for unpredictable IDs and ports), or a seeded one in a test. */
export interface Random {
  /** A uniform integer, 0 to 65535. */
  u16(): number
  /** A uniform integer, 0 to bound - 1; `bound` from 1 to 2^31. */
  below(bound: number): number
  /** Fills `target` with random octets. */
  fill(target: Uint8Array): void
}

export type Protocol = 'udp' | 'tcp' | 'tls'

/** Why an exchange ended without a reply. `unreachable`: the kernel says no route or ICMP said so; `refused`: port closed;
 *  `untrusted`: over TLS, it did not show to be the one that is meant. */
export type ExchangeFailure = 'timeout' | 'refused' | 'unreachable' | 'closed' | 'no-socket' | 'untrusted'

export interface ExchangeSink {
  /** Called for each packet from the asked address and port. True: this is the reply, the exchange is over.
   *  False: not ours, the wait goes on. `packet` is only good during the call (the buffer is reused). */
  accept(packet: Uint8Array): boolean
  /** The exchange is over without a reply. Called at most once, and never after accept() returned true or cancel(). */
  failed(reason: ExchangeFailure): void
}

export interface Exchange {
  /** Ends the exchange silently. Safe to call at any time. */
  cancel(): void
}

export interface Transport {
  /** Sends `query` (a whole DNS message, not kept after the call) and waits for a reply. Never calls the sink
   *  synchronously. Over TCP and TLS the two-octet length is the transport's business, as is connection reuse. */
  exchange(
    server: ServerAddress,
    protocol: Protocol,
    query: Uint8Array,
    timeoutMs: number,
    sink: ExchangeSink,
  ): Exchange
}
