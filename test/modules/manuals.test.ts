/** What the manuals of the modules show works as shown: each YAML in them is a configuration. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parse } from 'yaml'
import { makeConfig } from '../../src/config/load.ts'
import { startModules } from '../../src/modules/index.ts'
import { settingsFromConfig } from '../../src/settings-from-config.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'

const MODULES = fileURLToPath(new URL('../../src/modules/', import.meta.url))
const folders = readdirSync(MODULES, { withFileTypes: true }).filter((entry) => entry.isDirectory())

describe('examples in the manuals of modules', () => {
  let examples = 0
  for (const { name } of folders) {
    const text = readFileSync(join(MODULES, name, 'README.md'), 'utf8')
    for (const [, yaml] of text.matchAll(/```yaml\n([\s\S]*?)```/g)) {
      examples++
      it(`of ${name} can be loaded and put to work`, () => {
        const settings = settingsFromConfig(makeConfig(parse(yaml)))
        const tools = { clock: new ManualClock(), random: new SeededRandom(), log: () => {} }
        startModules(settings, tools).stop()
      })
    }
  }
  it('are there', () => expect(examples).to.be.greaterThan(5))
})
