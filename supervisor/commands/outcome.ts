/** How a command ends: its exit code, and where an operator's mistakes are shown. */

import { BowlineError } from '../../src/config/error.ts'
import { ConfigError } from '../../src/config/mistake.ts'
import { WireError } from '../../src/wire/error.ts'

export const ExitCode = { DONE: 0, FAILED: 1, USAGE: 2, NOT_RUNNING: 3 } as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Runs a command. What the operator did wrong goes to standard error, a sentence on each line, or with `json` to
 *  standard output as one document; what we did wrong ends the process with its stack. */
export async function conclude(json: boolean | undefined, command: () => Promise<number> | number): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    if (!(error instanceof BowlineError || error instanceof WireError)) throw error
    if (json) printJson(errorDocument(error))
    else process.stderr.write(`${error.message}\n`)
    process.exitCode = error instanceof ServiceError ? error.exitCode : ExitCode.USAGE
  }
}

/** What the running service, or the lack of one, has to say against a command. */
export class ServiceError extends BowlineError {
  readonly exitCode: ExitCode
  readonly mistakes: unknown

  constructor(code: string, message: string, exitCode: ExitCode, mistakes?: unknown) {
    super(code, message)
    this.exitCode = exitCode
    this.mistakes = mistakes
  }
}

function errorDocument(error: BowlineError | WireError) {
  const told = error instanceof ConfigError || (error instanceof ServiceError && error.mistakes !== undefined)
  const mistakes = told ? { mistakes: (error as ConfigError | ServiceError).mistakes } : {}
  return { error: { code: error.code, message: error.message, ...mistakes } }
}

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`)
}

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value]
}

export const CONFIG_OPTION = '-c, --config <file>'
export const CONFIG_HELP = 'configuration file; of several, the later override'
export const JSON_HELP = 'print JSON'
