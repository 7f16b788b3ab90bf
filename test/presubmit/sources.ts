/** The project's own files, as the presubmit checks read them. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Paths of all files git knows or would take in, from the root of the checkout with forward slashes. */
export function projectFiles(): string[] {
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return listing.split('\0').filter((path) => path !== '')
}

/** Undefined for a file that git knows and that is gone. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return undefined
  }
}

export interface Source {
  path: string
  /** The code without its comments; line numbers are those of the file. */
  code: string
}

/** The TypeScript files below `folders`. */
export function sources(...folders: string[]): Source[] {
  return projectFiles()
    .filter((path) => path.endsWith('.ts') && folders.some((folder) => path.startsWith(`${folder}/`)))
    .flatMap((path) => {
      const text = readText(path)
      return text === undefined ? [] : [{ path, code: withoutComments(text) }]
    })
}

/** Comments become blanks; strings stay. */
export function withoutComments(code: string): string {
  const tokens = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return code.replace(tokens, (token) => (token.startsWith('/') ? token.replaceAll(/[^\n]/g, ' ') : token))
}

export interface Import {
  /** Of one of our files: its path from the root. Of anything else: the name as written. */
  target: string
  isOurs: boolean
  line: number
}

/** Everything `source` imports, statically or not, types included. */
export function importsOf({ path, code }: Source): Import[] {
  const pattern = /(?:^(?:import|export)\b[^'"`;]*?\bfrom\s*|^import\s*|\bimport\(\s*)(['"])([^'"\n]+)\1/gm
  return [...code.matchAll(pattern)].map((match) => {
    const name = match[2]
    const isOurs = name.startsWith('.')
    return {
      target: isOurs ? posix.join(posix.dirname(path), name) : name,
      isOurs,
      line: lineOf(code, match.index),
    }
  })
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
