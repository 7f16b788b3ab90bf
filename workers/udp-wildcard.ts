/** Listens over UDP on all addresses of one family where libc cannot be called: one socket for each address an interface
 *  has. An answer thus leaves from the address that was asked, which dgram cannot arrange on a wildcard socket (it knows
 *  neither IP_PKTINFO nor its like), and without which clients discard it (RFC 2181 §4.1). */

import { networkInterfaces } from 'node:os'
import type { Log } from '../src/io/log.ts'
import type { Counters } from '../src/metrics/counters.ts'
import { familyOf, type Interfaces, type ListenPoint, ownAddresses, pointText } from './addresses.ts'
import type { Service } from './serve.ts'
import { UdpListener } from './udp-listener.ts'

export class UdpWildcard {
  readonly #point: ListenPoint
  readonly #service: Service
  readonly #counters: Counters
  readonly #log: Log
  readonly #listeners = new Map<string, UdpListener>()
  #leaving = false

  private constructor(point: ListenPoint, service: Service, counters: Counters, log: Log) {
    this.#point = point
    this.#service = service
    this.#counters = counters
    this.#log = log
  }

  static async open(point: ListenPoint, service: Service, counters: Counters, log: Log): Promise<UdpWildcard> {
    const wildcard = new UdpWildcard(point, service, counters, log)
    for (const address of ownAddresses(familyOf(point.address))) await wildcard.#add(address)
    log.notice({ event: 'no-catch-all' }, `${pointText(point)}: only the addresses of interfaces are served over UDP`)
    return wildcard
  }

  /** Listens on addresses that have come, and no more on those that have gone. */
  async follow(interfaces: Interfaces = networkInterfaces()): Promise<void> {
    const present = new Set(ownAddresses(familyOf(this.#point.address), interfaces))
    for (const [address, listener] of this.#listeners) {
      if (present.has(address)) continue
      this.#listeners.delete(address)
      listener.close()
      this.#log.notice({ event: 'address-gone', address }, `no longer listening on ${address}`)
    }
    for (const address of present) {
      if (this.#listeners.has(address)) continue
      try {
        await this.#add(address)
        this.#log.notice({ event: 'address-new', address }, `now listening on ${address}`)
      } catch (error) {
        // an IPv6 address may not be used before it is known to be unique (RFC 4862 §5.4); the next look may do
        const text = pointText({ address, port: this.#point.port })
        this.#log.info({ event: 'address-not-yet', address, err: error }, `cannot listen on ${text} yet`)
      }
    }
  }

  /** Those there are at present. */
  get listeners(): UdpListener[] {
    return [...this.#listeners.values()]
  }

  async leave(): Promise<void> {
    this.#leaving = true
    await Promise.all([...this.#listeners.values()].map((listener) => listener.leave()))
  }

  close(): void {
    this.#leaving = true
    for (const listener of this.#listeners.values()) listener.close()
    this.#listeners.clear()
  }

  async #add(address: string): Promise<void> {
    const listener = await UdpListener.open({ ...this.#point, address }, this.#service, this.#counters, 'dgram')
    if (this.#leaving) listener.close()
    else this.#listeners.set(address, listener)
  }
}
