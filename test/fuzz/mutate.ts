/** How fuzzing damages packets: as bad memory, bad software and bad people do. */

import { Type } from '../../src/wire/types.ts'
import type { SeededRandom } from '../support/random.ts'

/** Octets at which formats tend to turn. */
const TELLING = [0x00, 0x01, 0x0c, 0x29, 0x2e, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff]
const TYPES = [...Object.values(Type), 0xff01]
const MAX_PACKET = 65535

type Mutation = (packet: Uint8Array, random: SeededRandom, other: Uint8Array) => Uint8Array

/** All of these give a new packet. `packet` has at least one octet. */
const MUTATIONS: readonly Mutation[] = [
  function flipBit(packet, random) {
    return changed(packet, (octets) => (octets[random.below(octets.length)] ^= 1 << random.below(8)))
  },
  function setOctet(packet, random) {
    return changed(packet, (octets) => (octets[random.below(octets.length)] = random.below(256)))
  },
  function setTellingOctet(packet, random) {
    return changed(packet, (octets) => (octets[random.below(octets.length)] = random.pick(TELLING)))
  },
  function setPointer(packet, random) {
    const at = random.below(packet.length)
    return changed(packet, (octets) => octets.set(pointer(random.below(at + 4)).subarray(0, octets.length - at), at))
  },
  function setType(packet, random) {
    const at = random.below(packet.length)
    const type = random.pick(TYPES)
    return changed(packet, (octets) => octets.set([type >> 8, type & 0xff].slice(0, octets.length - at), at))
  },
  function setCount(packet, random) {
    return changed(packet, (octets) => (octets[Math.min(4 + random.below(8), octets.length - 1)] = random.below(4)))
  },
  function truncate(packet, random) {
    return packet.slice(0, random.below(packet.length))
  },
  function remove(packet, random) {
    const [start, end] = piece(packet, random)
    return join(packet.subarray(0, start), packet.subarray(end))
  },
  function repeat(packet, random) {
    const [start, end] = piece(packet, random)
    const times = 1 + random.below(random.below(4) === 0 ? 300 : 4)
    return join(packet.subarray(0, start), ...new Array(times).fill(packet.subarray(start, end)), packet.subarray(end))
  },
  function insert(packet, random) {
    const at = random.below(packet.length + 1)
    const octets = Uint8Array.from({ length: 1 + random.below(8) }, () => random.pick(TELLING))
    return join(packet.subarray(0, at), octets, packet.subarray(at))
  },
  function insertPointer(packet, random) {
    const at = random.below(packet.length + 1)
    return join(packet.subarray(0, at), pointer(random.below(at + 4)), packet.subarray(at))
  },
  function splice(packet, random, other) {
    return join(packet.subarray(0, random.below(packet.length + 1)), other.subarray(random.below(other.length + 1)))
  },
  function addRecord(packet, random) {
    if (packet.length < 12) return packet
    const rdata = Uint8Array.from({ length: random.below(40) }, () => random.pick(TELLING))
    const type = random.pick(TYPES)
    const owner = pointer(12)
    const fixed = [type >> 8, type & 0xff, 0, 1, 0, 0, 1, 44, 0, rdata.length]
    return changed(join(packet, owner, Uint8Array.from(fixed), rdata), (octets) => octets[7 + 2 * random.below(3)]++)
  },
]

/** A damaged copy of `packet`; `other` lends octets to it. */
export function mutate(packet: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array {
  let damaged = packet
  for (let blows = 1 + random.below(random.below(3) === 0 ? 12 : 3); blows > 0; blows--) {
    if (damaged.length === 0) damaged = new Uint8Array(12)
    damaged = random.pick(MUTATIONS)(damaged, random, other)
  }
  return damaged.length > MAX_PACKET ? damaged.slice(0, MAX_PACKET) : damaged
}

function changed(packet: Uint8Array, change: (octets: Uint8Array) => unknown): Uint8Array {
  const copy = packet.slice()
  change(copy)
  return copy
}

function piece(packet: Uint8Array, random: SeededRandom): [number, number] {
  const start = random.below(packet.length)
  return [start, Math.min(packet.length, start + 1 + random.below(32))]
}

function pointer(target: number): Uint8Array {
  return Uint8Array.of(0xc0 | ((target >> 8) & 0x3f), target & 0xff)
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
