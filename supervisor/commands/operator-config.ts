/** The configuration that an operator names with -c, checked to the last: also what the files it points to hold. */

import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { settingsFromConfig } from '../../src/settings-from-config.ts'

/** Throws a BowlineError that tells every mistake, so that nothing is started with one. */
export function loadOperatorConfig(files: readonly string[] = []): Config {
  const config = loadConfig(files)
  settingsFromConfig(config) // reads root hints and trust anchors, which src/config takes for mere text
  return config
}
