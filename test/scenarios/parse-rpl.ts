/** From the text of a scenario file (`*.rpl`, the format of testbound and Deckard) to values: settings for the resolver,
 *  scripted servers, numbered steps. Nothing is played here, and nothing the format does not know is let through. */

import { ServerAddress } from '../../src/io/address.ts'
import { type Name, nameFromText } from '../../src/wire/name.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { classFromText, Flag, Rcode, typeFromText } from '../../src/wire/types.ts'
import type { ScriptMessage, ScriptQuestion, ScriptRecord, Section } from './message.ts'

export interface Scenario {
  /** Where the text came from; for messages. */
  path: string
  /** `key: value` lines before CONFIG_END, in order; comments and one layer of quotes taken off. */
  head: HeadLine[]
  title: string
  ranges: Range[]
  steps: Step[]
}

export interface HeadLine {
  key: string
  value: string
  line: number
}

/** While the step in play is from `from` to `to`, both included, the servers at `addresses` answer from `entries`. */
export interface Range {
  from: number
  to: number
  addresses: ServerAddress[]
  entries: Entry[]
  line: number
}

export type Step = { id: number; line: number } & (
  | { kind: 'QUERY' | 'CHECK_ANSWER' | 'REPLY'; entry: Entry }
  | { kind: 'TIME_PASSES'; elapseSeconds: number }
  | { kind: 'CHECK_OUT_QUERY' }
)

export interface Entry {
  line: number
  /** What a received message must have in common with `message`; undefined: the entry has no MATCH line. */
  match: MatchElement[] | undefined
  adjust: Set<AdjustElement>
  mandatory: boolean
  message: ScriptMessage
  /** Literal octets to send in place of `message`. */
  raw: Uint8Array | undefined
  tsig: { keyName: Name; secret: Uint8Array } | undefined
}

const MATCH_ELEMENTS = [
  'opcode',
  'qtype',
  'qname',
  'qcase',
  'subdomain',
  'flags',
  'rcode',
  'answer',
  'authority',
  'additional',
] as const
export type MatchElement = (typeof MATCH_ELEMENTS)[number]

const MATCH_SHORTHAND: Record<string, MatchElement[]> = {
  question: ['qtype', 'qname'],
  all: ['opcode', 'qtype', 'qname', 'flags', 'rcode', 'answer', 'authority', 'additional'],
}

const ADJUST_ELEMENTS = ['copy_id', 'copy_query', 'do_not_answer', 'raw_id'] as const
export type AdjustElement = (typeof ADJUST_ELEMENTS)[number]

/** The payload size every scripted message states. */
const SCRIPT_UDP_SIZE = 4096
const DEFAULT_TTL = 3600

export class ScenarioError extends Error {
  constructor(path: string, line: number, problem: string) {
    super(`${path}:${line}: ${problem}`)
    this.name = 'ScenarioError'
  }
}

/** Reads one scenario. Throws ScenarioError, which names path and line, for anything out of the format. */
export function parseScenario(text: string, path: string): Scenario {
  return new Parser(text, path).scenario()
}

interface Line {
  number: number
  text: string
  words: string[]
}

class Parser {
  private readonly path: string
  private readonly head: HeadLine[] = []
  private readonly lines: Line[] = [] // what follows CONFIG_END, without comments and blank lines
  private at = 0

  constructor(text: string, path: string) {
    this.path = path
    let inHead = true
    for (const [index, raw] of text.split(/\r?\n/).entries()) {
      const number = index + 1
      if (inHead) {
        if (raw.trim() === 'CONFIG_END') inHead = false
        else this.headLine(raw, number)
        continue
      }
      const stripped = stripComment(raw).trim()
      if (stripped === '') continue
      this.lines.push({ number, text: stripped, words: stripped.split(/\s+/) })
    }
    if (inHead) throw this.error(1, 'CONFIG_END is missing')
  }

  scenario(): Scenario {
    const title = this.expect('SCENARIO_BEGIN').text.slice('SCENARIO_BEGIN'.length).trim()
    const ranges: Range[] = []
    const steps: Step[] = []
    for (;;) {
      const line = this.next()
      if (line.words[0] === 'SCENARIO_END') break
      if (line.words[0] === 'RANGE_BEGIN') ranges.push(this.range(line))
      else if (line.words[0] === 'STEP') steps.push(this.step(line, steps.at(-1)?.id))
      else throw this.error(line.number, `expected RANGE_BEGIN, STEP or SCENARIO_END, not "${line.words[0]}"`)
    }
    return { path: this.path, head: this.head, title, ranges, steps }
  }

