/** SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for short input, which RFC 9018 §4.4 makes cookies with.
 *
 *  HOT where clients are over their limits: whoever floods us may show cookies, and each is looked at. Its four 64-bit words are
 *  halves of 32 bits here, as whole ones would be BigInts, thirty times as slow. Twin: test/modules/cookies/plain-siphash.ts. */

const ROUNDS = 2
const LAST_ROUNDS = 4

/** Eight octets. `key` has 16. */
export function sipHash(key: Uint8Array, data: Uint8Array): Uint8Array {
  const [k0, k0h, k1, k1h] = [wordAt(key, 0), wordAt(key, 4), wordAt(key, 8), wordAt(key, 12)]
  let [v0, v0h] = [k0 ^ 0x70736575, k0h ^ 0x736f6d65]
  let [v1, v1h] = [k1 ^ 0x6e646f6d, k1h ^ 0x646f7261]
  let [v2, v2h] = [k0 ^ 0x6e657261, k0h ^ 0x6c796765]
  let [v3, v3h] = [k1 ^ 0x79746573, k1h ^ 0x74656462]
  const blocks = (data.length >> 3) + 1
  for (let block = 0; block <= blocks; block++) {
    const isEnd = block === blocks
    const at = block * 8
    // The last block has what is left of the data, and its length.
    const m = isEnd ? 0 : wordAt(data, at)
    const mh = isEnd ? 0 : wordAt(data, at + 4) | (block === blocks - 1 ? data.length << 24 : 0)
    if (isEnd) v2 ^= 0xff
    v3 ^= m
    v3h ^= mh
    for (let round = isEnd ? LAST_ROUNDS : ROUNDS; round > 0; round--) {
      let sum = (v0 >>> 0) + (v1 >>> 0)
      v0 = sum | 0
      v0h = (v0h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0
      let swap = (v1 << 13) | (v1h >>> 19)
      v1h = ((v1h << 13) | (v1 >>> 19)) ^ v0h
      v1 = swap ^ v0
      swap = v0
      v0 = v0h
      v0h = swap
      sum = (v2 >>> 0) + (v3 >>> 0)
      v2 = sum | 0
      v2h = (v2h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0
      swap = (v3 << 16) | (v3h >>> 16)
      v3h = ((v3h << 16) | (v3 >>> 16)) ^ v2h
      v3 = swap ^ v2
      sum = (v0 >>> 0) + (v3 >>> 0)
      v0 = sum | 0
      v0h = (v0h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0
      swap = (v3 << 21) | (v3h >>> 11)
      v3h = ((v3h << 21) | (v3 >>> 11)) ^ v0h
      v3 = swap ^ v0
      sum = (v2 >>> 0) + (v1 >>> 0)
      v2 = sum | 0
      v2h = (v2h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0
      swap = (v1 << 17) | (v1h >>> 15)
      v1h = ((v1h << 17) | (v1 >>> 15)) ^ v2h
      v1 = swap ^ v2
      swap = v2
      v2 = v2h
      v2h = swap
    }
    v0 ^= m
    v0h ^= mh
  }
  const hash = new Uint8Array(8)
  putWord(hash, 0, v0 ^ v1 ^ v2 ^ v3)
  putWord(hash, 4, v0h ^ v1h ^ v2h ^ v3h)
  return hash
}

/** Four octets, the lowest first; zeros past the end. */
function wordAt(octets: Uint8Array, at: number): number {
  if (at + 4 <= octets.length)
    return octets[at] | (octets[at + 1] << 8) | (octets[at + 2] << 16) | (octets[at + 3] << 24)
  let word = 0
  for (let i = at; i < octets.length; i++) word |= octets[i] << (8 * (i - at))
  return word
}

function putWord(octets: Uint8Array, at: number, word: number): void {
  octets[at] = word
  octets[at + 1] = word >>> 8
  octets[at + 2] = word >>> 16
  octets[at + 3] = word >>> 24
}
