/** HOT: the memory of many messages that one recvmmsg(2) fills or one sendmmsg(2) empties.
 *
 *    headers   64 octets a slot, struct mmsghdr:
 *                name address 8 · name octets 4 · pad 4 · vector address 8 · vectors 8 ·
 *                control address 8 · control octets 8 · flags 4 · pad 4 · packet octets, as received, 4 · pad 4
 *    sides     96 octets a slot: iovec (packet address 8 · packet octets 8) · sockaddr 28, padded to 32 · control 40, to 48
 *    packets   STRIDE octets a slot, of which those that are never written to take no memory
 *
 *  A slot's header, side and packet belong together. */

import { KernelMemory, type Libc } from './libc.ts'
import { addressAt, CONTROL_OCTETS, ownAddressAt, SOCKADDR_OCTETS, turnControl } from './libc-address.ts'

/** What a UDP datagram can hold, and more: received lengths are never cut. */
export const PACKET_ROOM = 65_535

/** A power of two would put the beginnings of all packets into the same few sets of the CPU's caches. */
const STRIDE = 65_536 + 192

const HEADER_OCTETS = 64
const HEADER_WORDS = HEADER_OCTETS / 4
const NAME_OCTETS_WORD = 2
const VECTOR_OFFSET = 16
const VECTORS_WORD = 6
const CONTROL_OFFSET = 32
const CONTROL_WORD = CONTROL_OFFSET / 4
const CONTROL_OCTETS_WORD = 10
const RECEIVED_WORD = 14

const SIDE_OCTETS = 96
const SIDE_WORDS = SIDE_OCTETS / 4
const LENGTH_WORD = 2
const NAME = 16
const CONTROL = 48

/** Views of packets up to this length are kept and used again; most queries are shorter (RFC 1035 §4.2.1). */
const KEPT_VIEW_OCTETS = 512

/** Whom a packet came from, and at which address: as in the slot's side, from the name on. */
export interface Peer {
  octets: Uint8Array
  nameOctets: number
  controlOctets: number
}

export class Slots {
  readonly count: number
  /** The address of each header: to a system call, an array of headers from that slot on. */
  readonly addresses: readonly bigint[]
  /** The whole room for a packet in each slot. */
  readonly rooms: readonly Uint8Array[]
  /** The IP address in the name of each slot, by family: views, good until the slot is filled again. */
  readonly ipAddresses: Readonly<Record<4 | 6, readonly Uint8Array[]>>
  /** Which of our addresses was asked, where a socket wants to know; likewise. */
  readonly destinations: Readonly<Record<4 | 6, readonly Uint8Array[]>>
  readonly #headers: KernelMemory
  readonly #sides: KernelMemory
  readonly #packets: KernelMemory
  readonly #headerWords: Uint32Array
  readonly #sideWords: Uint32Array
  readonly #sideOctets: Uint8Array
  /** By slot and length; a slot's are made with its first packet. */
  readonly #views: ((Uint8Array | undefined)[] | undefined)[]

