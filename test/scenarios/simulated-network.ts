/** A network without wires: every packet the resolver sends is handed to one function, which says what comes back.
 *  Packets take virtual time, silence costs the sender its timeout, and nothing ever leaves the process. */

import type { ServerAddress } from '../../src/io/address.ts'
import type {
  Clock,
  Exchange,
  ExchangeFailure,
  ExchangeSink,
  Protocol,
  Timer,
  Transport,
} from '../../src/io/interfaces.ts'

/** What the far side does with a packet: packets to send back (the first after `delayMs`, the rest right behind it;
 *  none: silence), or the failure that the sender's own kernel reports. */
export type Reaction = { packets: Uint8Array[]; delayMs?: number } | { failure: ExchangeFailure; delayMs?: number }

export type FarSide = (server: ServerAddress, protocol: Protocol, packet: Uint8Array) => Reaction

export const SILENCE: Reaction = { packets: [] }

/** How long a packet is under way and its answer back, unless the far side says otherwise. */
export const ROUND_TRIP_MS = 4

export class SimulatedNetwork implements Transport {
  /** Exchanges that have an answer or failure under way. */
  inFlight = 0
  sent = { udp: 0, tcp: 0, tls: 0 }
  private readonly clock: Clock
  private readonly farSide: FarSide

  constructor(clock: Clock, farSide: FarSide) {
    this.clock = clock
    this.farSide = farSide
  }

  exchange(
    server: ServerAddress,
    protocol: Protocol,
    query: Uint8Array,
    timeoutMs: number,
    sink: ExchangeSink,
  ): Exchange {
    this.sent[protocol]++
    const reaction = this.farSide(server, protocol, query.slice())
    const timers: Timer[] = []
    let open = true
    let awaiting = 0 // arrivals still to come
    const close = () => {
      open = false
      this.inFlight -= awaiting
      awaiting = 0
      for (const timer of timers) timer.cancel()
    }
    const arriveAfter = (delayMs: number, action: () => void) => {
      if (delayMs > timeoutMs) return
      awaiting++
      this.inFlight++
      timers.push(
        this.clock.after(delayMs, () => {
          awaiting--
          this.inFlight--
          if (open) action()
        }),
      )
    }
    const fail = (reason: ExchangeFailure) => {
      close()
      sink.failed(reason)
    }

    const delayMs = reaction.delayMs ?? (protocol === 'udp' ? 1 : 2) * ROUND_TRIP_MS // TCP: a handshake comes first
    if ('failure' in reaction) {
      arriveAfter(delayMs, () => fail(reaction.failure))
    } else {
      for (const packet of reaction.packets) {
        arriveAfter(delayMs, () => {
          if (sink.accept(packet)) close()
        })
      }
    }
    timers.push(this.clock.after(timeoutMs, () => open && fail('timeout')))
    return { cancel: close }
  }
}
