/** HOT: a cursor that cannot leave its packet. RFC 1035 §3.1 and §4.1.4 (names and their compression).
 *  Runs several times for each record that arrives. Bench: test/bench/wire.ts. */

import { WireError } from './error.ts'
import { MAX_NAME, type Name, ROOT } from './name.ts'
import { copyOctets } from './pool.ts'

/** Compression pointers followed inside one name. Real encoders make chains of two or three. */
export const MAX_HOPS_PER_NAME = 16
/** Pointers of one name that do not count for its message. Honest large RRsets have hundreds of names with two or
 *  three, and the work these cause is bounded by MAX_EXPANSION. */
const FREE_HOPS = 3
/** Compression pointers followed in one message, FREE_HOPS of each name aside. */
export const MAX_HOPS_PER_MESSAGE = 128
/** Octets of names with pointers gathered from one message; no message holds more than this before decompression. */
export const MAX_EXPANSION = 65536

/** Pointers cannot lead into the header. */
const FIRST_NAME = 12

/** Pointers have 14 bits. */
const MAX_POINTER = 0x3fff

const scratch = new Uint8Array(MAX_NAME)

// Names read lately, by where they stand: records repeat their owner, glue repeats the NS records' names. A name is
// found under the serial number of its Reader and its offset in the packet, in one number.
const MEMORY = 64
const memoryKeys = new Float64Array(MEMORY)
const memory: Name[] = new Array(MEMORY).fill(ROOT)
let readers = 0

/** Walks one packet. Every read is bounds-checked; views share the packet's memory. */
export class Reader {
  readonly packet: Uint8Array
  /** Octets from the start of the packet to what is read next. */
  offset: number
  /** The first octet past what may be read. */
  readonly end: number
  /** What is left of MAX_HOPS_PER_MESSAGE. Who reads messages of a trusted peer (a zone transfer) may raise it. */
  hopsLeft = MAX_HOPS_PER_MESSAGE
  /** What is left of MAX_EXPANSION. */
  expansionLeft = MAX_EXPANSION
  private readonly memoryBase = ++readers * 65536

  constructor(packet: Uint8Array, offset = 0, end = packet.length) {
    this.packet = packet
    this.offset = offset
    this.end = end
  }

  /** Octets not read yet. */
  get remaining(): number {
    return this.end - this.offset
  }

  u8(): number {
    return this.packet[this.take(1)]
  }

  u16(): number {
    const at = this.take(2)
    return (this.packet[at] << 8) | this.packet[at + 1]
  }

  /** Unsigned, 0 to 4,294,967,295. */
  u32(): number {
    const { packet } = this
    const at = this.take(4)
    return ((packet[at] << 24) | (packet[at + 1] << 16) | (packet[at + 2] << 8) | packet[at + 3]) >>> 0
  }

  /** Steps over `name` if it stands here, in one piece and spelled so; it is then also what pointers to it give. */
  hasName(name: Name): boolean {
    const { packet, offset } = this
    if (offset + name.length > this.end || offset > MAX_POINTER) return false
    for (let i = 0; i < name.length; i++) if (packet[offset + i] !== name[i]) return false
    this.remember(name, offset)
    this.offset = offset + name.length
    return true
  }

  private remember(name: Name, standsAt: number): void {
    const slot = standsAt & (MEMORY - 1)
    memoryKeys[slot] = this.memoryBase + standsAt
    memory[slot] = name
  }

  /** The next `octets` octets, as a view. */
  view(octets: number): Uint8Array {
    const at = this.take(octets)
    return this.packet.subarray(at, at + octets)
  }

  /** The next `octets` octets, as a copy. */
  copy(octets: number): Uint8Array {
    const at = this.take(octets)
    return copyOctets(this.packet, at, at + octets)
  }

  /** Steps over `octets`. */
  skip(octets: number): void {
    this.take(octets)
  }

  /** The name that begins here, decompressed: a copy, or the very copy handed out before for the same octets.
   *  Throws WireError: 'bad-name' for pointers that do not lead strictly backwards, for label types other than RFC
   *  1035's (RFC 6891 §5 gave up the extended ones) and for more than 255 octets; 'limit' for too many pointers. */
  name(): Name {
    const { packet, end } = this
    const start = this.offset
    let standsAt = start // where the whole name is to be found in one piece: here, or behind a lone pointer
    if (start + 1 < end && packet[start] >= 0xc0) {
      standsAt = ((packet[start] & 0x3f) << 8) | packet[start + 1]
      const slot = standsAt & (MEMORY - 1)
      if (memoryKeys[slot] === this.memoryBase + standsAt && standsAt < start) {
        this.offset = start + 2
        return memory[slot]
      }
    }
    let length = 0 // gathered in scratch
    let at = start
    let segment = start // where the run of labels being read began: pointers have to lead before it
    let after = -1 // where reading goes on; known at the first pointer
    let hops = 0
    for (;;) {
      if (at >= end) throw new WireError('short', 'a name runs past the end of the packet')
      const octet = packet[at]
      if (octet === 0) {
        scratch[length++] = 0
        break
      }
      if (octet < 0x40) {
        const next = at + 1 + octet
        if (next > end) throw new WireError('short', 'a label runs past the end of the packet')
        if (length + 1 + octet >= MAX_NAME) throw new WireError('bad-name', 'a name is longer than 255 octets')
        while (at < next) scratch[length++] = packet[at++]
        continue
      }
      if (octet < 0xc0) throw new WireError('bad-name', 'a label is of unknown type')
      if (at + 2 > end) throw new WireError('short', 'a compression pointer runs past the end of the packet')
      const to = ((octet & 0x3f) << 8) | packet[at + 1]
      if (after < 0) after = at + 2
      if (to >= segment || to < FIRST_NAME) throw new WireError('bad-name', 'a compression pointer does not lead back')
      if (++hops > MAX_HOPS_PER_NAME) throw new WireError('limit', 'a name has too many compression pointers')
      if (hops > FREE_HOPS && --this.hopsLeft < 0) throw new WireError('limit', 'too many compression pointers')
      segment = at = to
    }
    if (hops > 0 && (this.expansionLeft -= length) < 0) throw new WireError('limit', 'names expand too much')
    this.offset = after < 0 ? at + 1 : after
    if (length === 1) return ROOT
    const name = copyOctets(scratch, 0, length)
    if (standsAt <= MAX_POINTER) this.remember(name, standsAt)
    return name
  }

  /** Steps over the name that begins here. Does not follow pointers, so what they lead to stays unchecked. */
  skipName(): void {
    for (;;) {
      const octet = this.u8()
      if (octet === 0) return
      if (octet >= 0xc0) {
        this.take(1)
        return
      }
      if (octet >= 0x40) throw new WireError('bad-name', 'a label is of unknown type')
      this.take(octet)
    }
  }

  /** Steps over `octets`, returning where they began. Throws WireError 'short' rather than pass the end. */
  private take(octets: number): number {
    const at = this.offset
    const next = at + octets
    if (next > this.end) throw new WireError('short', 'the packet ends too early')
    this.offset = next
    return at
  }
}
