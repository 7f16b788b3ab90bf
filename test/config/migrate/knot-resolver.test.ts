import { expect } from 'chai'
import { stringify } from 'yaml'
import { KNOT_ONLY } from '../../../src/config/knot.ts'
import { KNOT_SETTINGS } from '../../../src/config/migrate/knot-settings.ts'
import { configSchema } from '../../../src/config/schema.ts'
import { declarations } from '../../../src/config/tree.ts'
import { findingOf, isAccepted, loaded, migrated, migratedSample, told } from './migrated.ts'

const LISTEN = 'network: {listen: [{interface: ::1}]}\n'
const knot = (text: string) => migrated(`${LISTEN}${text}`, 'knot-resolver')

/** A file with one setting, whose path may be `network/listen[]/freebind`. */
function fileWith(path: string, value: unknown): string {
  const nested = path.split('/').reduceRight<unknown>((inner, step) => {
    const [name, list] = [step.replace('[]', ''), step.endsWith('[]')]
    return { [name]: list ? [inner] : inner }
  }, value)
  return stringify(nested)
}

describe('a configuration of Knot Resolver 6', () => {
  describe('of a provider', () => {
    const migration = migratedSample('provider.yaml')
    const config = loaded(migration)

    it('stays as it is, with its comments, but for what differs', () => {
      expect(migration.yaml).to.include('    - interface: [ 192.0.2.53, "2001:db8::53" ] # customers\n')
      expect(migration.yaml).to.include('# A provider, as its file for Knot Resolver 6 may look.\nversion: 1\n')
      expect(config.options).to.deep.include({ 'glue-checking': 'strict' })
      expect(config.options['serve-stale'].enable).to.equal(true)
      expect(config.forward.map(({ subtree }) => subtree)).to.deep.equal([['corp.example.org'], ['.']])
    })

    it('gets folders of its own', () => {
      expect(config.rundir).to.equal('/run/bowline')
      expect(config.cache.storage).to.equal('/var/cache/bowline')
    })

    it('gets what is called otherwise here', () => {
      expect(config.workers).to.deep.equal({ min: 1, max: 8 })
      expect(config.dnssec).to.include({ enable: true, 'log-bogus': true })
      expect(config.dns64.enable).to.equal(false)
      expect(config.logging.groups).to.deep.equal(['supervisor', 'iterat'])
      expect(config.monitoring.metrics).to.equal('always')
    })

    it('loses what there is not', () => {
      expect(told(migration, 'left-out')).to.deep.equal([
        '13 network/listen/1',
        '15 network/listen/2',
        '18 network/tls',
        '32 views/2/protocols',
        '42 local-data/rpz',
        '66 lua',
      ])
    })

    it('is told that it no longer serves everybody', () =>
      expect(findingOf(migration, 'views (not in the file)')?.note).to.include('everybody was served'))
  })

  it('listens where Knot Resolver does when it names nothing, and is not told of clients then', () => {
    const migration = migrated('workers: 2\n', 'knot-resolver')
    expect(loaded(migration).network.listen[0].interface).to.deep.equal(['127.0.0.1@53', '::1@53'])
    expect(told(migration, 'translated')).to.deep.equal(['- network/listen (not in the file)'])
  })

  it('may be JSON, which becomes YAML', () => {
    const text = '{"version": 1, "network": {"listen": [{"interface": "127.0.0.1@5301"}]}, "dnssec": false}'
    const migration = migrated(text)
    expect(migration.yaml).to.include('version: 1\nnetwork:\n  listen:\n    - interface: 127.0.0.1@5301\n')
    expect(loaded(migration).dnssec.enable).to.equal(false)
  })

  it('means "on" by a section that early versions did not switch', () => {
    const config = loaded(knot('dns64: {prefix: "2001:db8:64::/96", rev-ttl: 1m}\nrate-limiting: {rate-limit: 100}\n'))
    expect(config.dns64).to.include({ enable: true, 'reverse-ttl': 60 })
    expect(config['rate-limiting'].enable).to.equal(true)
    expect(loaded(knot('dns64: {enabled: false}\n')).dns64.enable).to.equal(false)
  })

  it('keeps relative paths where they were', () => {
    const files = '{rules: [{file: lists/bad, subtree: nxdomain}]}'
    const rules = (text: string) => (knot(text).config['local-data'] as { rules: unknown[] }).rules
    expect(rules(`local-data: ${files}\n`)).to.deep.equal([
      { file: '/run/knot-resolver/lists/bad', subtree: 'nxdomain' },
    ])
    expect(rules(`rundir: ./run\nlocal-data: ${files}\n`)).to.deep.equal([{ file: 'lists/bad', subtree: 'nxdomain' }])
  })

  it('is told that keys are compared otherwise, and that two programs cannot write one file', () => {
    const pin = 'OLzhpgEZsWqJu6Lc1aRPGqjXVGGoG+gM44Cok/rAUqM='
    const migration = knot(
      `forward: [{subtree: ., servers: [{address: 192.0.2.1, transport: tls, pin-sha256: "${pin}"}]}]\n` +
        'dnssec: {trust-anchors-files: [{file: /a.keys}, {file: /b.keys, read-only: true}]}\n',
    )
    expect(isAccepted(migration)).to.equal(true)
    expect(told(migration, 'translated')).to.deep.equal([
      '2 forward/0/servers/0/pin-sha256',
      '3 dnssec/trust-anchors-files/0',
    ])
  })

  it('may have aliases, of which each is changed for itself', () => {
    const migration = knot('views:\n  - &a {subnets: [192.0.2.0/24], protocols: [dot, udp53]}\n  - *a\n')
    expect(loaded(migration).views.map(({ protocols }) => protocols)).to.deep.equal([['udp53'], ['udp53']])
  })

  it('may have merged sections', () => {
    const migration = knot(
      'views:\n  - &a {subnets: [192.0.2.0/24], answer: refused}\n  - {<<: *a, subnets: [192.0.2.1]}\n',
    )
    const views = loaded(migration).views.map(({ subnets, answer }) => [answer, ...subnets])
    expect(views).to.deep.equal([
      ['refused', '192.0.2.0/24'],
      ['refused', '192.0.2.1'],
    ])
  })

  it('says something of every setting that Knot Resolver alone has', () => {
    const known = KNOT_SETTINGS.map(([path]) => path)
    const silent = KNOT_ONLY.filter((path) => !known.includes(path))
    expect(silent.filter((path) => path !== 'network/listen[]/unix-socket')).to.deep.equal([]) // told of its listener
    for (const path of KNOT_ONLY) {
      const { report } = migrated(fileWith(path, { some: 'thing' }), 'knot-resolver')
      expect(
        report.some(({ outcome, note }) => outcome !== 'taken' && !note?.startsWith('an unknown')),
        path,
      ).to.equal(true)
    }
  })

  it('survives any value of any setting', () => {
    const survives = (path: string, value: unknown) =>
      expect(isAccepted(migrated(fileWith(path, value), 'knot-resolver')), `${path} ${value}`).to.equal(true)
    for (const [path] of KNOT_SETTINGS)
      for (const value of [null, true, -1, 'x', [], [5, 'x'], { x: 1 }, [{}], [[null]]]) survives(path, value)
    for (const { path } of declarations(configSchema))
      if (path !== '' && path !== 'version') for (const value of [null, [5, 'x'], { x: 1 }]) survives(path, value)
  })
})
