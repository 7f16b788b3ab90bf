/** Hands messages to the kernel, and keeps those it will not take yet: few, and not for long. */

import type { UdpReceiver } from './batched-udp.ts'
import { type Peer, Slots } from './batched-udp-slots.ts'
import { type Libc, MSG_DONTWAIT } from './libc.ts'

/** Messages that may wait, of one socket. Beyond this there is the kernel's own buffer. */
const SLOTS = 128
/** How often, and for how long in all, the kernel is asked again when it takes nothing at all. */
const RETRY_MS = 1
const RETRIES = 20

export class SendQueue {
  readonly #libc: Libc
  readonly #fd: number
  readonly #receiver: UdpReceiver
  /** Made for the first message: a socket that answers all at once needs none. */
  #slots: Slots | undefined
  /** Those from #head to #tail are to be sent. */
  #head = 0
  #tail = 0
  #flushSet = false
  #retry: NodeJS.Timeout | undefined
  #failures = 0

  constructor(libc: Libc, fd: number, receiver: UdpReceiver) {
    this.#libc = libc
    this.#fd = fd
    this.#receiver = receiver
  }

  /** Copies a message, to be sent at the end of this turn of the event loop. */
  add(peer: Peer, packet: Uint8Array): void {
    this.#slots ??= new Slots(this.#libc, SLOTS)
    if (this.#tail === SLOTS && this.#retry === undefined) this.#flush()
    if (this.#tail === SLOTS) {
      this.#receiver.count('overflow', 1)
      return
    }
    this.#slots.fill(this.#tail++, peer, packet)
    if (this.#flushSet || this.#retry !== undefined) return
    this.#flushSet = true
    setImmediate(this.#flushLater)
  }

  /** Sends the messages from slot `from` to slot `to`. Gives the first that the kernel would not take now, else `to`. */
  sendNow(slots: Slots, from: number, to: number): number {
    let next = from
    let sent = 0
    let failed = 0
    while (next < to) {
      const taken = this.#libc.sendmmsg(this.#fd, slots.addresses[next], to - next, MSG_DONTWAIT)
      if (taken > 0) {
        sent += taken
        next += taken
        continue
      }
      const fate = fateOf(this.#libc.errno())
      if (fate === 'wait') break
      // it is the first one that has failed: the kernel keeps quiet about an error after a success
      if (fate === 'shorten' && this.#shorten(slots, next)) continue
      failed++
      next++
    }
    if (sent > 0) this.#receiver.count('sent', sent)
    if (failed > 0) this.#receiver.count('failed', failed)
    return next
  }

  /** Sends what it can, and drops the rest. */
  close(): void {
    this.#flush()
    clearTimeout(this.#retry)
    this.#drop()
  }

  readonly #flushLater = (): void => {
    this.#flushSet = false
    this.#flush()
  }

  #flush(): void {
    if (this.#slots === undefined || this.#head === this.#tail) return
    const before = this.#head
    this.#head = this.sendNow(this.#slots, this.#head, this.#tail)
    if (this.#head === this.#tail) {
      this.#head = this.#tail = this.#failures = 0
      return
    }
    this.#failures = this.#head > before ? 0 : this.#failures + 1
    if (this.#failures > RETRIES) this.#drop()
    else this.#retry ??= setTimeout(this.#flushAgain, RETRY_MS)
  }

  readonly #flushAgain = (): void => {
    this.#retry = undefined
    this.#flush()
  }

  #drop(): void {
    if (this.#tail > this.#head) this.#receiver.count('overflow', this.#tail - this.#head)
    this.#head = this.#tail = this.#failures = 0
  }

  #shorten(slots: Slots, slot: number): boolean {
    const before = slots.length(slot)
    const octets = this.#receiver.shorten(slots.rooms[slot].subarray(0, before))
    if (octets === 0 || octets >= before) return false
    slots.setLength(slot, octets)
    return true
  }
}

const EAGAIN = 11
const EINTR = 4
const ENOMEM = 12
const EMSGSIZE = 90
const ENOBUFS = 105

function fateOf(errno: number): 'wait' | 'shorten' | 'fail' {
  switch (errno) {
    case EAGAIN: // the socket's buffer is full
    case ENOBUFS: // the interface's queue is full
    case ENOMEM:
    case EINTR:
      return 'wait'
    case EMSGSIZE:
      return 'shorten'
    default:
      return 'fail' // no route, a firewall, an address we no longer have: only this message is concerned
  }
}
