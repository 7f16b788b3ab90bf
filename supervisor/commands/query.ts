/** `bowline query`: one question, resolved from the root within this process, with a cache of its own. */

import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../../src/config/schema.ts'
import { type StepFacts, stepFacts } from '../../src/trace-steps.ts'
import { WireError } from '../../src/wire/error.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { Rcode, typeFromText } from '../../src/wire/types.ts'
import { printable, responseJson, responseText } from '../query-output.ts'
import { stepText } from '../trace-output.ts'
import { loadOperatorConfig } from './operator-config.ts'
import { CONFIG_HELP, CONFIG_OPTION, collect, conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

interface QueryOptions {
  trace?: boolean
  dnssec?: boolean
  cd?: boolean
  json?: boolean
  config?: string[]
}

export function addQueryCommand(program: Command): void {
  program
    .command('query')
    .description('Resolve a name, asking authoritative servers from the root down, and show the response.')
    .argument('<name>', 'domain name, with or without the final dot', toName)
    .argument('[type]', 'record type, as AAAA or TYPE65', toType, 'A')
    .option('--trace', 'show each step: zone cut, server, time, kind of reply')
    .option('--dnssec', 'ask for signatures and proofs, too (DO, RFC 3225)')
    .option('--cd', 'checking disabled: show data even where validation finds it bogus (CD, RFC 4035)')
    .option('--json', JSON_HELP)
    .option(CONFIG_OPTION, CONFIG_HELP, collect)
    .addHelpText('after', '\nExit code: 0 for NOERROR and NXDOMAIN, 1 for any other status, 2 for wrong usage.')
    .action((name: string, type: string, options: QueryOptions) =>
      conclude(options.json, () => runQuery(name, type, options)),
    )
}

async function runQuery(name: string, type: string, options: QueryOptions): Promise<ExitCode> {
  const resolver = await makeResolver(loadOperatorConfig(options.config))
  const steps: StepFacts[] = []
  try {
    const answer = await resolver.query(name, type, {
      dnssec: options.dnssec,
      cd: options.cd,
      onStep(step) {
        if (!options.trace) return
        const facts = stepFacts(step)
        if (options.json) steps.push(facts)
        else process.stdout.write(`${printable(stepText(facts))}\n`)
      },
    })
    const { elapsedMs, security, source } = answer
    const facts = { elapsedMs, security, source }
    if (options.json) printJson({ ...responseJson(answer.message, facts), ...(options.trace && { trace: steps }) })
    else process.stdout.write(`${options.trace ? '\n' : ''}${responseText(answer.message, facts)}`)
    return answer.rcodeNumber === Rcode.NOERROR || answer.rcodeNumber === Rcode.NXDOMAIN
      ? ExitCode.DONE
      : ExitCode.FAILED
  } finally {
    await resolver.close()
  }
}

/** What it needs is loaded here, so that the other commands need not wait for it. */
async function makeResolver(config: Config) {
  const { Resolver } = await import('../../src/index.ts')
  const { SystemTransport } = await import('../../src/io/transport.ts')
  const fromConfig = await import('../../src/settings-from-config.ts')
  return new Resolver({
    settings: fromConfig.settingsFromConfig(config),
    cache: fromConfig.cacheOptionsFromConfig(config),
    transport: new SystemTransport(fromConfig.transportOptionsFromConfig(config)),
  })
}

export function toName(text: string): string {
  try {
    nameFromText(text)
    return text
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new InvalidArgumentError(`It is not a domain name: ${error.message}.`)
  }
}

export function toType(text: string): string {
  if (typeFromText(text.toUpperCase()) === undefined)
    throw new InvalidArgumentError('It is not a record type; write a name like AAAA, or TYPE and a number.')
  return text
}
