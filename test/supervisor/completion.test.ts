import { expect } from 'chai'
import { bowline, runToEnd } from './command.ts'

let script: string | undefined

/** What bash offers for a beginning of a command line. */
async function offered(...words: string[]): Promise<string[]> {
  script ??= (await bowline('completion', 'bash')).stdout
  const line = `${script}\nCOMP_WORDS=(bowline "$@"); COMP_CWORD=$#; _bowline; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await runToEnd('bash', ['-c', line, 'bash', ...words])
  return stdout.split('\n').filter((word) => word !== '')
}

describe('bowline completion', () => {
  it('has bash offer commands, their subcommands and their options', async () => {
    expect(await offered('')).to.include.members(['run', 'status', 'scale', 'config', 'query', '--help'])
    expect(await offered('stat')).to.deep.equal(['status', 'stats'])
    expect(await offered('config', '')).to.include.members(['validate', 'migrate', 'get', 'set'])
    expect(await offered('config', 'set', '--dr')).to.deep.equal(['--dry-run'])
    expect(await offered('config', 'get', 'cache/size')).to.deep.equal(['cache/size-max'])
    expect(await offered('scale', 'a')).to.deep.equal(['auto'])
    expect(await offered('log', 'de')).to.deep.equal(['debug'])
    expect(await offered('log', 'debug', '-g', 'se')).to.deep.equal(['select'])
    expect(await offered('log', 'debug', '--group', 'it')).to.deep.equal(['iterat'])
    expect(await offered('config', 'migrate', '--from', 'un')).to.deep.equal(['unbound'])
    expect(await offered('completion', 'z')).to.deep.equal(['zsh'])
    expect(await offered('run', '-c', '/et')).to.deep.equal(['/etc'])
  })

  it('speaks to zsh and fish as well', async () => {
    expect((await bowline('completion', 'zsh')).stdout).to.contain('bashcompinit')
    expect((await bowline('completion', 'fish')).stdout).to.contain(
      "complete -c bowline -n '__fish_use_subcommand' -f -a status",
    )
    expect((await bowline('completion', 'fish')).stdout).to.match(
      /__fish_seen_subcommand_from log' -l group -x -a 'system /,
    )
  })
})

describe('every command', () => {
  it('has --json', async () => {
    const { stdout } = await bowline('completion', 'bash', '--json')
    const { script } = JSON.parse(stdout) as { script: string }
    const entries = [...script.matchAll(/^ {4}'([^']+)'\) words='(.*)' ;;$/gm)]
    const lines = entries.filter(([, path]) => !path.includes(' -')) // others are about the value of an option
    expect(lines.length).to.be.above(15)
    const silent = ['module new', 'module test'] // for those who write modules: files, and mocha's own report
    const groups = lines.filter(([, path]) => lines.some(([, other]) => other.startsWith(`${path} `)))
    for (const [line, path, words] of lines)
      if (!groups.some(([group]) => group === line) && !silent.includes(path))
        expect(words.split(' '), path).to.include('--json')
  })
})
