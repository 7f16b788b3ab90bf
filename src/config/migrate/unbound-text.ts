/** Reads unbound.conf: a clause is a word with a colon, as `server:`, and what follows are its attributes, a line each. A `#`
 *  begins a comment, values may be in quotes, and `include:` has other files in its place. */

import { ConfigError, type Mistake, type Place } from '../mistake.ts'
import type { Statement } from './finding.ts'

/** One attribute. `setting` is its clause and its name. */
export interface Attribute extends Statement {
  place: Place
  name: string
  values: string[]
}

export interface Clause {
  name: string
  place: Place
  attributes: Attribute[]
}

export const CLAUSES: readonly string[] = [
  'server',
  'forward-zone',
  'stub-zone',
  'auth-zone',
  'view',
  'rpz',
  'remote-control',
  'python',
  'dynlib',
  'dnscrypt',
  'cachedb',
  'dnstap',
  'ipset',
]

/** What other files hold. Throws as fs does. */
export interface Files {
  read(file: string): string
  /** The files that fit, in order. */
  match(pattern: string): string[]
}

const INCLUDES = ['include', 'include-toplevel']

/** Deeper, files include each other. */
const MAX_DEPTH = 20

/** All clauses in order, those of included files among them. Throws a ConfigError that names every line that makes no sense. */
export function parseUnbound(text: string, file: string, files: Files): Clause[] {
  const reader = new Reader(files)
  reader.readFile(text, file, 0)
  if (reader.mistakes.length > 0) throw new ConfigError(reader.mistakes)
  return reader.clauses
}

class Reader {
  readonly clauses: Clause[] = []
  readonly mistakes: Mistake[] = []
  readonly #files: Files

  constructor(files: Files) {
    this.#files = files
  }

  readFile(text: string, file: string, depth: number): void {
    for (const [at, line] of text.split('\n').entries()) this.#readLine(line, { file, line: at + 1 }, depth)
  }

  #readLine(line: string, place: Place, depth: number): void {
    const words = wordsOf(line)
    const [name, first] = splitName(words?.[0] ?? '')
    const values = [first, ...(words ?? []).slice(1)].filter((word, at) => at > 0 || word !== '')
    if (words === undefined) this.#complain(place, 'a quote that does not end', 'end it on the same line')
    else if (words.length === 0) return
    else if (name === undefined) this.#complain(place, `"${words[0]}"`, 'write "name: value", a line each')
    else if (INCLUDES.includes(name)) this.#include(name, values[0] ?? '', place, depth)
    else if (!CLAUSES.includes(name)) this.#addAttribute(name, values, place)
    else {
      this.clauses.push({ name, place, attributes: [] })
      if (values.length > 0) this.#readLine(line.slice(line.indexOf(':') + 1), place, depth)
    }
  }

  #addAttribute(name: string, values: string[], place: Place): void {
    const clause = this.clauses.at(-1)
    if (clause === undefined) this.#complain(place, `${name}: before any clause`, 'put "server:" above it')
    else clause.attributes.push({ place, name, values, setting: `${clause.name}/${name}`, value: values.join(' ') })
  }

  #include(name: string, pattern: string, place: Place, depth: number): void {
    if (depth >= MAX_DEPTH) {
      this.#complain(place, 'files that include each other', 'take the line out')
      return
    }
    try {
      const found = /[*?[{~]/.test(pattern) ? this.#files.match(pattern) : [pattern]
      for (const file of found) this.readFile(this.#files.read(file), file, depth + 1)
    } catch (error) {
      const why = (error as Error).message
      this.#complain(place, `${name}: ${pattern}, which cannot be read (${why})`, 'correct the path')
    }
  }

  #complain(place: Place, found: string, remedy: string): void {
    this.mistakes.push({ place, path: '', found, allowed: 'unbound.conf', remedy })
  }
}

/** The words of a line without quotes and comment; undefined when a quote does not end. */
function wordsOf(line: string): string[] | undefined {
  const words: string[] = []
  let rest = line.trim()
  while (rest !== '' && !rest.startsWith('#')) {
    const word = /^(?:"([^"]*)"|'([^']*)'|([^\s"']+))/.exec(rest)
    if (word === null) return undefined
    words.push(word[1] ?? word[2] ?? word[3])
    rest = rest.slice(word[0].length).trim()
  }
  return words
}

/** `port:53` as name and what follows at once; no name: it is a value. */
function splitName(word: string): [name: string | undefined, first: string] {
  const match = /^([a-z][a-z0-9-]*):(.*)$/i.exec(word)
  return match === null ? [undefined, word] : [match[1].toLowerCase(), match[2]]
}