  constructor(libc: Libc, count: number) {
    this.count = count
    this.#headers = new KernelMemory(libc, count * HEADER_OCTETS)
    this.#sides = new KernelMemory(libc, count * SIDE_OCTETS)
    this.#packets = new KernelMemory(libc, count * STRIDE)
    this.#headerWords = this.#headers.words
    this.#sideWords = this.#sides.words
    this.#sideOctets = this.#sides.octets
    this.#views = new Array(count).fill(undefined)
    const slots = Array.from({ length: count }, (_, slot) => slot)
    this.addresses = slots.map((slot) => this.#headers.address + BigInt(slot * HEADER_OCTETS))
    this.rooms = slots.map((slot) => this.#packets.octets.subarray(slot * STRIDE, slot * STRIDE + PACKET_ROOM))
    this.ipAddresses = {
      4: slots.map((slot) => this.#ipAddress(slot, 4)),
      6: slots.map((slot) => this.#ipAddress(slot, 6)),
    }
    this.destinations = {
      4: slots.map((slot) => this.#destination(slot, 4)),
      6: slots.map((slot) => this.#destination(slot, 6)),
    }
    for (const slot of slots) {
      const [header, side] = [slot * HEADER_OCTETS, slot * SIDE_OCTETS]
      this.#headers.point(header, this.#sides, side + NAME)
      this.#headers.point(header + VECTOR_OFFSET, this.#sides, side)
      this.#headers.words[slot * HEADER_WORDS + VECTORS_WORD] = 1
      this.#headers.point(header + CONTROL_OFFSET, this.#sides, side + CONTROL)
      this.#sides.point(side, this.#packets, slot * STRIDE)
      this.#sides.words[slot * SIDE_WORDS + LENGTH_WORD] = PACKET_ROOM
    }
    this.makeReceivable(count)
  }

  // Receiving

  /** Tells the kernel how much room there is in the first `slots`; it has written over that how much it took. */
  makeReceivable(slots: number): void {
    for (let header = 0; header < slots * HEADER_WORDS; header += HEADER_WORDS) {
      this.#headerWords[header + NAME_OCTETS_WORD] = SOCKADDR_OCTETS
      this.#headerWords[header + CONTROL_OCTETS_WORD] = CONTROL_OCTETS
    }
  }

  /** The packet received into `slot`: a view, good until the slot is filled again. */
  packet(slot: number): Uint8Array {
    const octets = this.#headerWords[slot * HEADER_WORDS + RECEIVED_WORD]
    if (octets > KEPT_VIEW_OCTETS) return this.rooms[slot].subarray(0, octets)
    const views = (this.#views[slot] ??= new Array(KEPT_VIEW_OCTETS + 1).fill(undefined))
    return (views[octets] ??= this.rooms[slot].subarray(0, octets))
  }

  /** The sender's port. */
  port(slot: number): number {
    const at = slot * SIDE_OCTETS + NAME + 2
    return (this.#sideOctets[at] << 8) | this.#sideOctets[at + 1]
  }

  /** Turns what was received with the packet into what goes with the answer; see turnControl(). */
  turn(slot: number, family: 4 | 6): boolean {
    return turnControl(this.#sideOctets, this.#sideWords, slot * SIDE_OCTETS + CONTROL, family)
  }

  /** A copy of name and control message, from which fill() makes a message to the same peer. */
  peer(slot: number): Peer {
    const header = slot * HEADER_WORDS
    const nameOctets = this.#headerWords[header + NAME_OCTETS_WORD]
    const controlOctets = this.#headerWords[header + CONTROL_OCTETS_WORD]
    const from = slot * SIDE_OCTETS + NAME
    const octets = new Uint8Array(controlOctets === 0 ? nameOctets : CONTROL - NAME + controlOctets)
    for (let i = 0; i < octets.length; i++) octets[i] = this.#sideOctets[from + i]
    return { octets, nameOctets, controlOctets }
  }

  // Sending

  /** Makes `slot`, whose packet has been written, a message to the one whose packet is in slot `asked` of `asking`, from
   *  the address that was asked. Refers to that slot, which must stay as it is until the message is sent. */
  answer(slot: number, octets: number, asking: Slots, asked: number): void {
    const [to, from] = [slot * HEADER_WORDS, asked * HEADER_WORDS]
    const [words, source] = [this.#headerWords, asking.#headerWords]
    words[to] = source[from]
    words[to + 1] = source[from + 1]
    words[to + NAME_OCTETS_WORD] = source[from + NAME_OCTETS_WORD]
    words[to + CONTROL_WORD] = source[from + CONTROL_WORD]
    words[to + CONTROL_WORD + 1] = source[from + CONTROL_WORD + 1]
    words[to + CONTROL_OCTETS_WORD] = source[from + CONTROL_OCTETS_WORD]
    this.setLength(slot, octets)
  }

  /** Makes `slot` a message with copies of all there is to it. Only for slots that answer() has never met. */
  fill(slot: number, { octets, nameOctets, controlOctets }: Peer, packet: Uint8Array): void {
    const to = slot * SIDE_OCTETS + NAME
    for (let i = 0; i < octets.length; i++) this.#sideOctets[to + i] = octets[i]
    this.#headerWords[slot * HEADER_WORDS + NAME_OCTETS_WORD] = nameOctets
    this.#headerWords[slot * HEADER_WORDS + CONTROL_OCTETS_WORD] = controlOctets
    this.rooms[slot].set(packet)
    this.setLength(slot, packet.length)
  }

  /** Makes `slot` a message to whom the socket is connected to: a copy of what is in `source` from `from` to `to`. */
  write(slot: number, source: Uint8Array, from: number, to: number): void {
    const room = this.rooms[slot]
    for (let i = from; i < to; i++) room[i - from] = source[i]
    this.#headerWords[slot * HEADER_WORDS + NAME_OCTETS_WORD] = 0
    this.#headerWords[slot * HEADER_WORDS + CONTROL_OCTETS_WORD] = 0
    this.setLength(slot, to - from)
  }

  /** Octets of the packet that is to be sent. */
  length(slot: number): number {
    return this.#sideWords[slot * SIDE_WORDS + LENGTH_WORD]
  }

  setLength(slot: number, octets: number): void {
    this.#sideWords[slot * SIDE_WORDS + LENGTH_WORD] = octets
  }

  #ipAddress(slot: number, family: 4 | 6): Uint8Array {
    const [from, to] = addressAt(family)
    const name = slot * SIDE_OCTETS + NAME
    return this.#sides.octets.subarray(name + from, name + to)
  }

  #destination(slot: number, family: 4 | 6): Uint8Array {
    const [from, to] = ownAddressAt(family)
    const control = slot * SIDE_OCTETS + CONTROL
    return this.#sides.octets.subarray(control + from, control + to)
  }
}
