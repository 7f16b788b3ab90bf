/** `bowline trust-anchor` and `bowline top`, as a person runs them, and the route behind the second. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { composeAnchorState } from '../../src/anchors/state-text.ts'
import { ROOT } from '../../src/wire/name.ts'
import { topText } from '../../supervisor/commands/frequent-text.ts'
import { ROUTES, type RouteRequest } from '../../supervisor/control/routes.ts'
import type { Manager } from '../../supervisor/manager.ts'
import { TEST_EPOCH_MS } from '../support/clock.ts'
import { zoneKey } from '../support/signed-zone.ts'
import { bowline } from './command.ts'

describe('bowline trust-anchor inspect', () => {
  let folder: string
  let config: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-cli-'))
    config = join(folder, 'c.yaml')
    writeFileSync(config, `cache: {storage: ${folder}}\ndnssec: {trust-anchors: ["example.org. DS 7 13 2 0007"]}\n`)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const valid = zoneKey('valid')
  const pending = zoneKey('pending')
  const state = composeAnchorState({
    zone: ROOT,
    ds: [],
    keys: [
      { rdata: valid.rdata, state: 'valid', sinceMs: TEST_EPOCH_MS },
      { rdata: pending.rdata, state: 'add-pending', sinceMs: TEST_EPOCH_MS, untilMs: TEST_EPOCH_MS + 86_400_000 },
    ],
  })

  it('shows the state of each key, and anchors that were given', async () => {
    writeFileSync(join(folder, 'root.keys'), state)
    const { code, stdout } = await bowline('trust-anchor', 'inspect', '-c', config)
    expect(code).to.equal(0)
    const file = `(${join(folder, 'root.keys')})`
    expect(stdout.trim().split('\n')).to.deep.equal([
      `. DNSKEY ${valid.tag}, algorithm 15: valid since 2026-01-01T00:00:00.000Z ${file}`,
      `. DNSKEY ${pending.tag}, algorithm 15: add-pending since 2026-01-01T00:00:00.000Z, trusted from ` +
        `2026-01-02T00:00:00.000Z on ${file}`,
      'example.org. DS 7, algorithm 13: given',
    ])
  })

  it('does so in JSON', async () => {
    writeFileSync(join(folder, 'root.keys'), state)
    const { stdout } = await bowline('trust-anchor', 'inspect', '-c', config, '--json')
    const { anchors, files } = JSON.parse(stdout)
    expect(anchors.map((row: { state: string }) => row.state)).to.deep.equal(['valid', 'add-pending', 'given'])
    expect(files).to.deep.equal([{ file: join(folder, 'root.keys'), state: 'read' }])
  })

  it('says what is wrong with a file, and shows what counts instead', async () => {
    writeFileSync(join(folder, 'root.keys'), 'what is this?\n')
    const { code, stdout } = await bowline('trust-anchor', 'inspect', '-c', config)
    expect(code).to.equal(0)
    expect(stdout)
      .to.match(/^\. DS 20326, algorithm 8: given$/m)
      .and.match(/root\.keys: \S+/)
  })
})

describe('bowline top', () => {
  it('knows no tables but its own', async () => {
    const { code, stderr } = await bowline('top', 'everything')
    expect(code).to.equal(2)
    expect(stderr).to.include('Allowed choices are bogus')
  })

  it('needs a running service', async () => {
    expect((await bowline('top', 'bogus', '-s', '/nonexistent/control.sock')).code).to.equal(3)
  })

  it('shows counts and how far they may be wrong', () => {
    expect(topText([])).to.equal('nothing\n')
    const entries = [
      { key: 'www.example.org. A', count: 120, error: 0 },
      { key: 'example.net. AAAA', count: 7, error: 3 },
    ]
    expect(topText(entries)).to.equal('120  www.example.org. A\n  7  example.net. AAAA  (up to 3 less)\n')
  })

  it('asks the workers, for twenty unless told', async () => {
    const limits: number[] = []
    const manager = {
      async frequent(table: string, limit: number) {
        expect(table).to.equal('bogus')
        limits.push(limit)
        return []
      },
    } as unknown as Manager
    const route = ROUTES.find(({ path }) => path === '/v1/top/bogus')!
    const ask = (query: string) => route.handle(manager, { query: new URLSearchParams(query) } as RouteRequest)
    expect(await ask('')).to.deep.equal({ body: { entries: [] } })
    await ask('limit=5')
    await ask('limit=1000000')
    expect(limits).to.deep.equal([20, 5, 1000])
  })
})
