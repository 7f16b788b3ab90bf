/**
 * Where does one word of a master file end and the next begin? Blanks, quotes, escapes, parentheses and comments
 * (RFC 1035 §5.1), and SVCB's `key="value"` pairs (RFC 9460 appendix A). What the words mean is for others to know.
 */

import { WireError } from './error.ts'
import type { Name } from './name.ts'

/** One word as it was written: escapes still in place, quotes taken off. */
export interface Word {
  readonly text: string
  readonly quoted: boolean
}

const BLANK = /[ \t\r]/
const ENDS_WORD = /[ \t\r\n;()"]/

/** Walks text entry by entry, word by word. An entry is one line, or several when parentheses hold them together. */
export class Scanner {
  private line = 1
  /** The line this entry began on, from 1; for error messages. */
  entryLine = 1
  /** What relative names and `@` are relative to; undefined makes every name absolute. */
  origin: Name | undefined
  private readonly text: string
  private position = 0
  private depth = 0
  private peeked: Word | undefined

  constructor(text: string, origin?: Name) {
    this.text = text
    this.origin = origin
  }

  /** Moves to the next line that holds a word, and says whether it starts with a blank; undefined at the end of the text. */
  beginEntry(): { indented: boolean } | undefined {
    for (;;) {
      this.entryLine = this.line
      const indented = BLANK.test(this.text[this.position] ?? '')
      if (this.peek() !== undefined) return { indented }
      if (this.position >= this.text.length) return undefined
      this.position++ // the newline the last line ended with
      this.line++
    }
  }

  /** The next word of this entry, left in place; undefined at the entry's end. */
  peek(): Word | undefined {
    this.peeked ??= this.read(false)
    return this.peeked
  }

  /** The next word of this entry, taken; undefined at the entry's end. */
  next(): Word | undefined {
    const word = this.peek()
    this.peeked = undefined
    return word
  }

  /** The next word, taken. Throws 'bad-text', naming `what` was expected, at the entry's end. */
  take(what: string): Word {
    return this.next() ?? fail(`${what} is missing`)
  }

  /** All words left in this entry, taken and joined: base64 and hex may be broken up by blanks (RFC 4034 §2.2). */
  rest(): string {
    let text = ''
    for (let word = this.next(); word !== undefined; word = this.next()) text += word.text
    return text
  }

  /** `key`, `key=value` or `key="quoted value"`, taken as one; undefined at the entry's end. Must not follow a peek. */
  nextPair(): Word | undefined {
    return this.read(true)
  }

  /** Throws 'bad-text' when words are left in this entry. */
  endEntry(): void {
    const word = this.next()
    if (word !== undefined) fail(`"${word.text}" is one word too many`)
  }

  private read(pairs: boolean): Word | undefined {
    if (!this.skipBlanks()) return undefined
    if (this.text[this.position] === '"') return { text: this.readQuoted(), quoted: true }
    const start = this.position
    while (this.position < this.text.length && !ENDS_WORD.test(this.text[this.position])) this.stepCharacter()
    const text = this.text.slice(start, this.position)
    if (pairs && text.endsWith('=') && this.text[this.position] === '"')
      return { text: text + this.readQuoted(), quoted: true }
    return { text, quoted: false }
  }

  /** Steps to the next word of the entry; false when there is none, the cursor then being on the newline or the end. */
  private skipBlanks(): boolean {
    for (; this.position < this.text.length; this.position++) {
      const character = this.text[this.position]
      if (BLANK.test(character)) continue
      if (character === '(') this.depth++
      else if (character === ')') {
        if (--this.depth < 0) fail('a parenthesis closes that was never opened')
      } else if (character === ';') {
        const newline = this.text.indexOf('\n', this.position)
        this.position = (newline < 0 ? this.text.length : newline) - 1
      } else if (character === '\n') {
        if (this.depth === 0) return false
        this.line++
      } else return true
    }
    if (this.depth > 0) fail('a parenthesis is never closed')
    return false
  }

  private readQuoted(): string {
    const start = ++this.position
    while (this.text[this.position] !== '"') {
      if (this.position >= this.text.length || this.text[this.position] === '\n') fail('a quote is never closed')
      this.stepCharacter()
    }
    return this.text.slice(start, this.position++)
  }

  /** Steps over one character, or over a backslash and what it escapes. */
  private stepCharacter(): void {
    if (this.text[this.position] === '\\' && this.position + 1 < this.text.length) {
      if (this.text[this.position + 1] === '\n') fail('a backslash stands at the end of a line')
      this.position++
    }
    this.position++
  }
}

/** Octets of a word: \DDD and \X taken for what they stand for (RFC 1035 §5.1), anything beyond ASCII as UTF-8. */
export function unescapeOctets(text: string): Uint8Array {
  if (!text.includes('\\')) return encoder.encode(text)
  const octets: number[] = []
  for (const [part, escaped] of text.matchAll(/\\(\d{3}|[^\d])|[^\\]+|\\/gsu)) {
    if (part === '\\') fail(`"${text}" holds a backslash that escapes nothing`)
    else if (escaped === undefined) octets.push(...encoder.encode(part))
    else if (!/^\d/.test(escaped)) octets.push(...encoder.encode(escaped))
    else if (Number(escaped) > 255) fail(`\\${escaped} is no octet`)
    else octets.push(Number(escaped))
  }
  return Uint8Array.from(octets)
}

/** A character-string between quotes, whatever its octets (RFC 1035 §5.1). */
export function quotedText(octets: Uint8Array): string {
  return `"${escapeOctets(octets, '"\\')}"`
}

/** Printable ASCII as it is but for a backslash before each of `specials`; any other octet as \DDD. */
export function escapeOctets(octets: Uint8Array, specials: string): string {
  let text = ''
  for (const octet of octets) {
    const character = String.fromCharCode(octet)
    if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`
    else text += specials.includes(character) ? `\\${character}` : character
  }
  return text
}

/** Refuses presentation text: throws WireError 'bad-text'. */
export function fail(message: string): never {
  throw new WireError('bad-text', message)
}

const encoder = new TextEncoder()
