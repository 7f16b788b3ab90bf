import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { managedFiles } from '../../src/anchor-files.ts'
import { composeAnchorState, parseAnchorState } from '../../src/anchors/state-text.ts'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { ROOT_ANCHORS } from '../../src/dnssec/trust-anchors.ts'
import { systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { systemRandom } from '../../src/io/random.ts'
import { anchorRows, anchorsText } from '../../supervisor/commands/trust-anchor.ts'
import { TrustAnchorKeeper } from '../../supervisor/trust-anchor-keeper.ts'
import { machine } from '../config/machine.ts'
import { composeScript, readScript } from '../scenarios/message.ts'
import { ManualClock, TEST_EPOCH_MS } from '../support/clock.ts'
import { SignedZone } from '../support/signed-zone.ts'
import { eventually } from '../workers/sockets.ts'

interface Line {
  event: string
  [field: string]: unknown
}

describe('TrustAnchorKeeper', () => {
  let folder: string
  let file: string
  let lines: Line[]
  let changes: number
  let keeper: TrustAnchorKeeper | undefined
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-anchors-'))
    file = join(folder, 'cache', 'root.keys')
    lines = []
    changes = 0
  })
  afterEach(() => {
    keeper?.close()
    rmSync(folder, { recursive: true })
  })

  const configOf = (input: ConfigInput = {}) =>
    makeConfig({ cache: { storage: join(folder, 'cache') }, ...input }, { ...machine, folder })
  const log = () =>
    createLog({ level: 'debug', process: 'test' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  const events = () => lines.map(({ event }) => event)

  /** A keeper that never comes to look: its clock stands still. */
  function idleKeeper(): TrustAnchorKeeper {
    const surroundings = { clock: new ManualClock(), random: systemRandom, log: log(), onChange: () => void changes++ }
    keeper = new TrustAnchorKeeper(surroundings)
    return keeper
  }

  it('begins with the built-in keys of the root zone, in a file it makes', () => {
    const idle = idleKeeper()
    idle.follow(configOf())
    expect(events()).to.deep.equal(['trust-anchor-file-made'])
    expect(idle.states).to.deep.include({ zone: '.', keyTag: 20326, state: 'valid' })
    const { ds, keys } = parseAnchorState(readFileSync(file, 'utf8'), 0)
    expect(ds).to.deep.equal(ROOT_ANCHORS[0].ds)
    expect(keys).to.deep.equal([])
    expect(readdirSync(join(folder, 'cache')), 'nothing is left beside it').to.deep.equal(['root.keys'])
  })

  it('goes on from the file that is there', () => {
    mkdirSync(join(folder, 'cache'))
    const text = composeAnchorState({ ...new SignedZone('.', '').anchor(), keys: [] })
    writeFileSync(file, text)
    idleKeeper().follow(configOf())
    expect(lines).to.deep.equal([])
    expect(readFileSync(file, 'utf8')).to.equal(text)
  })

  it('puts a damaged file aside, says so, and begins anew', () => {
    mkdirSync(join(folder, 'cache'))
    writeFileSync(file, 'what is this?\n')
    idleKeeper().follow(configOf())
    expect(events()).to.deep.equal(['trust-anchor-file-damaged', 'trust-anchor-file-made'])
    expect(lines[0].msg).to.match(/root\.keys is damaged \(.*\); it is now .*damaged-2026-01-01T000000\.000Z/)
    const aside = readdirSync(join(folder, 'cache')).find((name) => name.includes('damaged'))!
    expect(readFileSync(join(folder, 'cache', aside), 'utf8')).to.equal('what is this?\n')
    expect(parseAnchorState(readFileSync(file, 'utf8'), 0).ds).to.have.length(2)
  })

  it('says so when the file cannot be written', () => {
    writeFileSync(join(folder, 'cache'), 'in the way')
    idleKeeper().follow(configOf())
    expect(events()).to.deep.equal(['trust-anchor-file-unreadable'])
  })

  it('manages nothing where anchors are given or nothing is validated', () => {
    idleKeeper().follow(configOf({ dnssec: { 'trust-anchors': ['. DS 7 13 2 0007'] } }))
    keeper!.follow(configOf({ dnssec: { enable: false } }))
    expect(lines).to.deep.equal([])
  })

  describe('with a server of the root zone', () => {
    const secondsNow = () => Math.floor(Date.now() / 1000)
    /** To the time at which each test begins; all tests together take minutes. */
    let shift: number
    let offset: number
    const root = new SignedZone('.', '', {
      alter: (draft) => ({
        ...draft,
        inception: draft.inception + shift + offset,
        expiration: draft.expiration + shift + offset,
      }),
    })
    const asked: string[] = []
    const server = createSocket('udp4')
    before((done) => {
      server.on('message', (packet, from) => {
        const query = readScript(packet)
        asked.push(Buffer.from(query.question!.name.subarray(1)).toString('latin1'))
        server.send(composeScript(root.answer(query)), from.port, from.address)
      })
      server.bind(0, '127.0.0.1', done)
    })
    after(() => server.close())
    beforeEach(() => {
      shift = secondsNow() - TEST_EPOCH_MS / 1000
      offset = 0
      asked.length = 0
      mkdirSync(join(folder, 'cache'))
      writeFileSync(file, composeAnchorState({ ...root.anchor(), keys: [] }))
      writeFileSync(join(folder, 'root.hints'), '. 3600 NS ns.invalid.\nns.invalid. 3600 A 127.0.0.1\n')
    })

    const labConfig = () =>
      configOf({
        options: {
          'root-hints-file': join(folder, 'root.hints'),
          'query-loopback': true,
          'upstream-port': (server.address() as AddressInfo).port,
          priming: false,
        },
      })

    function realKeeper(): void {
      const onChange = () => void changes++
      keeper = new TrustAnchorKeeper({ clock: systemClock, random: systemRandom, log: log(), onChange, firstLookMs: 0 })
      keeper.follow(labConfig())
    }

    it('finds the key its DS record is about, keeps it, and tells of the change', async () => {
      realKeeper()
      await eventually(() => changes > 0, 'the change')
      expect(lines.map(({ event, keyTag, from, to }) => ({ event, keyTag, from, to }))).to.deep.equal([
        { event: 'trust-anchor-changed', keyTag: root.key.tag, from: 'unknown', to: 'valid' },
      ])
      const { ds, keys } = parseAnchorState(readFileSync(file, 'utf8'), 0)
      expect([ds.length, keys.map(({ state }) => state)]).to.deep.equal([0, ['valid']])
      expect(keeper?.states).to.deep.equal([{ zone: '.', keyTag: root.key.tag, state: 'valid' }])
    })

    it('says so when the clock is wrong', async () => {
      offset = 86_400 + 3600 // signatures begin a day before
      const startS = secondsNow()
      realKeeper()
      await eventually(() => events().includes('clock-skew'), 'the warning')
      expect(lines.at(-1)).to.include({ reason: 'signature not yet valid', zone: '.' })
      expect(lines.at(-1)!.offBySeconds).to.be.within(3600 - (secondsNow() - startS) - 1, 3600)
      expect(changes).to.equal(0)
    })

    it('shows the states to people', async () => {
      realKeeper()
      await eventually(() => changes > 0, 'the change')
      const config = labConfig()
      const files = managedFiles(config, 0)
      const rows = anchorRows(config, files)
      expect(rows).to.have.length(1)
      expect(rows[0]).to.include({
        zone: '.',
        kind: 'DNSKEY',
        keyTag: root.key.tag,
        algorithm: 15,
        state: 'valid',
        file,
      })
      expect(anchorsText(rows, files)).to.match(/^\. DNSKEY \d+, algorithm 15: valid since 20\S+Z \(.*root\.keys\)\n$/)
    })
  })
})
