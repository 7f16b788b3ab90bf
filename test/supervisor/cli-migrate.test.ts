import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { samplePath } from '../config/migrate/migrated.ts'
import { bowline } from './command.ts'

describe('bowline config migrate', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-migrate-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  it('prints a configuration that is in order, and ends with 0 when everything was taken', async () => {
    const old = file('unbound.conf', 'server:\n  num-threads: 2\n  so-rcvbuf: 1m\n')
    const { code, stdout, stderr } = await bowline('config', 'migrate', old)
    expect(code).to.equal(0)
    expect(stderr).to.include(`Not needed:\n  ${old}:3: server/so-rcvbuf 1m: `)
    expect(stderr).to.match(/\n\d+ settings: 1 taken as they are, \d+ in another shape, 1 not needed, 0 left out\n$/)
    const made = file('bowline.yaml', stdout)
    expect((await bowline('config', 'validate', '-c', made)).stdout).to.include('is in order')
  })

  it('ends with 1 when something was left out, and with --strict with 2 and nothing made', async () => {
    const old = samplePath('office.conf')
    const { code, stdout, stderr } = await bowline('config', 'migrate', old)
    expect(code).to.equal(1)
    expect(stderr).to.include(`Left out:\n  ${old}:44: server/hide-identity yes: `)
    expect((await bowline('config', 'validate', '-c', file('new.yaml', stdout))).code).to.equal(0)
    const strict = await bowline('config', 'migrate', old, '--strict', '-o', join(folder, 'strict.yaml'))
    expect(strict).to.include({ code: 2, stdout: '' })
    expect(strict.stderr).to.match(
      /\nnothing was made, for 1 would be left out; take --strict away, or take them out\n$/,
    )
    expect(existsSync(join(folder, 'strict.yaml'))).to.equal(false)
  })

  it('writes to a file with -o, and over one that is there only with --force', async () => {
    const old = file('old.yaml', 'network: {listen: [{interface: 127.0.0.1@5301}]}\n')
    const made = join(folder, 'new.yaml')
    expect(await bowline('config', 'migrate', old, '-o', made)).to.include({ code: 0, stdout: '' })
    const { code, stderr } = await bowline('config', 'migrate', old, '-o', made)
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: `${made} is there already; name another file, or add --force\n`,
    })
    writeFileSync(made, '')
    expect((await bowline('config', 'migrate', old, '-o', made, '--force')).code).to.equal(0)
    expect(readFileSync(made, 'utf8')).to.include('127.0.0.1@5301')
  })

  it('--json gives the configuration and the report', async () => {
    const { code, stdout, stderr } = await bowline('config', 'migrate', '--json', samplePath('provider.yaml'))
    const { config, report, mistakes } = JSON.parse(stdout)
    expect({ code, stderr, mistakes }).to.deep.equal({ code: 1, stderr: '', mistakes: [] })
    expect(config.cache).to.deep.equal({ storage: '/var/cache/bowline', 'size-max': '4G', 'ttl-max': '12h' })
    expect(report.find(({ setting }: { setting: string }) => setting === 'max-workers')).to.deep.equal({
      place: { file: samplePath('provider.yaml'), line: 6, column: 1 },
      setting: 'max-workers',
      value: '8',
      outcome: 'translated',
      into: 'workers',
      note: 'the most that auto may start',
    })
    const strict = await bowline('config', 'migrate', '--json', '--strict', samplePath('home.lua'))
    expect(strict.code).to.equal(2)
    expect(JSON.parse(strict.stdout).error.code).to.equal('left-out')
  })

  it('tells what is to be put right first, as a file that is not there', async () => {
    const old = file('unbound.conf', `server:\n  trust-anchor-file: "${join(folder, 'keys')}"\n`)
    const { code, stderr } = await bowline('config', 'migrate', old)
    expect(code).to.equal(1)
    expect(stderr).to.match(/\nTo be put right before it is started:\n {2}dnssec\/trust-anchors-files\/0\/file: found /)
  })

  it('names file and line of what cannot be parsed', async () => {
    const old = file('unbound.conf', 'server:\n  port: "53\n')
    const stderr = `${old}:2: found a quote that does not end; allowed: unbound.conf; end it on the same line\n`
    expect(await bowline('config', 'migrate', old)).to.deep.equal({ code: 2, stdout: '', stderr })
    const missing = join(folder, 'missing.conf')
    expect((await bowline('config', 'migrate', missing)).stderr).to.include(`${missing}: found no such file`)
  })

  it('takes the word of --from', async () => {
    const old = file('kresd.conf', "print('nothing that is known')\n")
    const { stderr } = await bowline('config', 'migrate', '--from', 'kresd', old)
    expect(stderr).to.include(`${old}:1: print ('nothing that is known'): not known here`)
    expect((await bowline('config', 'migrate', '--from', 'bind', old)).code).to.equal(2)
  })

  it('reads the files that an unbound.conf includes', async () => {
    file('a.conf', 'server:\n  num-threads: 3\n')
    file('b.conf', '  hide-version: yes\n')
    const old = file('unbound.conf', `include-toplevel: "${folder}/[ab].conf"\n`)
    const { stdout, stderr } = await bowline('config', 'migrate', old)
    expect(stdout).to.include('\nworkers: 3\n')
    expect(stderr).to.include(`${join(folder, 'b.conf')}:1: server/hide-version yes`)
  })
})
