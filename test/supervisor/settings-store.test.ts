import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import type { Config, ConfigInput } from '../../src/config/schema.ts'
import type { Json } from '../../supervisor/json-patch.ts'
import { setAt } from '../../supervisor/json-patch.ts'
import { type SettingsOptions, SettingsStore } from '../../supervisor/settings-store.ts'
import { ManualClock } from '../support/clock.ts'

function storeOf(document: Json, more: Partial<SettingsOptions> = {}): SettingsStore {
  return new SettingsStore({
    document,
    config: makeConfig(document as ConfigInput),
    clock: new ManualClock(),
    follow: async (next: Config) => next,
    log: () => {},
    ...more,
  })
}

const set = (path: string, value: Json) => ({ change: (document: Json) => setAt(document, path.split('/'), value) })

describe('the settings of a running service', () => {
  const STALE = ['options', 'serve-stale']

  it('know a section that was written as true by its settings', async () => {
    const store = storeOf({ options: { 'serve-stale': true } })
    expect(store.read([...STALE, 'enable'])).to.equal(true)
    expect(store.read([...STALE, 'max-age'])).to.equal('1d')
    await store.edit({ change: (document) => setAt(document, [...STALE, 'max-age'], '1h') })
    expect(store.config.options['serve-stale']).to.include({ enable: true, 'max-age': 3600 })
  })

  it('are told as they are written', async () => {
    const store = storeOf({ workers: 2 })
    const told = [
      await store.edit(set('drain-timeout', '1m')),
      await store.edit(set('cache/size-max', '1G')),
      await store.edit(set('nsid', 'here')),
    ]
    expect(told.flat().map(({ from, to }) => [from, to])).to.deep.equal([
      ['10s', '1m'],
      ['100M', '1G'],
      [false, 'here'],
    ])
  })

  it('lose nothing of two changes at once, and let only one of two with the same tag in', async () => {
    const steps: (() => void)[] = []
    const follow = (next: Config) => new Promise<Config>((resolve) => steps.push(() => resolve(next)))
    const store = storeOf({}, { follow })
    const edits = [store.edit(set('nsid', 'here')), store.edit(set('drain-timeout', '1m'))]
    const ifMatch = store.etag
    const late = store.edit({ ...set('hostname', 'late'), ifMatch }).catch(({ code }) => code)
    for (const [step, edit] of edits.entries()) {
      await new Promise(setImmediate)
      expect(steps).to.have.length(step + 1)
      steps[step]()
      await edit
    }
    expect(store.document).to.deep.equal({ nsid: 'here', 'drain-timeout': '1m' })
    expect(store.config).to.include({ nsid: 'here', 'drain-timeout': 60_000 })
    expect(await late).to.equal('etag')
  })

  it('do not go back to what was before a later change that was under way', async () => {
    const clock = new ManualClock()
    const store = storeOf({}, { clock })
    await store.edit({ ...set('nsid', 'tried'), rollbackAfterMs: 1000 })
    const later = store.edit(set('drain-timeout', '1m'))
    clock.advance(1000)
    await later
    await new Promise(setImmediate)
    expect(store.document).to.deep.equal({ nsid: 'tried', 'drain-timeout': '1m' })
    expect(store.isPending).to.equal(false)
  })

  it('know which of them wait for a restart', async () => {
    const store = storeOf(
      {},
      { follow: async (next, changes) => ({ ...next, ...(changes.length > 0 && { user: undefined }) }) },
    )
    await store.edit(set('user', 'somebody'))
    await store.edit(set('nsid', 'here'))
    expect(store.needsRestart).to.deep.equal(['user'])
    await store.edit({ change: () => ({ nsid: 'here' }) })
    expect(store.needsRestart).to.deep.equal([])
  })

  it('take true and false for such a section', async () => {
    const store = storeOf({})
    for (const enable of [true, false]) {
      await store.edit({ change: (document) => setAt(document, STALE, enable) })
      expect(store.config.options['serve-stale'].enable).to.equal(enable)
      expect(store.read([...STALE, 'enable'])).to.equal(enable)
    }
  })
})
