import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import type { Config, ConfigInput } from '../../src/config/schema.ts'
import type { Json } from '../../supervisor/json-patch.ts'
import { setAt } from '../../supervisor/json-patch.ts'
import { SettingsStore } from '../../supervisor/settings-store.ts'
import { ManualClock } from '../support/clock.ts'

function storeOf(document: Json): SettingsStore {
  return new SettingsStore({
    document,
    config: makeConfig(document as ConfigInput),
    clock: new ManualClock(),
    follow: async (next: Config) => next,
    log: () => {},
  })
}

describe('the settings of a running service', () => {
  const STALE = ['options', 'serve-stale']

  it('know a section that was written as true by its settings', async () => {
    const store = storeOf({ options: { 'serve-stale': true } })
    expect(store.read([...STALE, 'enable'])).to.equal(true)
    expect(store.read([...STALE, 'max-age'])).to.equal('1d')
    await store.edit({ document: setAt(store.document, [...STALE, 'max-age'], '1h') })
    expect(store.config.options['serve-stale']).to.include({ enable: true, 'max-age': 3600 })
  })

  it('take true and false for such a section', async () => {
    const store = storeOf({})
    for (const enable of [true, false]) {
      await store.edit({ document: setAt(store.document, STALE, enable) })
      expect(store.config.options['serve-stale'].enable).to.equal(enable)
      expect(store.read([...STALE, 'enable'])).to.equal(enable)
    }
  })
})
