/** The version of Bowline: from package.json, which is one folder up from the sources and two from dist/supervisor. */

import { existsSync, readFileSync } from 'node:fs'

export function packageVersion(): string {
  const candidates = ['../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url))
  const file = candidates.find((candidate) => existsSync(candidate))
  if (file === undefined) throw new Error('package.json is missing: the installation is damaged')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
