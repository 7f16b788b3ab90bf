import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openRules } from '../../../src/modules/local-data/shared-copy.ts'
import type { LocalData, LocalRule } from '../../../src/settings.ts'
import { nameFromText } from '../../../src/wire/name.ts'
import { Type } from '../../../src/wire/types.ts'

const NO_TAGS: ReadonlySet<string> = new Set()

describe('rules compiled once for all workers', () => {
  let folder: string
  let list: string
  let hosts: string
  const warnings: string[] = []

  beforeEach(function () {
    if (process.platform !== 'linux') this.skip()
    folder = mkdtempSync(join(tmpdir(), 'bowline-'))
    list = join(folder, 'list')
    hosts = join(folder, 'hosts')
    writeFileSync(list, 'ads.net\ntracker.net\n')
    writeFileSync(hosts, '192.0.2.1 printer.net\n192.0.2.1 scanner.net\n2001:db8::1 printer.net\n')
    warnings.length = 0
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function data(more: Partial<LocalRule> = {}): LocalData {
    const file = (path: string) => ({ path, read: () => readFileSync(path) })
    const rule = { name: [], file: [file(list)], block: [], address: [], tags: [] }
    return {
      ttl: 300,
      nodata: true,
      addresses: {},
      'addresses-files': [file(hosts)],
      rules: [{ ...rule, subtree: 'nxdomain', ...more }],
    }
  }

  const open = (written = data(), rundir = join(folder, 'run')) =>
    openRules(written, rundir, (why) => warnings.push(why))
  const copies = () => readdirSync(join(folder, 'run')).filter((name) => name.startsWith('local-data-'))

  it('say the same to the one that made them, to the one that found them, and to one alone', () => {
    const all = [open(), open(), openRules(data(), undefined, () => {})]
    expect(all.map(({ copy }) => copy)).to.deep.equal(['made', 'found', 'own'])
    for (const { rules } of all) {
      expect(rules.find(nameFromText('www.ADS.net'), NO_TAGS)?.verdict).to.equal('nxdomain')
      expect(rules.find(nameFromText('net'), NO_TAGS)).to.equal(undefined)
      const printer = rules.find(nameFromText('printer.net'), NO_TAGS)?.data
      expect(printer?.get(Type.A)?.rdatas).to.deep.equal([Uint8Array.of(192, 0, 2, 1)])
      expect(printer?.get(Type.AAAA)?.rdatas).to.have.lengthOf(1)
      const reverse = rules.find(nameFromText('1.2.0.192.in-addr.arpa'), NO_TAGS)?.data.get(Type.PTR)
      expect(reverse?.rdatas).to.deep.equal([nameFromText('printer.net'), nameFromText('scanner.net')])
      expect(rules.size).to.equal(6)
    }
    expect(warnings).to.deep.equal([])
  })

  it('are made anew when a list or the configuration is another, and the old ones removed', () => {
    open()
    const [first] = copies()
    expect(open(data({ subtree: 'refused' })).copy).to.equal('made')
    writeFileSync(list, 'other.net\n')
    const { rules, copy } = open()
    expect(copy).to.equal('made')
    expect(rules.find(nameFromText('ads.net'), NO_TAGS)).to.equal(undefined)
    expect(rules.find(nameFromText('other.net'), NO_TAGS)?.verdict).to.equal('nxdomain')
    expect(copies()).to.have.lengthOf(1).and.not.include(first)
  })

  it('are made anew where the copy is none', () => {
    open()
    const [name] = copies()
    for (const length of [0, 10, 700]) {
      truncateSync(join(folder, 'run', name), length)
      expect(open().copy, String(length)).to.equal('made')
    }
  })

  it('are each one’s own where nothing can be written', () => {
    writeFileSync(join(folder, 'run'), 'a file')
    const { rules, copy } = open()
    expect(copy).to.equal('own')
    expect(warnings).to.have.lengthOf(1)
    expect(rules.find(nameFromText('ads.net'), NO_TAGS)?.verdict).to.equal('nxdomain')
  })

  it('are not shared without a list', () => {
    mkdirSync(join(folder, 'run'))
    expect(open({ ...data({ file: [], name: ['ads.net'] }), 'addresses-files': [] }).copy).to.equal('own')
    expect(copies()).to.deep.equal([])
  })
})
