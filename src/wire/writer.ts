/** HOT: composes a message into the caller's buffer. RFC 1035 §4.1.4 (compression of names).
 *
 *  Compression remembers where each suffix of the first names was written, in a table with open addressing:
 *    slots   Uint16Array   | offset in the message of a suffix |   by hash of the folded suffix, 0 = free
 *    depths  Uint8Array    | pointers to follow to read it |       same index
 *    log     Uint8Array    | slot |                                in the order they were filled, for rollback
 *  Suffixes enter shortest first, so when one is absent all longer ones are, and a look-up ends at the first miss. */

import { WireError } from './error.ts'
import { FOLD, labelOffsets, MAX_LABELS, type Name } from './name.ts'

/** Names whose suffixes are remembered. Later ones still point at these; the work stays linear. */
export const MAX_COMPRESSED_NAMES = 64
const MAX_SUFFIXES = 192
const SLOTS = 256
const MAX_PROBES = 8
/** A suffix that takes this many pointers to read is not pointed at: readers rightly shy from long chains. */
const MAX_DEPTH = 3
/** Pointers have 14 bits. */
const MAX_POINTER = 0x3fff

/** A state of a Writer to return to. */
export interface Mark {
  readonly offset: number
  readonly names: number
  readonly suffixes: number
}

const labels = new Uint8Array(MAX_LABELS + 1)

/** Writes one message from the start of a buffer. Throws WireError 'no-room' rather than pass the limit; the offset
 *  may then stand in the middle of what was being written: roll back to a mark. */
export class Writer {
  buffer: Uint8Array
  /** Octets written so far. */
  offset = 0
  /** Octets that may be written. Move it to keep room for what has to come last. */
  limit: number
  private readonly slots = new Uint16Array(SLOTS)
  private readonly depths = new Uint8Array(SLOTS)
  private readonly log = new Uint8Array(MAX_SUFFIXES)
  private suffixes = 0
  private names = 0

  constructor(buffer: Uint8Array, limit: number = buffer.length) {
    this.buffer = buffer
    this.limit = Math.min(limit, buffer.length)
  }

  /** Begins a new message, as a new Writer would, without allocating. */
  reset(buffer: Uint8Array, limit: number = buffer.length): void {
    this.buffer = buffer
    this.offset = 0
    this.limit = Math.min(limit, buffer.length)
    this.forget(0)
    this.names = 0
  }

  u8(value: number): void {
    const at = this.take(1)
    this.buffer[at] = value
  }

  u16(value: number): void {
    const at = this.take(2)
    this.buffer[at] = value >>> 8
    this.buffer[at + 1] = value
  }

  u32(value: number): void {
    const { buffer } = this
    const at = this.take(4)
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  octets(octets: Uint8Array): void {
    const { length } = octets
    const at = this.take(length)
    if (length > 64) {
      this.buffer.set(octets, at)
      return
    }
    const { buffer } = this
    for (let i = 0; i < length; i++) buffer[at + i] = octets[i]
  }

  /** Overwrites the two octets at `offset`, written before. */
  patchU16(offset: number, value: number): void {
    this.buffer[offset] = value >>> 8
    this.buffer[offset + 1] = value
  }

  /** Writes a name, its ending replaced by a pointer where the same ending, whatever its case, was written before.
   *  With `compress` false it is written whole, yet later names may point at it. */
  name(name: Name, compress = true): void {
    const count = labelOffsets(name, labels)
    let hash = 0
    let known = count // labels from here on have been written before ...
    let pointer = 0 // ... at this offset ...
    let depth = 0 // ... and take this many pointers to read, the one to be written included
    if (compress && this.suffixes > 0) {
      while (known > 0) {
        const longer = hashLabel(hash, name, labels[known - 1])
        const slot = this.find(longer, name, labels[known - 1])
        if (slot < 0) break
        hash = longer
        pointer = this.slots[slot]
        depth = this.depths[slot] + 1
        known--
      }
    }
    const start = this.offset
    const written = known === count ? name.length : labels[known]
    const at = this.take(pointer === 0 ? written : written + 2)
    const { buffer } = this
    for (let i = 0; i < written; i++) buffer[at + i] = name[i]
    if (pointer !== 0) this.patchU16(at + written, 0xc000 | pointer)
    if (known > 0 && this.names < MAX_COMPRESSED_NAMES) {
      this.names++
      this.remember(name, start, known, hash, depth)
    }
  }

  /** The state now, to return to. */
  mark(): Mark {
    return { offset: this.offset, names: this.names, suffixes: this.suffixes }
  }

  /** Takes back all that was written since `mark`, and the memory of names in it. */
  rollback(mark: Mark): void {
    this.offset = mark.offset
    this.names = mark.names
    this.forget(mark.suffixes)
  }

  /** Enters the suffixes of the name at `start`, from label `last` - 1 (just before those known, whose hash is `hash`)
   *  to the whole name. */
  private remember(name: Name, start: number, last: number, hash: number, depth: number): void {
    if (depth === MAX_DEPTH) return
    for (let label = last - 1; label >= 0; label--) {
      const at = start + labels[label]
      if (at > MAX_POINTER || at === 0 || this.suffixes === MAX_SUFFIXES) return
      hash = hashLabel(hash, name, labels[label])
      let slot = slotOf(hash)
      let probes = 0
      while (this.slots[slot] !== 0) {
        if (++probes === MAX_PROBES) return
        slot = (slot + 1) & (SLOTS - 1)
      }
      this.slots[slot] = at
      this.depths[slot] = depth
      this.log[this.suffixes++] = slot
    }
  }

  /** The slot of the suffix of `name` that begins at `from`, -1 when it is not remembered. */
  private find(hash: number, name: Name, from: number): number {
    let slot = slotOf(hash)
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const at = this.slots[slot]
      if (at === 0) return -1
      if (this.isWrittenAt(at, name, from)) return slot
      slot = (slot + 1) & (SLOTS - 1)
    }
    return -1
  }

  /** True when the name at `at` in the message, pointers followed, equals `name` from `from` on. */
  private isWrittenAt(at: number, name: Name, from: number): boolean {
    const { buffer } = this
    for (;;) {
      while (buffer[at] >= 0xc0) at = ((buffer[at] & 0x3f) << 8) | buffer[at + 1] // our own, so they end
      const length = buffer[at]
      if (length !== name[from]) return false
      if (length === 0) return true
      for (let i = 1; i <= length; i++) {
        if (FOLD[buffer[at + i]] !== FOLD[name[from + i]]) return false
      }
      at += length + 1
      from += length + 1
    }
  }

  /** Frees the slots filled after the first `suffixes`; last in, first out, so no probe chain breaks. */
  private forget(suffixes: number): void {
    while (this.suffixes > suffixes) this.slots[this.log[--this.suffixes]] = 0
  }

  /** Steps over `octets`, returning where they begin. The one bounds check in this class. */
  private take(octets: number): number {
    const at = this.offset
    if (at + octets > this.limit) throw new WireError('no-room', `the message does not fit ${this.limit} octets`)
    this.offset = at + octets
    return at
  }
}

/** Hash of a suffix, from that of the suffix one label shorter (0 for the root) and the label at `at`. FNV-1a. */
function hashLabel(hash: number, name: Name, at: number): number {
  const end = at + 1 + name[at]
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ FOLD[name[i]], 0x01000193)
  return hash
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (SLOTS - 1)
}
