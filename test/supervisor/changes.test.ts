import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import { configSchema } from '../../src/config/schema.ts'
import { declarations } from '../../src/config/tree.ts'
import { changesBetween, reloadClassOf, withoutRestart } from '../../supervisor/changes.ts'

describe('changesBetween', () => {
  it('names each setting that differs, and what it takes to follow', () => {
    const from = makeConfig({ workers: 2 })
    const to = makeConfig({ workers: { min: 1, max: 3 }, cache: { 'ttl-max': '1h' }, management: { group: 'adm' } })
    expect(changesBetween(from, to)).to.have.deep.members([
      { path: 'workers', from: 2, to: { min: 1, max: 3 }, class: 'live' },
      { path: 'cache/ttl-max', from: 86_400, to: 3600, class: 'roll' },
      { path: 'management/group', from: undefined, to: 'adm', class: 'restart' },
    ])
    expect(changesBetween(from, makeConfig({ workers: 2 }))).to.deep.equal([])
  })

  it('takes a list for one setting', () => {
    const to = makeConfig({ network: { listen: [{ interface: '127.0.0.1@5301' }] } })
    expect(changesBetween(makeConfig(), to).map(({ path }) => path)).to.deep.equal(['network/listen'])
  })
})

describe('withoutRestart', () => {
  it('leaves no change that only a restart can follow, and all the others', () => {
    const from = makeConfig({})
    const to = makeConfig({
      rundir: '/tmp/elsewhere',
      user: 'nobody',
      management: { group: 'adm' },
      cache: { storage: '/tmp/cache', 'ttl-max': '1h' },
      logging: { target: 'stdout', level: 'debug' },
    })
    expect(changesBetween(from, withoutRestart(from, to)).map(({ path }) => path)).to.have.members([
      'cache/ttl-max',
      'logging/level',
    ])
  })
})

describe('reloadClassOf', () => {
  it('has one for every setting', () => {
    for (const { path } of declarations(configSchema))
      if (path !== '') expect(reloadClassOf(path)).to.be.oneOf(['live', 'roll', 'restart'])
    expect(reloadClassOf('workers')).to.equal('live')
    expect(reloadClassOf('management/tls/key-file')).to.equal('restart')
    expect(reloadClassOf('options/minimize')).to.equal('roll')
  })
})
