/** `bowline completion`: what a shell needs to know to complete our command lines, made from the commands themselves. */

import { Argument, type Command, type Option } from 'commander'
import { configSchema } from '../../src/config/schema.ts'
import { declarations } from '../../src/config/tree.ts'
import { conclude, ExitCode, JSON_HELP, printJson } from './outcome.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description(
      'Print what makes a shell complete our commands, to be evaluated or put where it looks for such files.',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .option('--json', JSON_HELP)
    .addHelpText('after', '\nFor bash: source <(bowline completion bash)')
    .action((shell: Shell, options: { json?: boolean }) =>
      conclude(options.json, () => {
        const script = completionScript(program, shell)
        if (options.json) printJson({ script })
        else process.stdout.write(script)
        return ExitCode.DONE
      }),
    )
}

/** What may follow each beginning of a command line: `config`, `config validate`. */
export interface Completions {
  path: string
  words: { word: string; about: string }[]
  /** Options whose value is a file. */
  takesFile: string[]
  /** Options whose value is one of these words. */
  takesWord: { names: string[]; words: readonly string[] }[]
}

/** What arguments of these names may be, besides what else they may be. */
const ARGUMENTS: Readonly<Record<string, () => string[]>> = { setting: settingNames, workers: () => ['auto'] }

function settingNames(): string[] {
  return [...declarations(configSchema)].map(({ path }) => path).filter((path) => path !== '' && !path.includes('[]'))
}

export function completionsOf(command: Command, path = ''): Completions[] {
  const visible = command.createHelp()
  const subcommands = visible.visibleCommands(command)
  const words = [
    ...subcommands.map((sub) => ({ word: sub.name(), about: sub.description() })),
    ...command.registeredArguments.flatMap((argument) =>
      (argument.argChoices ?? ARGUMENTS[argument.name()]?.() ?? []).map((choice) => ({
        word: choice,
        about: argument.description,
      })),
    ),
    ...visible
      .visibleOptions(command)
      .flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : [])),
  ]
  const takesFile = visible
    .visibleOptions(command)
    .filter(({ flags }) => /<(file|path)>/.test(flags))
    .flatMap(namesOf)
  const takesWord = visible
    .visibleOptions(command)
    .flatMap((option) => (option.argChoices ? [{ names: namesOf(option), words: option.argChoices }] : []))
  const own = { path, words, takesFile, takesWord }
  const below = subcommands.filter((sub) => sub.name() !== 'help')
  return [own, ...below.flatMap((sub) => completionsOf(sub, `${path} ${sub.name()}`.trim()))]
}

function namesOf({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined && name !== null)
}

function completionScript(program: Command, shell: Shell): string {
  const all = completionsOf(program)
  if (shell === 'fish') return fishScript(all)
  return shell === 'bash' ? bashScript(all) : `autoload -U +X bashcompinit && bashcompinit\n${bashScript(all)}`
}

function bashScript(all: readonly Completions[]): string {
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`)
  const files = [...new Set(all.flatMap(({ takesFile }) => takesFile))].join('|')
  const values = all.flatMap(({ path, takesWord }) =>
    takesWord.map(({ names, words }) => {
      const patterns = names.map((name) => `'${path} ${name}'`).join('|')
      return `    ${patterns}) words='${words.join(' ')}' ;;`
    }),
  )
  const paths = all.map(({ path }) => `'${path}'`).join(' ')
  return `_bowline() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' next known
  case "$previous" in ${files}) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    for known in ${paths}; do [ "$known" = "$next" ] && path="$next"; done
  done
  case "$path" in
${cases.join('\n')}
  esac
  case "$path $previous" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _bowline bowline
`
}

function fishScript(all: readonly Completions[]): string {
  const quote = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
  const lines = all.flatMap(({ path, words, takesWord }) =>
    words.map(({ word, about }) => {
      const where = path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`
      const values = takesWord.find(({ names }) => names.includes(word))
      const value = values === undefined ? '' : ` -x -a ${quote(values.words.join(' '))}`
      const what = word.startsWith('--') ? `-l ${word.slice(2)}${value}` : `-f -a ${word}`
      return `complete -c bowline -n ${quote(where)} ${what} -d ${quote(about)}`
    }),
  )
  return `${lines.join('\n')}\n`
}
