/** A machine that does not depend on the one the tests run on. */

import type { Machine } from '../../src/config/folders.ts'
import { combineSources } from '../../src/config/load.ts'
import { ConfigError, mistakeText } from '../../src/config/mistake.ts'
import type { Config } from '../../src/config/schema.ts'
import { parseSource } from '../../src/config/source.ts'

export const machine: Machine = {
  root: false,
  home: '/users/ada',
  hostname: 'resolver1.example.org',
  folder: '/srv',
  environment: {},
  memory: 8 * 1024 ** 3,
}

/** The configuration that files of these texts make; they are called `a.yaml`, `b.yaml` … */
export function configOf(...texts: string[]): Config {
  return combineSources(
    texts.map((text, index) => parseSource(text, `${String.fromCharCode(97 + index)}.yaml`)),
    machine,
  )
}

/** The lines an operator would see; none when all is right. */
export function mistakesOf(...texts: string[]): string[] {
  try {
    configOf(...texts)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(mistakeText)
    throw error
  }
}
