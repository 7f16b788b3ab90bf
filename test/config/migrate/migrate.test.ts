import { expect } from 'chai'
import { parse } from 'yaml'
import { kindOf } from '../../../src/config/migrate/migrate.ts'
import { ConfigError } from '../../../src/config/mistake.ts'
import { loaded, migrated, migratedSample, SAMPLES, told } from './migrated.ts'

describe('migrateText', () => {
  for (const [name, kind] of Object.entries(SAMPLES))
    describe(`of ${name}`, () => {
      const migration = migratedSample(name)

      it('finds out what it is for', () => expect(migration.kind).to.equal(kind))

      it('makes a file that loads, and says the same as the values', () => {
        loaded(migration)
        expect(parse(migration.yaml)).to.deep.equal(JSON.parse(JSON.stringify(migration.config)))
      })

      it('names line and reason of all that is left out, in the report and in the file', () => {
        const left = migration.report.filter(({ outcome }) => outcome === 'left-out')
        expect(left).to.not.be.empty
        for (const { place, setting, note } of left) {
          expect(place?.line, setting).to.be.a('number')
          expect(note, setting).to.be.a('string')
          expect(migration.yaml).to.include(`#   ${name}:${place?.line}: ${setting}`)
        }
      })

      it('makes what needs no more migrating', () => {
        const again = migrated(migration.yaml, 'bowline')
        expect(again.config).to.deep.equal(migration.config)
        expect(again.report.filter(({ outcome }) => outcome !== 'taken')).to.deep.equal([])
      })
    })

  it('finds out by content what a file is for', () => {
    expect(kindOf('# a\nserver:\n  port: 53\n')).to.equal('unbound')
    expect(kindOf('include: "/etc/unbound/unbound.conf.d/*.conf"\n')).to.equal('unbound')
    expect(kindOf('forward-zone:\n  name: "."\n')).to.equal('unbound')
    expect(kindOf("-- a\nnet.listen('::1')\n")).to.equal('kresd')
    expect(kindOf('modules = { "stats" }\n')).to.equal('kresd')
    expect(kindOf('cache:\n  size-max: 1G\n')).to.equal('knot-resolver')
    expect(kindOf('---\nnetwork:\n  listen: []\n')).to.equal('knot-resolver')
    expect(kindOf('{"local-data": {"rpz": []}, "views": []}')).to.equal('knot-resolver')
    expect(kindOf('workers: 2\nclient-limits: {outstanding: 5}\n')).to.equal('bowline')
    expect(kindOf('{"fallback": {"enable": true}}')).to.equal('bowline')
  })

  it('leaves an own file as it is, with its comments, and adds no default', () => {
    const migration = migrated('# ours\nversion: 1\nworkers: 2 # two\nwatchdog: {enable: false}\n')
    expect(migration.kind).to.equal('bowline')
    expect(migration.yaml).to.include('# ours\nversion: 1\nworkers: 2 # two\n')
    expect(migration.config).to.deep.equal({ version: 1, workers: 2, watchdog: { enable: false } })
    expect(told(migration, 'taken')).to.deep.equal(['2 version', '3 workers', '4 watchdog/enable'])
  })

  it('makes a file of nothing', () => {
    expect(migrated('', 'bowline').config).to.deep.equal({})
    expect(loaded(migrated('', 'bowline')).workers).to.equal('auto')
  })

  it('refuses another version than there is', () => {
    expect(() => migrated('workers: 2\nversion: 2\n')).to.throw(
      ConfigError,
      'old:2:1: version: found 2; allowed: 1, the only one there is; migrate it with the version it was made for',
    )
  })

  it('names the line of a text that makes no sense', () => {
    expect(() => migrated('workers: 2\n\tcache: 1\n')).to.throw(ConfigError, /^old:2:/)
    expect(() => migrated('server:\n  port: 53\n  "\n')).to.throw(
      ConfigError,
      /^old:3: found a quote that does not end/,
    )
    expect(() => migrated("net.listen('::1')\ncache.size = 'a\n")).to.throw(ConfigError, /^old:2: found/)
  })
})
