/** HOT: domain names. What can be asked of a name, and how one is made from another?
 *  RFC 1035 §3.1 (wire form) and §5.1 (text form), RFC 4343 (case), RFC 4034 §6.1 (canonical order), RFC 6672 (DNAME).
 *
 *  A name is its uncompressed wire form: labels, each behind a length octet of 1 to 63, and a final zero octet; at most
 *  255 octets in all. The case stays as it came. Length octets are below 'A', so folding them with the rest is
 *  harmless, and whole names are compared octet by octet. Functions here trust their argument to be such a name;
 *  Reader and nameFromText see to it. */

import { WireError } from './error.ts'

/** A name in wire form, final zero octet included, 1 to 255 octets, case kept. Never modified once made. */
export type Name = Uint8Array

/** The root: no labels. */
export const ROOT: Name = new Uint8Array(1)

/** Octets of the longest name, final zero octet included. RFC 1035 §2.3.4. */
export const MAX_NAME = 255
/** Octets of the longest label, without its length octet. RFC 1035 §2.3.4. */
export const MAX_LABEL = 63
/** The most labels a name can have: each takes at least two octets. */
export const MAX_LABELS = 127

/** Every octet in lower case: only A to Z change (RFC 4343 §3). */
export const FOLD = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet,
)

/** True when both are the same name, whatever the case of ASCII letters. RFC 4343 §3. */
export function equalNames(a: Name, b: Name): boolean {
  if (a === b) return true
  const length = a.length
  if (length !== b.length) return false
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i] && FOLD[a[i]] !== FOLD[b[i]]) return false
  }
  return true
}

/** True when `name` is `zone` or anywhere under it. */
export function isAtOrBelow(name: Name, zone: Name): boolean {
  const start = name.length - zone.length
  if (start < 0) return false
  let at = 0
  while (at < start) at += name[at] + 1
  if (at !== start) return false // the last octets may look alike, but no label begins there
  for (let i = 0; i < zone.length; i++) {
    if (FOLD[name[start + i]] !== FOLD[zone[i]]) return false
  }
  return true
}

/** True when `name` is under `zone`, and not `zone` itself. */
export function isBelow(name: Name, zone: Name): boolean {
  return name.length > zone.length && isAtOrBelow(name, zone)
}

/** Number of labels, 0 for the root. Unlike the RRSIG labels field, it counts a leading `*`. */
export function countLabels(name: Name): number {
  let labels = 0
  for (let at = 0; name[at] !== 0; at += name[at] + 1) labels++
  return labels
}

/** The name without its first label, as a view; the root's parent is the root. */
export function parentName(name: Name): Name {
  return name[0] === 0 ? name : name.subarray(name[0] + 1)
}

/** The last `labels` labels, as a view; the whole name if it has no more than that. */
export function ancestorWith(name: Name, labels: number): Name {
  let at = 0
  for (let surplus = countLabels(name) - labels; surplus > 0; surplus--) at += name[at] + 1
  return at === 0 ? name : name.subarray(at)
}

/** The longest name both are at or below, as a view of `a`. */
export function commonAncestor(a: Name, b: Name): Name {
  const labelsA = labelOffsets(a, offsetsA)
  const labelsB = labelOffsets(b, offsetsB)
  let shared = 0
  while (shared < labelsA && shared < labelsB) {
    const order = compareLabels(a, offsetsA[labelsA - 1 - shared], b, offsetsB[labelsB - 1 - shared])
    if (order !== 0) break
    shared++
  }
  if (shared === labelsA) return a
  return a.subarray(shared === 0 ? a.length - 1 : offsetsA[labelsA - shared])
}

/** True when the first label is a lone `*`. RFC 4592 §2.1.1. */
export function isWildcard(name: Name): boolean {
  return name[0] === 1 && name[1] === 0x2a
}

/** The first label without its length octet, as a view; empty for the root. */
export function firstLabel(name: Name): Uint8Array {
  return name.subarray(1, 1 + name[0])
}

/** The name in lower case: a copy, or the name itself when it has no capitals. */
export function foldName(name: Name): Name {
  const length = name.length
  for (let i = 0; i < length; i++) {
    if (FOLD[name[i]] === name[i]) continue
    const folded = new Uint8Array(length)
    for (let j = 0; j < length; j++) folded[j] = FOLD[name[j]]
    return folded
  }
  return name
}

const keyBuffer = Buffer.alloc(MAX_NAME)

/** A string equal for equal names and for no others, whatever their case: for Map keys. */
export function nameKey(name: Name): string {
  const length = name.length
  for (let i = 0; i < length; i++) keyBuffer[i] = FOLD[name[i]]
  return keyBuffer.toString('latin1', 0, length)
}

// Where labels begin, for the functions that read names from the right; good until the next call.
const offsetsA = new Uint8Array(MAX_LABELS + 1)
const offsetsB = new Uint8Array(MAX_LABELS + 1)

/** Fills `offsets` (MAX_LABELS long or more) with where each label begins, leftmost first. Gives their number. */
export function labelOffsets(name: Name, offsets: Uint8Array): number {
  let labels = 0
  for (let at = 0; name[at] !== 0; at += name[at] + 1) offsets[labels++] = at
  return labels
}

