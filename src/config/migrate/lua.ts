/** Reads as much of Lua as configurations of kresd are usually made of: calls and assignments of names, texts, numbers and
 *  tables. What goes beyond (functions, conditions, loops) is handed back as text: nothing is executed. */

export type LuaValue = string | number | boolean | null | LuaTable | LuaName | LuaCall

export interface LuaTable {
  kind: 'table'
  list: LuaValue[]
  named: Map<string, LuaValue>
}

/** `policy.REFUSE`, which stands for itself. */
export interface LuaName {
  kind: 'name'
  name: string
}

/** `policy.suffix(…)`. */
export interface LuaCall {
  kind: 'call'
  name: string
  args: LuaValue[]
}

export interface LuaStatement {
  /** From 1. */
  line: number
  /** As written, on one line. */
  text: string
  /** `name(args)`; `name = value`, where `args` is the value alone; or something else. */
  kind: 'call' | 'assign' | 'other'
  /** `net.listen`; `hints[]` for an item of it, whose name is then the first of `args`. */
  name: string
  args: LuaValue[]
}

interface Token {
  kind: 'name' | 'text' | 'number' | 'sign' | 'end'
  text: string
  /** What a text says. */
  value: string
  line: number
  from: number
  to: number
}

/** Numbers that kresd gives names: octets, and milliseconds. */
const CONSTANTS: Record<string, number> = {
  kB: 1024,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  ms: 1,
  sec: 1000,
  second: 1000,
  minute: 60_000,
  min: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

const TOKEN =
  /--\[\[[\s\S]*?\]\]|--[^\n]*|\s+|(?<long>\[\[[\s\S]*?\]\])|(?<text>"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')|(?<number>0x[\da-f]+|\d+(?:\.\d+)?)|(?<name>[A-Za-z_]\w*)|(?<sign>\.\.\.|\.\.|[=~<>]=|[-+*/%^#<>=(){}[\];:,.])/giy

const OPENING = ['function', 'if', 'do', 'repeat', '(', '{', '[']
const CLOSING = ['end', 'until', ')', '}', ']']
const KEYWORDS = ['function', 'if', 'for', 'while', 'repeat', 'do', 'return', 'break', 'end', 'not', 'and', 'or']

/** All statements in order. Throws a LuaError with the line where the text cannot be taken apart. */
export function readLua(text: string): LuaStatement[] {
  return new Reader(text).statements()
}

export class LuaError extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.name = 'LuaError'
    this.line = line
  }
}

class Reader {
  readonly #text: string
  readonly #tokens: Token[]
  /** What `local` and plain names were set to. */
  readonly #variables = new Map<string, LuaValue>()
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  statements(): LuaStatement[] {
    const found: LuaStatement[] = []
    while (this.#next.kind !== 'end') {
      if (this.#skips(';')) continue
      const first = this.#at
      const statement = this.#statementOrNothing()
      if (statement === 'local') continue
      if (statement === undefined) this.#skipStatement(first)
      const { line } = this.#tokens[first]
      const text = this.#textBetween(first, this.#at)
      found.push(
        statement === undefined ? { line, text, kind: 'other', name: '', args: [] } : { line, text, ...statement },
      )
    }
    return found
  }

  get #next(): Token {
    return this.#tokens[this.#at]
  }

  #statementOrNothing(): Omit<LuaStatement, 'line' | 'text'> | 'local' | undefined {
    try {
      const isLocal = this.#skips('local')
      const subject = this.#prefix()
      const statement = this.#restOf(subject)
      if (!this.#endsHere()) return undefined
      if (statement.kind !== 'assign' || (!isLocal && !/^[A-Za-z_]\w*$/.test(statement.name))) return statement
      this.#variables.set(statement.name, statement.args[0])
      return isLocal ? 'local' : statement
    } catch (error) {
      if (error instanceof LuaError) return undefined
      throw error
    }
  }