  private headLine(raw: string, number: number): void {
    const trimmed = raw.trim()
    if (trimmed === '' || trimmed.startsWith(';') || trimmed.startsWith('#')) return
    const line = trimmed.split('#')[0]
    const colon = line.indexOf(':')
    if (colon < 0) return // noise
    const key = line.slice(0, colon).trim()
    let value = line.slice(colon + 1).trim()
    if (key !== 'features') value = cutOutsideQuotes(value, ';', `"'`).trim() // there `;` stands between pairs
    const quoted = /^(["'])(.*)\1$/.exec(value)
    this.head.push({ key, value: quoted ? quoted[2].trim() : value, line: number })
  }

  private range(begin: Line): Range {
    const [, from, to, address] = begin.words
    const range: Range = {
      from: this.number(from, begin),
      to: this.number(to, begin),
      addresses: address === undefined ? [] : [this.address(address, begin)],
      entries: [],
      line: begin.number,
    }
    for (;;) {
      const line = this.next()
      if (line.words[0] === 'RANGE_END') return range
      if (line.words[0] === 'ADDRESS') range.addresses.push(this.address(line.words[1], line))
      else if (line.words[0] === 'ENTRY_BEGIN') range.entries.push(this.entry(line))
      else throw this.error(line.number, `"${line.words[0]}" has no place in a range`)
    }
  }

  private step(begin: Line, previousId: number | undefined): Step {
    const id = this.number(begin.words[1], begin)
    if (previousId !== undefined && id <= previousId) throw this.error(begin.number, 'step numbers must ascend')
    const place = { id, line: begin.number }
    const kind = begin.words[2]
    switch (kind) {
      case 'QUERY':
      case 'CHECK_ANSWER':
      case 'REPLY': {
        const entry = this.entry(this.expect('ENTRY_BEGIN'))
        if (kind === 'QUERY' && entry.match) throw this.error(entry.line, 'a query matches nothing')
        if (kind === 'CHECK_ANSWER' && !entry.match) throw this.error(entry.line, 'a check without MATCH')
        return { ...place, kind, entry }
      }
      case 'TIME_PASSES':
        if (begin.words[3] !== 'ELAPSE') throw this.error(begin.number, 'TIME_PASSES takes ELAPSE and seconds')
        return { ...place, kind, elapseSeconds: this.number(begin.words[4], begin) }
      case 'CHECK_OUT_QUERY':
        if (this.lines[this.at]?.words[0] === 'ENTRY_BEGIN') this.entry(this.next())
        return { ...place, kind }
      default:
        throw this.error(begin.number, `"${kind}" is no kind of step`)
    }
  }

  private entry(begin: Line): Entry {
    const message: ScriptMessage = {
      id: 0,
      flags: 0,
      rcode: Rcode.NOERROR,
      question: undefined,
      answer: [],
      authority: [],
      additional: [],
      edns: { udpSize: SCRIPT_UDP_SIZE, version: 0, do: false },
    }
    const entry: Entry = {
      line: begin.number,
      match: undefined,
      adjust: new Set(),
      mandatory: false,
      message,
      raw: undefined,
      tsig: undefined,
    }
    let section: 'question' | Section | undefined
    for (;;) {
      const line = this.next()
      const [keyword, ...words] = line.words
      switch (keyword) {
        case 'ENTRY_END':
          return entry
        case 'SECTION':
          section = this.sectionName(words[0], line)
          continue
        case 'RAW':
          entry.raw = this.hex(this.next())
          continue
      }
      if (section === 'question') {
        if (message.question) throw this.error(line.number, 'a second question')
        message.question = this.question(line)
      } else if (section) {
        message[section].push(this.record(line))
      } else {
        this.directive(entry, keyword, words, line)
      }
    }
  }

  /** One of the lines that stand before an entry's sections. */
  private directive(entry: Entry, keyword: string, words: string[], line: Line): void {
    switch (keyword) {
      case 'MANDATORY':
        entry.mandatory = true
        return
      case 'MATCH':
        entry.match = words.flatMap((word) => this.matchElements(word, line))
        return
      case 'ADJUST':
        for (const word of words) entry.adjust.add(this.oneOf(word, ADJUST_ELEMENTS, line))
        return
      case 'REPLY':
      case 'FLAGS':
        this.header(entry.message, words, line)
        return
      case 'TSIG':
        if (words.length !== 2) throw this.error(line.number, 'TSIG takes the name of a key and its secret')
        entry.tsig = { keyName: this.name(words[0], line), secret: Buffer.from(words[1], 'base64') }
        return
      default:
        throw this.error(line.number, `"${keyword}" has no place in an entry`)
    }
  }

  private header(message: ScriptMessage, words: string[], line: Line): void {
    for (const word of words) {
      if (word === 'DO') message.edns!.do = true
      else if (word in Flag) message.flags |= Flag[word as keyof typeof Flag]
      else if (word in Rcode) message.rcode = Rcode[word as keyof typeof Rcode]
      else throw this.error(line.number, `"${word}" is neither flag nor RCODE`)
    }
  }

  private matchElements(word: string, line: Line): MatchElement[] {
    return MATCH_SHORTHAND[word] ?? [this.oneOf(word, MATCH_ELEMENTS, line)]
  }

  private question(line: Line): ScriptQuestion {
    const [owner, ...rest] = line.words
    const named = rest.length > 1 ? classFromText(rest[0]) : undefined
    if (named !== undefined) rest.shift()
    if (rest.length !== 1) throw this.error(line.number, 'a question is a name, a class if need be, and a type')
    return { name: this.name(owner, line), type: this.type(rest[0], line), class: named ?? 1 }
  }

  private record(line: Line): ScriptRecord {
    try {
      return parseRecord(line.text)
    } catch (error) {
      throw this.error(line.number, (error as Error).message)
    }
  }

  private sectionName(word: string, line: Line): 'question' | Section {
    return this.oneOf(word?.toLowerCase(), ['question', 'answer', 'authority', 'additional'] as const, line)
  }

  private hex(line: Line): Uint8Array {
    const digits = line.text.replaceAll(/\s/g, '')
    if (!/^([0-9a-f]{2})+$/i.test(digits)) throw this.error(line.number, 'RAW takes a line of hex')
    return Buffer.from(digits, 'hex')
  }

  private name(text: string, line: Line): Name {
    try {
      return nameFromText(text)
    } catch (error) {
      throw this.error(line.number, (error as Error).message)
    }
  }

  private type(text: string, line: Line): number {
    const type = typeFromText(text)
    if (type === undefined) throw this.error(line.number, `"${text}" is no type`)
    return type
  }

  private address(text: string | undefined, line: Line): ServerAddress {
    const address = ServerAddress.fromText(text ?? '')
    if (!address) throw this.error(line.number, `"${text}" is no address`)
    return address
  }

  private number(text: string | undefined, line: Line): number {
    if (!/^\d+$/.test(text ?? '')) throw this.error(line.number, `"${text}" is no number`)
    return Number(text) // up to 14 digits
  }

  private oneOf<T extends string>(word: string, known: readonly T[], line: Line): T {
    if (!known.includes(word as T)) throw this.error(line.number, `"${word}" is none of ${known.join(', ')}`)
    return word as T
  }

  private expect(keyword: string): Line {
    const line = this.next()
    if (line.words[0] !== keyword) throw this.error(line.number, `expected ${keyword}, not "${line.words[0]}"`)
    return line
  }

  private next(): Line {
    const line = this.lines[this.at++]
    if (!line) throw this.error(this.lines.at(-1)?.number ?? 1, 'the file ends too early')
    return line
  }

  private error(line: number, problem: string): ScenarioError {
    return new ScenarioError(this.path, line, problem)
  }
}

/** `owner [ttl] [class] type rdata` on one line, names relative to the root; a trailing comment is skipped. */
export function parseRecord(text: string): ScriptRecord {
  let rest = stripComment(text).trim()
  const word = (): string => {
    const [found] = /^\S*/.exec(rest)!
    rest = rest.slice(found.length).trimStart()
    return found
  }
  const owner = nameFromText(word())
  let ttl = DEFAULT_TTL
  let recordClass = 1
  let typeWord = word()
  if (/^\d/.test(typeWord)) {
    ttl = Number(typeWord)
    if (!Number.isInteger(ttl)) throw new Error(`"${typeWord}" is no TTL`)
    typeWord = word()
  }
  const named = classFromText(typeWord)
  if (named !== undefined) {
    recordClass = named
    typeWord = word()
  }
  const type = typeFromText(typeWord)
  if (type === undefined) throw new Error(`"${typeWord}" is no type`)
  return { owner, ttl, class: recordClass, type, rdata: rdataFromText(type, tidyPadding(rest)) }
}

/** One scenario pads eight digits of base 64 that need no padding; lenient readers ignore it. */
function tidyPadding(rdataText: string): string {
  return rdataText.replace(/ UNUSABLE==$/, ' UNUSABLE')
}

function stripComment(line: string): string {
  return cutOutsideQuotes(line, ';')
}

/** The part of `line` before the first `mark` that is neither escaped nor between two of the same of `quotes`. */
function cutOutsideQuotes(line: string, mark: string, quotes = '"'): string {
  let open = ''
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '\\') i++
    else if (open !== '') open = line[i] === open ? '' : open
    else if (quotes.includes(line[i])) open = line[i]
    else if (line[i] === mark) return line.slice(0, i)
  }
  return line
}
