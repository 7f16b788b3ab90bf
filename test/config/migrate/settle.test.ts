import { expect } from 'chai'
import { findingOf, loaded, migrated, told } from './migrated.ts'

describe('what the schema refuses', () => {
  it('is taken out and told, with what may stand there', () => {
    const migration = migrated('network: {listen: [{interface: ::1}]}\ncache:\n  ttl-min: 2h\n  size-max: 1G\n')
    expect(loaded(migration).cache).to.include({ 'ttl-min': 5, 'size-max': 1024 ** 3 })
    expect(findingOf(migration, 'cache/ttl-min')).to.deep.include({
      outcome: 'left-out',
      value: '2h',
      note: 'found "2h"; allowed: a time from 0s to 1h, in whole seconds (units us, ms, s, m, h, d); write at most 1h',
    })
  })

  it('is a whole item of a list: half a rule may do the opposite', () => {
    const migration = migrated(
      'forward:\n  - subtree: .\n    servers: [{address: 192.0.2.1, transport: tls}]\n  - subtree: a.example\n    servers: [192.0.2.2]\n',
    )
    expect(loaded(migration).forward.map(({ subtree }) => subtree)).to.deep.equal([['a.example']])
    expect(told(migration, 'left-out')).to.deep.equal(['2 forward/0', '3 forward/0/servers/0'])
  })

  it('is one of several servers, and the rule goes with the last', () => {
    const rule = (servers: string) => `forward:\n  - subtree: .\n    servers: ${servers}\n`
    const one = migrated(rule('[192.0.2.1, nowhere]'))
    expect(loaded(one).forward[0].servers).to.have.lengthOf(1)
    expect(told(one, 'left-out')).to.deep.equal(['3 forward/0/servers/1'])
    expect(loaded(migrated(rule('[nowhere]'))).forward).to.deep.equal([])
    expect(loaded(migrated(rule('[nowhere, neverwhere]'))).forward).to.deep.equal([])
  })

  it('takes a view with it that would be for everybody', () => {
    const migration = migrated('views:\n  - subnets: [192.0.2.0/33]\n    answer: allow\n  - subnets: [192.0.2.1]\n')
    expect(loaded(migration).views.map(({ subnets }) => subnets)).to.deep.equal([['192.0.2.1']])
  })

  it('takes a view with it also when several things are wrong in it at once', () => {
    const migration = migrated('views:\n  - subnets: [192.0.2.0/33, nowhere]\n    answer: allow\n')
    expect(loaded(migration).views).to.deep.equal([])
  })

  it('may be in many places of one list', () => {
    const bad = Array.from({ length: 12 }, (_, at) => `192.0.2.${at}/3`).join(', ')
    const migration = migrated(`views:\n  - subnets: [192.0.2.1, ${bad}]\n    answer: refused\n`)
    expect(loaded(migration).views[0].subnets).to.deep.equal(['192.0.2.1'])
    expect(told(migration, 'left-out')).to.have.lengthOf(12)
  })
})
