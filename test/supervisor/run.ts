/** Main file of a service in a test: `run.ts <config as JSON> <options as JSON>`. */

import type { Config } from '../../src/config/schema.ts'
import { runSupervisor } from '../../supervisor/supervisor.ts'

process.exitCode = await runSupervisor(JSON.parse(process.argv[2]) as Config, JSON.parse(process.argv[3]))
