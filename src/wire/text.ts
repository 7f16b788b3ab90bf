/**
 * Records as people read and write them: presentation form and master files (RFC 1035 §5, RFC 3597 §5 for what is unknown).
 * How each field looks is said in rdata-layouts.ts; scanner.ts finds the words.
 */

import { WireError } from './error.ts'
import { type Name, nameToText } from './name.ts'
import { Octets } from './octets.ts'
import { checkRdata } from './rdata.ts'
import { parseName } from './rdata-field.ts'
import { type Layout, layoutFor } from './rdata-layouts.ts'
import { fail, Scanner } from './scanner.ts'
import { hexOctets, hexText, numberFromText, secondsFromText } from './text-values.ts'
import { Class, classFromText, classText, typeFromText, typeText } from './types.ts'

/** One record of a master file. */
export interface ZoneRecord {
  owner: Name
  /** Seconds. */
  ttl: number
  class: number
  type: number
  /** Wire form, names whole. */
  rdata: Uint8Array
}

/** TTL of records in a text that nowhere gives one. */
export const FALLBACK_TTL = 3600

/** The RDATA in the presentation form of its type; in that of RFC 3597 §5 (`\# 4 C0000201`) when it has none or does not fit. */
export function rdataToText(type: number, rdata: Uint8Array): string {
  const layout = layoutFor(type)
  if (layout === undefined) return genericText(rdata)
  try {
    return printFields(layout, rdata)
  } catch (error) {
    if (error instanceof WireError) return genericText(rdata)
    throw error
  }
}

/**
 * RDATA from its presentation form, or from that of RFC 3597 §5, which every type may use. Relative names are completed with
 * `origin`; without one they are taken as absolute. Throws WireError 'bad-text'.
 */
export function rdataFromText(type: number, text: string, origin?: Name): Uint8Array {
  const words = new Scanner(text, origin)
  if (words.beginEntry() === undefined) return parseRdata(type, words)
  const rdata = parseRdata(type, words)
  if (words.beginEntry() !== undefined) fail('RDATA goes on after the end of its line')
  return rdata
}

/** The record on one line, tabs between its parts, as dig prints it: `example.org.	3600	IN	MX	10 mail.example.org.` */
export function recordToText(owner: Name, ttl: number, klass: number, type: number, rdata: Uint8Array): string {
  return [nameToText(owner), ttl, classText(klass), typeText(type), rdataToText(type, rdata)].join('\t')
}

/**
 * The records of a master file (RFC 1035 §5.1), in order. $ORIGIN and $TTL are followed; $INCLUDE is refused, for text
 * opens no files. An owner left out is the one before. A TTL left out is that of $TTL, else the last one given (RFC 2308 §4),
 * else FALLBACK_TTL. Throws WireError 'bad-text' with the number of the line.
 */
export function parseZoneText(text: string, origin?: Name): ZoneRecord[] {
  const words = new Scanner(text, origin)
  const context: ZoneContext = { owner: undefined, ttl: undefined, class: Class.IN }
  const records: ZoneRecord[] = []
  try {
    for (let entry = words.beginEntry(); entry !== undefined; entry = words.beginEntry()) {
      const first = words.peek()
      if (!entry.indented && !first?.quoted && first?.text.startsWith('$')) followDirective(words, context)
      else records.push(parseRecord(words, context, entry.indented))
      words.endEntry()
    }
    return records
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new WireError('bad-text', `line ${words.entryLine}: ${error.message}`)
  }
}

/** What one entry of a master file leaves behind for those after it. */
interface ZoneContext {
  owner: Name | undefined
  ttl: number | undefined
  /** $TTL was seen, so that the TTL of a record no longer rubs off on the next. */
  ttlIsDefault?: boolean
  class: number
}

function followDirective(words: Scanner, context: ZoneContext): void {
  const directive = words.take('a directive').text.toUpperCase()
  if (directive === '$ORIGIN') {
    words.origin = parseName(words)
  } else if (directive === '$TTL') {
    const { text } = words.take('a TTL')
    context.ttl = secondsFromText(text) ?? fail(`"${text}" is no TTL`)
    context.ttlIsDefault = true
  } else fail(`${directive} is not supported here`)
}

/** `[owner] [ttl] [class] type rdata`, or with class before ttl. */
function parseRecord(words: Scanner, context: ZoneContext, ownerLeftOut: boolean): ZoneRecord {
  const owner = ownerLeftOut ? context.owner : parseName(words)
  if (owner === undefined) return fail('the first record has no owner')
  context.owner = owner
  let ttl: number | undefined
  let klass: number | undefined
  for (;;) {
    const { text } = words.take('a type')
    const classHere = classFromText(text)
    if (ttl === undefined && /^\d/.test(text)) {
      ttl = secondsFromText(text) ?? fail(`"${text}" is no TTL`)
    } else if (klass === undefined && classHere !== undefined) {
      klass = classHere
    } else {
      const type = typeFromText(text) ?? fail(`"${text}" is no type`)
      if (!context.ttlIsDefault && ttl !== undefined) context.ttl = ttl
      context.class = klass ?? context.class
      const rdata = parseRdata(type, words)
      return { owner, ttl: ttl ?? context.ttl ?? FALLBACK_TTL, class: context.class, type, rdata }
    }
  }
}

/** The words left in this entry as RDATA of `type`. */
function parseRdata(type: number, words: Scanner): Uint8Array {
  const first = words.peek()
  if (first?.text === '\\#' && !first.quoted) return parseGeneric(type, words)
  const layout = layoutFor(type) ?? fail(`the RDATA of ${typeText(type)} has to be written as \\# length hex`)
  const out = new Octets()
  for (const field of layout.fields) field.parse(words, out)
  words.endEntry()
  return checked(type, out.toUint8Array())
}

/** `\# length hex`, the hex in as many words as one likes (RFC 3597 §5). */
function parseGeneric(type: number, words: Scanner): Uint8Array {
  words.next()
  const length = numberFromText(words.take('a length').text, 0xffff)
  const rdata = hexOctets(words.rest())
  if (rdata.length !== length) fail(`${length} octets are announced, but ${rdata.length} are there`)
  return checked(type, rdata)
}

/** `rdata`, if it fits its type and a message. What does not is the text's fault here. */
function checked(type: number, rdata: Uint8Array): Uint8Array {
  if (rdata.length > 0xffff) fail('RDATA is longer than 65535 octets')
  try {
    checkRdata(type, rdata)
  } catch (error) {
    fail((error as Error).message)
  }
  return rdata
}

function printFields(layout: Layout, rdata: Uint8Array): string {
  const texts: string[] = []
  let offset = 0
  for (const field of layout.fields) {
    const end = offset + field.measure(rdata, offset, rdata.length, 0)
    if (!(end <= rdata.length)) throw new WireError('bad-rdata', 'RDATA ends too early')
    texts.push(field.print(rdata, offset, end))
    offset = end
  }
  if (offset !== rdata.length) throw new WireError('bad-rdata', 'RDATA has octets left over')
  return texts.filter((text) => text !== '').join(' ')
}

function genericText(rdata: Uint8Array): string {
  return `\\# ${rdata.length} ${hexText(rdata).toUpperCase()}`.trimEnd()
}
