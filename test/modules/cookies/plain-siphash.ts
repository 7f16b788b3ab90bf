/** The twin of sipHash(): SipHash-2-4 (Aumasson and Bernstein, 2012) as its paper writes it, in whole 64-bit numbers. */

const MASK = 0xffffffffffffffffn

/** Eight octets. `key` has 16. */
export function plainSipHash(key: Uint8Array, data: Uint8Array): Uint8Array {
  const keys = new DataView(key.buffer, key.byteOffset, 16)
  const [k0, k1] = [keys.getBigUint64(0, true), keys.getBigUint64(8, true)]
  const v = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n]
  // The last block has what is left of the data, and its length.
  const padded = new Uint8Array(data.length - (data.length % 8) + 8)
  padded.set(data)
  padded[padded.length - 1] = data.length & 0xff
  const blocks = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 8) {
    const block = blocks.getBigUint64(at, true)
    v[3] ^= block
    rounds(v, 2)
    v[0] ^= block
  }
  v[2] ^= 0xffn
  rounds(v, 4)
  const hash = new Uint8Array(8)
  new DataView(hash.buffer).setBigUint64(0, v[0] ^ v[1] ^ v[2] ^ v[3], true)
  return hash
}

function rounds(v: bigint[], count: number): void {
  for (let i = 0; i < count; i++) {
    v[0] = (v[0] + v[1]) & MASK
    v[1] = rotate(v[1], 13n) ^ v[0]
    v[0] = rotate(v[0], 32n)
    v[2] = (v[2] + v[3]) & MASK
    v[3] = rotate(v[3], 16n) ^ v[2]
    v[0] = (v[0] + v[3]) & MASK
    v[3] = rotate(v[3], 21n) ^ v[0]
    v[2] = (v[2] + v[1]) & MASK
    v[1] = rotate(v[1], 17n) ^ v[2]
    v[2] = rotate(v[2], 32n)
  }
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK
}
