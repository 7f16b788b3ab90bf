/** Main file of a service in a test: `run.ts <config as JSON> <options as JSON>`; with `configFiles` among
 *  the options, the configuration is in these. */

import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { runSupervisor, type SupervisorOptions } from '../../supervisor/supervisor.ts'

const options = JSON.parse(process.argv[3]) as SupervisorOptions
const config =
  options.configFiles === undefined ? (JSON.parse(process.argv[2]) as Config) : loadConfig(options.configFiles)
process.exitCode = await runSupervisor(config, options)
