/** `bowline explain-client`: which view is a client in, and what follows from that? */

import type { Command } from 'commander'
import { BowlineError } from '../../src/config/error.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { chooseView, compileViews, covers, type View } from '../../src/modules/views/choose.ts'
import { loadOperatorConfig } from './operator-config.ts'
import { CONFIG_HELP, CONFIG_OPTION, collect, conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

interface Options {
  config?: string[]
  tcp?: boolean
  to?: string
  json?: boolean
}

export function addExplainClientCommand(program: Command): void {
  program
    .command('explain-client')
    .description('Show which view a client is in, and what holds for it.')
    .argument('<address>', 'IP address of the client')
    .option(CONFIG_OPTION, CONFIG_HELP, collect)
    .option('--tcp', 'it asks over TCP, not UDP')
    .option('--to <address>', 'the address of ours it asks')
    .option('--json', JSON_HELP)
    .action((address: string, options: Options) => conclude(options.json, () => explain(address, options)))
}

function explain(text: string, options: Options): number {
  const address = octetsOf(text)
  const destination = options.to === undefined ? undefined : octetsOf(options.to)
  const views = compileViews(loadOperatorConfig(options.config).views)
  const view = chooseView(views, { overUdp: !options.tcp, address, destination })
  if (options.json) printJson(view === undefined ? { view: null } : documentOf(view))
  else if (view !== undefined) process.stdout.write(`${text}: ${sentenceOf(view)}\n`)
  else
    process.stdout.write(
      covers(views, address)
        ? `${text}: in the subnets of a view, but asks otherwise than the view says; served only if local\n`
        : `${text}: in no view; served only if local\n`,
    )
  return ExitCode.DONE
}

function octetsOf(text: string): Uint8Array {
  const address = text.includes('@') ? undefined : ServerAddress.fromText(text)
  if (address === undefined) throw new BowlineError('address', `${text} is no IP address; write one in numbers`)
  return address.octets
}

function documentOf({ index, answer, tags, options, partition }: View): object {
  return { view: index, answer, tags: [...tags], options, partition }
}

function sentenceOf({ index, answer, tags, options, partition }: View): string {
  const set = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !(name === 'priceFactor' && value === 1),
  )
  return [
    `views/${index}`,
    `answer ${answer}`,
    tags.size === 0 ? 'no tags' : `tags ${[...tags].join(', ')}`,
    ...set.map(([name, value]) => `${name} ${value}`),
    ...(partition === 0 ? [] : [`cache partition ${partition}`]),
  ].join('; ')
}
