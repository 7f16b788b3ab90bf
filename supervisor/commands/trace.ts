/** `bowline trace`: one question, resolved by a worker of the running service, and what it did. */

import type { Command } from 'commander'
import type { StepFacts } from '../../src/trace-steps.ts'
import { printable, type responseJson, responseText } from '../query-output.ts'
import { stepText } from '../trace-output.ts'
import { conclude, ExitCode, printJson } from './outcome.ts'
import { toName, toType } from './query.ts'
import { askRunning, findsService, type ServiceOptions } from './service.ts'

export interface TraceAnswer {
  worker: number
  /** The response in hexadecimal. */
  message: string
  response: ReturnType<typeof responseJson>
  elapsedMs: number
  security: string
  source: string
  trace: StepFacts[]
}

interface TraceOptions extends ServiceOptions {
  dnssec?: boolean
  cd?: boolean
  worker?: string
}

export function addTraceCommand(program: Command): void {
  findsService(
    program
      .command('trace')
      .description('Have a worker of the running service resolve a name, and show each step.')
      .argument('<name>', 'domain name, with or without the final dot', toName)
      .argument('[type]', 'record type, as AAAA or TYPE65', toType, 'A'),
  )
    .option('--dnssec', 'ask for signatures and proofs, too (DO, RFC 3225)')
    .option('--cd', 'checking disabled: show data even where validation finds it bogus (CD, RFC 4035)')
    .option('-w, --worker <id>', 'the worker that does it; else the first that runs')
    .addHelpText(
      'after',
      '\nThe worker uses its cache: what is there needs no steps. bowline query --trace begins with nothing.' +
        '\nExit code: 0 for NOERROR and NXDOMAIN, 1 for any other status.',
    )
    .action((name: string, type: string, options: TraceOptions) =>
      conclude(options.json, async () => {
        const query = new URLSearchParams({ name, type })
        for (const flag of ['dnssec', 'cd'] as const) if (options[flag]) query.set(flag, 'true')
        if (options.worker !== undefined) query.set('worker', options.worker)
        const { body } = await askRunning(options, { method: 'GET', path: `/v1/trace?${query}` })
        const answer = body as TraceAnswer
        if (options.json) printJson(answer)
        else process.stdout.write(traceText(answer))
        return ['NOERROR', 'NXDOMAIN'].includes(answer.response.status) ? ExitCode.DONE : ExitCode.FAILED
      }),
    )
}

function traceText({ worker, trace, message, elapsedMs, security, source }: TraceAnswer): string {
  const steps = trace.map((step) => `${printable(stepText(step))}\n`).join('')
  const response = responseText(Buffer.from(message, 'hex'), { elapsedMs, security, source })
  return `;; by worker ${worker}\n${steps}\n${response}`
}
