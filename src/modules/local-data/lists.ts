/** HOT while loading: reads files of names, and of hosts, line by line, as octets: a list may have millions of lines, and a
 *  text for each of them would be thrown away at once. What is written in an unusual way goes the long way by
 *  nameFromText(), which also has the words for what is wrong. Twin and bench: as for the table of names. */

import { addressFromText } from '../../wire/ip-address.ts'
import { nameFromText } from '../../wire/name.ts'

const NEWLINE = 0x0a
const HASH = 0x23
const DOT = 0x2e
const SPACE = 0x20
const BACKSLASH = 0x5c
const MAX_LABEL = 63
const MAX_NAME = 255

/** Where the words of the line begin and end; good until the next line. */
interface Words {
  count: number
  starts: number[]
  ends: number[]
}

/** Calls `add` with each name, in the first `length` octets of what is used again for the next. In lines as of hosts
 *  files, which many blocklists are, the address does not matter. `fail` is told line and mistake, and throws. */
export function readNames(file: Buffer, add: (name: Uint8Array, length: number) => void, fail: Fail): void {
  const name = new Uint8Array(MAX_NAME + 1)
  const addressAt = addressReader(file)
  forEachLine(file, fail, ({ count, starts, ends }) => {
    const first = count > 1 && addressAt(starts[0], ends[0]) !== undefined ? 1 : 0
    for (let at = first; at < count; at++) add(name, readName(file, starts[at], ends[at], name))
  })
}

/** Lines of an address and the names that have it. */
export function readHosts(file: Buffer, add: (name: Uint8Array, address: Uint8Array) => void, fail: Fail): void {
  const name = new Uint8Array(MAX_NAME + 1)
  const addressAt = addressReader(file)
  forEachLine(file, fail, ({ count, starts, ends }) => {
    const address = addressAt(starts[0], ends[0])
    if (address === undefined) throw new Error(`"${textOf(file, starts[0], ends[0])}" is no IP address`)
    for (let at = 1; at < count; at++) add(name.slice(0, readName(file, starts[at], ends[at], name)), address)
  })
}

type Fail = (line: number, why: string) => never

function forEachLine(file: Buffer, fail: Fail, read: (words: Words) => void): void {
  const words: Words = { count: 0, starts: [], ends: [] }
  let line = 0
  for (let from = isMarked(file) ? BYTE_ORDER_MARK.length : 0; from < file.length; ) {
    line++
    from = splitLine(file, from, words)
    if (words.count === 0) continue
    try {
      read(words)
    } catch (error) {
      fail(line, (error as Error).message)
    }
  }
}

/** Some editors begin a file so (RFC 3629 §6). */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

function isMarked(file: Buffer): boolean {
  return BYTE_ORDER_MARK.every((octet, at) => file[at] === octet)
}

/** Gives where the next line begins. Words are what is not blank, up to a `#`. */
function splitLine(file: Buffer, from: number, words: Words): number {
  words.count = 0
  let isWord = false
  let at = from
  for (; at < file.length; at++) {
    const octet = file[at]
    const ends = octet <= SPACE || octet === HASH
    if (ends && isWord) words.ends[words.count++] = at
    if (!ends && !isWord) words.starts[words.count] = at
    isWord = !ends
    if (octet === NEWLINE) return at + 1
    if (octet === HASH) break
  }
  if (isWord) words.ends[words.count++] = at
  const newline = file.indexOf(NEWLINE, at)
  return newline < 0 ? file.length : newline + 1
}

/** Of many lines with the same address it is read once. */
function addressReader(file: Buffer): (from: number, to: number) => Uint8Array | undefined {
  let lastFrom = 0
  let lastTo = 0
  let last: Uint8Array | undefined
  return (from, to) => {
    if (to - from === lastTo - lastFrom && isSame(file, from, lastFrom, to - from)) return last
    lastFrom = from
    lastTo = to
    last = addressFromText(textOf(file, from, to))
    return last
  }
}

function isSame(file: Buffer, a: number, b: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (file[a + at] !== file[b + at]) return false
  return true
}

/** Writes the name into `name`, in wire form. Gives its length. */
function readName(file: Buffer, from: number, to: number, name: Uint8Array): number {
  if (to - from >= MAX_NAME - 1) return readUnusual(file, from, to, name)
  let label = 0 // where the label's length stands
  let end = 1
  for (let at = from; at < to; at++) {
    const octet = file[at]
    if (octet === DOT) {
      if (end === label + 1 || end - label - 1 > MAX_LABEL) return readUnusual(file, from, to, name)
      name[label] = end - label - 1
      label = end++
    } else if (octet === BACKSLASH || octet > 0x7e) return readUnusual(file, from, to, name)
    else name[end++] = octet
  }
  if (end === label + 1) {
    name[label] = 0 // there was a final dot
    return end
  }
  if (end - label - 1 > MAX_LABEL) return readUnusual(file, from, to, name)
  name[label] = end - label - 1
  name[end] = 0
  return end + 1
}

function readUnusual(file: Buffer, from: number, to: number, name: Uint8Array): number {
  const octets = nameFromText(textOf(file, from, to))
  name.set(octets)
  return octets.length
}

function textOf(file: Buffer, from: number, to: number): string {
  return file.toString('utf8', from, to)
}
