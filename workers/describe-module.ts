/** Main file of the process that tells the settings of a module, for `bowline module describe FOLDER`: as a page in Markdown, or
 *  with a second parameter `json` as JSON Schema. Both are made of what defineModule() was given. */

import { BowlineError } from '../src/config/error.ts'
import { settingsJsonSchema } from '../src/config/json-schema.ts'
import { settingsManual } from '../src/config/manual.ts'
import { moduleMetric } from '../src/metrics/naming.ts'
import { loadModule } from './load-modules.ts'

const [folder, form] = process.argv.slice(2)
try {
  const { name, about, settings, metrics } = await loadModule(folder, '.', 'module')
  const counted = Object.entries(metrics).map(
    ([metric, help]) => `- \`${moduleMetric(metric)}{module="${name}"}\`: ${help}\n`,
  )
  if (form === 'json') process.stdout.write(`${JSON.stringify(settingsJsonSchema(settings, name), null, 2)}\n`)
  else
    process.stdout.write(
      [
        `# ${name}\n\n${about}\n`,
        settingsManual(settings),
        ...(counted.length > 0 ? ['Metrics:\n', ...counted] : []),
      ].join('\n'),
    )
} catch (error) {
  if (!(error instanceof BowlineError)) throw error
  process.stderr.write(`bowline: ${error.message}\n`)
  process.exitCode = 1
}
