/** A set of keys in order, for stores that live in memory. Keys are strings of one character an octet (latin1), which
 *  JavaScript compares exactly as octets compare. */

/** Keys a leaf holds at most; a fuller one is split in two. */
const LEAF_LIMIT = 512

/** Two levels: a row of leaves, each a short sorted array. Adding and deleting cost a binary search on either level and
 *  a move inside one leaf, so it stays quick into the millions. */
export class OrderedKeys {
  private leaves: string[][] = [[]]

  clear(): void {
    this.leaves = [[]]
  }

  /** Adds `key`, which must not be here yet. */
  add(key: string): void {
    const leafIndex = this.leafFor(key)
    const leaf = this.leaves[leafIndex]
    leaf.splice(firstAtOrAfter(leaf, key), 0, key)
    if (leaf.length > LEAF_LIMIT) this.leaves.splice(leafIndex + 1, 0, leaf.splice(LEAF_LIMIT >> 1))
  }

  /** Deletes `key`, which must be here. */
  delete(key: string): void {
    const leafIndex = this.leafFor(key)
    const leaf = this.leaves[leafIndex]
    leaf.splice(firstAtOrAfter(leaf, key), 1)
    if (leaf.length === 0 && this.leaves.length > 1) this.leaves.splice(leafIndex, 1)
  }

  /** The first key at or after `key`, or strictly after it. */
  after(key: string, inclusive: boolean): string | undefined {
    const leafIndex = this.leafFor(key)
    const leaf = this.leaves[leafIndex]
    let at = firstAtOrAfter(leaf, key)
    if (!inclusive && leaf[at] === key) at++
    return at < leaf.length ? leaf[at] : this.leaves[leafIndex + 1]?.[0]
  }

  /** The last key strictly before `key`. */
  before(key: string): string | undefined {
    const leafIndex = this.leafFor(key)
    const at = firstAtOrAfter(this.leaves[leafIndex], key)
    return at > 0 ? this.leaves[leafIndex][at - 1] : this.leaves[leafIndex - 1]?.at(-1)
  }

  /** The leaf `key` belongs to: the last one that does not begin after it. */
  private leafFor(key: string): number {
    let low = 0
    let high = this.leaves.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.leaves[middle][0] <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

function firstAtOrAfter(sorted: string[], key: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The key's octets as a string of as many characters. */
export function keyText(key: Uint8Array): string {
  return latin1Slice.call(key, 0, key.length)
}

export function keyFromText(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

// Works on any Uint8Array, and saves making a Buffer of each key.
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, from: number, to: number): string })
  .latin1Slice
