/** The configuration that an operator names with -c, checked to the last: also what the files it points to hold. */

import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { systemClock } from '../../src/io/clock.ts'
import { systemRandom } from '../../src/io/random.ts'
import { startModules } from '../../src/modules/index.ts'
import { forwardByPartition } from '../../src/partitions.ts'
import { settingsFromConfig } from '../../src/settings-from-config.ts'
import { readControlFiles } from '../control/files.ts'

/** Throws a BowlineError that tells every mistake, so that nothing is started with one. */
export function loadOperatorConfig(files: readonly string[] = []): Config {
  return checkOperatorConfig(loadConfig(files))
}

/** The same of one that is loaded already. */
export function checkOperatorConfig(config: Config): Config {
  readControlFiles(config)
  const settings = settingsFromConfig(config) // reads root hints and trust anchors, which src/config takes for mere text
  forwardByPartition(settings)
  startModules(settings, { clock: systemClock, random: systemRandom, log: () => {} }).stop() // and these the rest
  return config
}
