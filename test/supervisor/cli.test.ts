/** The command line, through real processes: output, exit codes, and where each kind of output goes. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import manifest from '../../package.json' with { type: 'json' }
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { loadConfig } from '../../src/config/load.ts'
import { BOWLINE, bowline, runToEnd } from './command.ts'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'bowline-cli-'))
})
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

describe('bowline', () => {
  it('tells its version', async () => {
    expect(await bowline('--version')).to.deep.equal({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })

  it('shows its commands and exit codes', async () => {
    const { code, stdout } = await bowline('--help')
    expect(code).to.equal(0)
    for (const text of ['run ', 'query ', 'config ', '0 done, 1 failed, 2 wrong usage']) expect(stdout).to.include(text)
  })

  const misused: [parameters: string[], complaint: string][] = [
    [[], 'Usage: bowline'],
    [['rnu'], "error: unknown command 'rnu'\n(Did you mean run?)"],
    [['config'], 'Usage: bowline config'],
    [['config', 'validate', '--jsno'], "error: unknown option '--jsno'\n(Did you mean --json?)"],
    [['config', 'validate', '-c'], "error: option '-c, --config <file>' argument missing"],
    [['config', 'validate', 'bowline.yaml'], 'error: too many arguments'],
    [['query'], "error: missing required argument 'name'"],
    [['query', 'a..example.org'], "error: command-argument value 'a..example.org' is invalid for argument 'name'."],
    [['query', 'example.org', 'AAAAA'], "error: command-argument value 'AAAAA' is invalid for argument 'type'."],
  ]
  for (const [parameters, complaint] of misused) {
    it(`${parameters.join(' ') || 'without a command'} is wrong usage: 2, and nothing on standard output`, async () => {
      const { code, stdout, stderr } = await bowline(...parameters)
      expect(code).to.equal(2)
      expect(stdout).to.equal('')
      expect(stderr).to.include(complaint)
    })
  }

  it('tells wrong usage as JSON to whoever reads that', async () => {
    const { code, stdout, stderr } = await bowline('scale', 'many', '--json')
    expect({ code, stderr }).to.deep.equal({ code: 2, stderr: '' })
    expect(JSON.parse(stdout).error.code).to.equal('usage')
    expect(JSON.parse(stdout).error.message).to.contain('Write a number, +K, -K, or auto.')
  })
})

describe('bowline config validate', () => {
  it('says that a right file is in order', async () => {
    const file = write('right.yaml', 'workers: 2\n')
    const stdout = `${file}: the configuration is in order\n`
    expect(await bowline('config', 'validate', '-c', file)).to.deep.equal({ code: 0, stdout, stderr: '' })
  })

  it('shows all mistakes of all files, a line each, and ends with 2', async () => {
    const one = write('one.yaml', 'cache:\n  ttl-min: 5\n')
    const two = write('two.yaml', 'lua: {}\nworkers: 0\n')
    const { code, stdout, stderr } = await bowline('config', 'validate', '-c', one, '-c', two)
    expect(code).to.equal(2)
    expect(stdout).to.equal('')
    const starts = stderr.split('\n').map((line) => line.split(' found')[0])
    expect(starts).to.deep.equal([`${one}:2:12: cache/ttl-min:`, `${two}:1:1: lua:`, `${two}:2:10: workers:`, ''])
  })

  it('looks into the files that the configuration names', async () => {
    const hints = write('root.hints', '. 3600 NS a.example.\n')
    const file = write('hints.yaml', `options: {root-hints-file: ${hints}}\n`)
    const stderr =
      `options/root-hints-file: ${hints} names no root server with an address; ` +
      "name a file like IANA's named.root, or leave the setting out\n"
    expect(await bowline('config', 'validate', '-c', file)).to.deep.equal({ code: 2, stdout: '', stderr })
    expect(await bowline('run', '-c', file)).to.deep.equal({ code: 2, stdout: '', stderr })
  })

  it('--json gives the configuration as it would be used', async () => {
    const [one, two] = [write('a.yaml', 'workers: 2\ncache: {ttl-max: 1h}\n'), write('b.json', '{"workers": 3}')]
    const { code, stdout } = await bowline('config', 'validate', '--json', '-c', one, '-c', two)
    expect(code).to.equal(0)
    const { config } = JSON.parse(stdout)
    expect(config).to.deep.equal(JSON.parse(JSON.stringify(loadConfig([one, two]))))
    expect(config.workers).to.equal(3)
    expect(config.cache['ttl-max']).to.equal(3600)
  })

  it('--json gives mistakes as data', async () => {
    const file = write('wrong.yaml', '\nworkers: 0\n')
    const { code, stdout, stderr } = await bowline('config', 'validate', '--json', '-c', file)
    expect(code).to.equal(2)
    expect(stderr).to.equal('')
    const { error } = JSON.parse(stdout)
    expect(error.code).to.equal('config')
    expect(error.mistakes).to.deep.equal([
      {
        place: { file, line: 2, column: 10 },
        path: 'workers',
        found: '0',
        allowed:
          'a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}',
        remedy: 'write at least 1',
      },
    ])
  })
})

describe('bowline config schema', () => {
  it('prints the JSON Schema', async () => {
    const { code, stdout, stderr } = await bowline('config', 'schema')
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).to.deep.equal(JSON.parse(JSON.stringify(configJsonSchema())))
  })
})

describe('bowline config manual', () => {
  it('prints what docs/configuration.md holds', async () => {
    const { code, stdout } = await bowline('config', 'manual')
    expect(code).to.equal(0)
    expect(stdout).to.equal(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8'))
  })

  it('does not mind a reader that has seen enough', async () => {
    const command = `"$0" "$1" config manual | head -n 1; echo "\${PIPESTATUS[0]}"`
    const { stdout, stderr } = await runToEnd('bash', ['-c', command, process.execPath, BOWLINE])
    expect({ stdout, stderr }).to.deep.equal({ stdout: '# Configuration\n0\n', stderr: '' })
  })
})

describe('bowline run', () => {
  it('starts nothing when the configuration has a mistake', async () => {
    const rundir = join(folder, 'run')
    const file = write('mistake.yaml', `rundir: ${rundir}\nworkers: none\n`)
    const { code, stdout, stderr } = await bowline('run', '-c', file)
    expect(code).to.equal(2)
    expect(stdout).to.equal('')
    expect(stderr).to.equal(
      `${file}:2:10: workers: found "none"; allowed: a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}; write a whole number without ` +
        'quotes or unit; without the setting it is auto\n',
    )
    expect(() => readFileSync(rundir)).to.throw('ENOENT')
  })
})
