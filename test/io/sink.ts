/** A sink that remembers what happened to its exchange, and lets a test wait for the end. */

import type { ExchangeFailure, ExchangeSink } from '../../src/io/interfaces.ts'

export class RecordingSink implements ExchangeSink {
  /** Copies of the packets offered. */
  readonly packets: Uint8Array[] = []
  readonly failures: ExchangeFailure[] = []
  readonly ended: Promise<'accepted' | ExchangeFailure>
  private readonly isReply: (packet: Uint8Array) => boolean
  private end: (result: 'accepted' | ExchangeFailure) => void = () => {}

  constructor(isReply: (packet: Uint8Array) => boolean = () => true) {
    this.isReply = isReply
    this.ended = new Promise((resolve) => {
      this.end = resolve
    })
  }

  accept(packet: Uint8Array): boolean {
    this.packets.push(packet.slice())
    if (!this.isReply(packet)) return false
    this.end('accepted')
    return true
  }

  failed(reason: ExchangeFailure): void {
    this.failures.push(reason)
    this.end(reason)
  }

  get called(): number {
    return this.packets.length + this.failures.length
  }
}

/** A query with nothing in it but a header with this ID and a number by which to know it. */
export function queryWithId(id: number, number = 0): Uint8Array {
  return Uint8Array.of(id >> 8, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number >> 8, number)
}

/** Takes only a packet with this ID. */
export function hasId(id: number): (packet: Uint8Array) => boolean {
  return (packet) => ((packet[0] << 8) | packet[1]) === id
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