/** Order of the label at `atA` in `a` and that at `atB` in `b`: as unsigned octets, folded, the shorter one first. */
function compareLabels(a: Name, atA: number, b: Name, atB: number): number {
  const lengthA = a[atA]
  const lengthB = b[atB]
  const shorter = Math.min(lengthA, lengthB)
  for (let i = 1; i <= shorter; i++) {
    const difference = FOLD[a[atA + i]] - FOLD[b[atB + i]]
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}

/** Below, at or above zero as `a` comes before, with or after `b` in canonical order. RFC 4034 §6.1. */
export function compareCanonical(a: Name, b: Name): number {
  const labelsA = labelOffsets(a, offsetsA)
  const labelsB = labelOffsets(b, offsetsB)
  for (let fromRoot = 1; fromRoot <= labelsA && fromRoot <= labelsB; fromRoot++) {
    const order = compareLabels(a, offsetsA[labelsA - fromRoot], b, offsetsB[labelsB - fromRoot])
    if (order !== 0) return order
  }
  return labelsA - labelsB // an ancestor comes before all that is below it
}

/** `name` with its ending `from` replaced by `to`, as a DNAME does; undefined when the result would pass 255 octets
 *  (YXDOMAIN, RFC 6672 §2.2). `name` has to be at or below `from`. */
export function replaceSuffix(name: Name, from: Name, to: Name): Name | undefined {
  const kept = name.length - from.length
  if (kept + to.length > MAX_NAME) return undefined
  const replaced = new Uint8Array(kept + to.length)
  replaced.set(name.subarray(0, kept))
  replaced.set(to, kept)
  return replaced
}

/** `label` (1 to 63 octets, no length octet) in front of `name`; undefined when the result would pass 255 octets. */
export function prependLabel(label: Uint8Array, name: Name): Name | undefined {
  if (label.length === 0 || label.length > MAX_LABEL) throw new WireError('bad-name', 'a label has 1 to 63 octets')
  if (1 + label.length + name.length > MAX_NAME) return undefined
  const longer = new Uint8Array(1 + label.length + name.length)
  longer[0] = label.length
  longer.set(label, 1)
  longer.set(name, 1 + label.length)
  return longer
}

const BACKSLASH = 0x5c
const DOT = 0x2e

/** The name written as `www.example.org.` or without the final dot; `.` is the root. `\DDD` is an octet in decimal, `\X`
 *  the character X without its meaning (RFC 1035 §5.1). ASCII only. Throws WireError 'bad-text'. */
export function nameFromText(text: string): Name {
  if (text === '.') return ROOT
  const octets = new Uint8Array(MAX_NAME + 1)
  let start = 0 // of the label being read: its length octet
  let end = 1
  for (let i = 0; i < text.length; i++) {
    let octet = text.charCodeAt(i)
    if (octet === DOT) {
      closeLabel(text, octets, start, end)
      start = end++
      continue
    }
    if (octet === BACKSLASH) {
      const digits = /^\d{1,3}/.exec(text.slice(i + 1, i + 4))?.[0]
      if (digits !== undefined && digits.length < 3) throw badText(text, 'has an escape that is not three digits')
      octet = digits === undefined ? text.charCodeAt(i + 1) : Number(digits)
      if (Number.isNaN(octet)) throw badText(text, 'ends in a backslash')
      if (digits !== undefined && octet > 255) throw badText(text, 'has an escape above \\255')
      i += digits === undefined ? 1 : 3
      if (digits === undefined && octet > 0x7f) throw badText(text, 'has a character that is not ASCII')
    } else if (octet > 0x7f) throw badText(text, 'has a character that is not ASCII')
    if (end >= MAX_NAME) throw badText(text, 'is longer than 255 octets')
    octets[end++] = octet
  }
  if (start + 1 === end && start > 0)
    end-- // there was a final dot
  else closeLabel(text, octets, start, end)
  if (end + 1 > MAX_NAME) throw badText(text, 'is longer than 255 octets')
  return octets.slice(0, end + 1)
}

function closeLabel(text: string, octets: Uint8Array, start: number, end: number): void {
  const length = end - start - 1
  if (length === 0) throw badText(text, 'has an empty label')
  if (length > MAX_LABEL) throw badText(text, 'has a label longer than 63 octets')
  octets[start] = length
}

function badText(text: string, problem: string): WireError {
  return new WireError('bad-text', `the name ${JSON.stringify(text.slice(0, 300))} ${problem}`)
}

/** How each octet is written: itself, `\X` where X means something in a master file, `\DDD` where it cannot be seen. */
const OCTET_TEXT = Array.from({ length: 256 }, (_, octet) => {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}` // RFC 4343 §2.1
  const character = String.fromCharCode(octet)
  return '.\\"();@$'.includes(character) ? `\\${character}` : character // RFC 1035 §5.1
})

/** The name as people write it, with the final dot; `.` for the root. nameFromText reads it back to the same octets. */
export function nameToText(name: Name): string {
  if (name[0] === 0) return '.'
  let text = ''
  for (let at = 0; name[at] !== 0; ) {
    const end = at + 1 + name[at]
    for (at++; at < end; at++) text += OCTET_TEXT[name[at]]
    text += '.'
  }
  return text
}