  #restOf(subject: LuaValue): Omit<LuaStatement, 'line' | 'text'> {
    if (isCall(subject) && !subject.name.endsWith('[]')) return { kind: 'call', name: subject.name, args: subject.args }
    const target = isCall(subject) || isName(subject) ? subject : this.#fail()
    if (!this.#skips('=')) this.#fail()
    const key = isCall(target) ? target.args : []
    return { kind: 'assign', name: target.name, args: [...key, this.#expression()] }
  }

  /** What follows begins another line, or is set apart. */
  #endsHere(): boolean {
    const { kind, text, line } = this.#next
    if (text === 'and' || text === 'or') return false
    return kind === 'end' || kind === 'name' || text === ';' || line > this.#tokens[this.#at - 1].line
  }

  /** To the first line that begins outside of blocks and brackets. */
  #skipStatement(first: number): void {
    let depth = 0
    this.#at = first
    do {
      const { text, kind } = this.#next
      if (kind !== 'text' && OPENING.includes(text)) depth++
      if (kind !== 'text' && CLOSING.includes(text)) depth--
      this.#at++
    } while (this.#next.kind !== 'end' && (depth > 0 || this.#next.line === this.#tokens[this.#at - 1].line))
  }

  /** A sum, a product or a text put together. */
  #expression(): LuaValue {
    let value = this.#term()
    for (;;) {
      if (this.#skips('..')) value = textOf(value) + textOf(this.#term())
      else if (this.#skips('+')) value = numberOf(value) + numberOf(this.#term())
      else if (this.#skips('-')) value = numberOf(value) - numberOf(this.#term())
      else return value
    }
  }

  #term(): LuaValue {
    let value = this.#operand()
    for (;;) {
      if (this.#skips('*')) value = numberOf(value) * numberOf(this.#operand())
      else if (this.#skips('/')) value = numberOf(value) / numberOf(this.#operand())
      else return value
    }
  }

  #operand(): LuaValue {
    const token = this.#next
    if (token.kind === 'number' || token.kind === 'text') {
      this.#at++
      return token.kind === 'number' ? Number(token.text) : token.value
    }
    if (this.#skips('-')) return -numberOf(this.#operand())
    if (token.text === '{') return this.#table()
    if (this.#skips('(')) {
      const value = this.#expression()
      return this.#skips(')') ? value : this.#fail()
    }
    return this.#prefix()
  }

  /** A name, and what is taken from it or called of it. */
  #prefix(): LuaValue {
    const { kind, text } = this.#next
    if (kind !== 'name' || KEYWORDS.includes(text)) this.#fail()
    this.#at++
    if (text === 'true' || text === 'false') return text === 'true'
    if (text === 'nil') return null
    let name = text
    for (;;) {
      if (this.#skips('.')) name += `.${this.#name()}`
      else if (this.#skips(':')) name += `:${this.#name()}`
      else if (this.#skips('[')) {
        const key = this.#expression()
        if (!this.#skips(']')) this.#fail()
        if (this.#next.text !== '=') name += `.${textOf(key)}`
        else return { kind: 'call', name: `${name}[]`, args: [key] }
      } else break
    }
    const args = this.#argumentsOrNone()
    if (args !== undefined) return { kind: 'call', name, args }
    const known = this.#next.text === '=' ? undefined : this.#variables.get(name)
    return known ?? CONSTANTS[name] ?? { kind: 'name', name }
  }

  #argumentsOrNone(): LuaValue[] | undefined {
    if (this.#next.kind === 'text' || this.#next.text === '{') return [this.#operand()]
    if (!this.#skips('(')) return undefined
    const args: LuaValue[] = []
    while (!this.#skips(')')) {
      args.push(this.#expression())
      if (!this.#skips(',') && this.#next.text !== ')') this.#fail()
    }
    if (this.#next.text === '(' || this.#next.text === '.' || this.#next.text === ':') this.#fail()
    return args
  }

  #table(): LuaTable {
    const table: LuaTable = { kind: 'table', list: [], named: new Map() }
    this.#at++
    while (!this.#skips('}')) {
      const key = this.#keyOrNone()
      const value = this.#expression()
      if (key === undefined) table.list.push(value)
      else table.named.set(key, value)
      if (!this.#skips(',') && !this.#skips(';') && this.#next.text !== '}') this.#fail()
    }
    return table
  }

  #keyOrNone(): string | undefined {
    const before = this.#at
    if (this.#skips('[')) {
      const key = this.#expression()
      return this.#skips(']') && this.#skips('=') ? textOf(key) : this.#fail()
    }
    const { kind, text } = this.#next
    if (kind !== 'name') return undefined
    this.#at++
    if (this.#skips('=')) return text
    this.#at = before
    return undefined
  }

  #name(): string {
    const { kind, text } = this.#next
    if (kind !== 'name') this.#fail()
    this.#at++
    return text
  }

  #skips(text: string): boolean {
    const isNext = this.#next.text === text && this.#next.kind !== 'text' && this.#next.kind !== 'end'
    if (isNext) this.#at++
    return isNext
  }

  #textBetween(first: number, behind: number): string {
    const text = this.#text.slice(this.#tokens[first].from, this.#tokens[behind - 1].to)
    return text.replace(/\s+/g, ' ')
  }

  #fail(): never {
    throw new LuaError(this.#next.line, `unexpected ${this.#next.text}`)
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  TOKEN.lastIndex = 0
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text)
    if (match === null)
      throw new LuaError(line, `${JSON.stringify(text[at])} where Lua has no such sign, or a text without end`)
    const { long, text: quoted, number, name } = match.groups ?? {}
    const kind = (long ?? quoted) ? 'text' : number ? 'number' : name ? 'name' : 'sign'
    const value = long === undefined ? unquoted(quoted ?? '') : long.slice(2, -2)
    if (match.groups?.sign !== undefined || kind !== 'sign')
      tokens.push({ kind, text: match[0], value, line, from: at, to: TOKEN.lastIndex })
    line += match[0].split('\n').length - 1
  }
  tokens.push({ kind: 'end', text: '', value: '', line, from: text.length, to: text.length })
  return tokens
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r' }

function unquoted(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(/\\(\d{1,3}|[\s\S])/g, (_, what: string) =>
      /^\d/.test(what) ? String.fromCharCode(Number(what)) : (ESCAPES[what] ?? what),
    )
}

function numberOf(value: LuaValue): number {
  return typeof value === 'number' ? value : notThis()
}

function textOf(value: LuaValue): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : notThis()
}

function notThis(): never {
  throw new LuaError(0, 'a value of another kind')
}

export function isTable(value: LuaValue | undefined): value is LuaTable {
  return typeof value === 'object' && value?.kind === 'table'
}

export function isCall(value: LuaValue | undefined): value is LuaCall {
  return typeof value === 'object' && value?.kind === 'call'
}

export function isName(value: LuaValue | undefined): value is LuaName {
  return typeof value === 'object' && value?.kind === 'name'
}
