/** A growing run of octets: what presentation text turns into before its length is known. Network order. */

export class Octets {
  private readonly bytes: number[] = []

  get length(): number {
    return this.bytes.length
  }

  /** The octet already written at `index`. */
  at(index: number): number {
    return this.bytes[index]
  }

  u8(value: number): void {
    this.bytes.push(value & 0xff)
  }

  u16(value: number): void {
    this.bytes.push((value >> 8) & 0xff, value & 0xff)
  }

  u32(value: number): void {
    this.bytes.push((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
  }

  append(octets: Iterable<number>): void {
    for (const octet of octets) this.bytes.push(octet)
  }

  toUint8Array(): Uint8Array {
    return Uint8Array.from(this.bytes)
  }
}
