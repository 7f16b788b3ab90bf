/** HOT: the form of a name that sorts. Folded labels from the root down, so that the order of octets is the canonical
 *  order of names (RFC 4034 §6.1) and all that is at or below a name is one range of keys: those that begin with its.
 *
 *    www.example.org.   →   'org' 00 'example' 00 'www' 00          the root is empty
 *
 *  Inside a label 00 becomes 01 01 and 01 becomes 01 02, so a 00 only ever ends a label. */

import { WireError } from './error.ts'
import { FOLD, labelOffsets, MAX_LABELS, MAX_NAME, type Name, ROOT } from './name.ts'

/** No reversed name is longer than this, in octets. */
export const MAX_REVERSED = 510

const labels = new Uint8Array(MAX_LABELS + 1)

/** Writes the reversed form of `name` into `target` from `offset` on, where MAX_REVERSED octets must be free.
 *  Gives the octets written. */
export function writeReversed(name: Name, target: Uint8Array, offset: number): number {
  let to = offset
  for (let label = labelOffsets(name, labels) - 1; label >= 0; label--) {
    const at = labels[label]
    const end = at + 1 + name[at]
    for (let i = at + 1; i < end; i++) {
      const octet = FOLD[name[i]]
      if (octet > 1) target[to++] = octet
      else {
        target[to++] = 1
        target[to++] = octet + 1
      }
    }
    target[to++] = 0
  }
  return to - offset
}

const scratch = new Uint8Array(MAX_REVERSED)

/** The reversed form of `name`, a new array. */
export function reversedName(name: Name): Uint8Array {
  return scratch.slice(0, writeReversed(name, scratch, 0))
}

/** The name, in lower case, whose reversed form is `key`. Throws WireError 'bad-name' when it is not a reversed form. */
export function nameFromReversed(key: Uint8Array): Name {
  if (key.length === 0) return ROOT
  if (key[key.length - 1] !== 0) throw new WireError('bad-name', 'a reversed name ends inside a label')
  const backwards = new Uint8Array(MAX_NAME) // filled from its end
  let first = MAX_NAME - 1 // of the octets filled; the last one is the root
  for (let at = 0; at < key.length; ) {
    let octets = 0
    let end = at
    for (; key[end] !== 0; end++, octets++) {
      if (key[end] !== 1) continue
      end++
      if (key[end] !== 1 && key[end] !== 2) throw new WireError('bad-name', 'a reversed name has a broken escape')
    }
    if (octets === 0 || octets > 63 || first - octets - 1 < 0) {
      throw new WireError('bad-name', 'a reversed name has a label of wrong length')
    }
    first -= octets + 1
    backwards[first] = octets
    for (let to = first + 1; at < end; at++) backwards[to++] = key[at] === 1 ? key[++at] - 1 : key[at]
    at++
  }
  return backwards.slice(first)
}
