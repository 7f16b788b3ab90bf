import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { usableMemory } from '../../src/config/control-groups.ts'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { parseReply } from '../../src/wire/message.ts'
import { Flag, Rcode } from '../../src/wire/types.ts'
import { Prefill } from '../../supervisor/prefill.ts'
import type { PrefillOutcome, StartPrefill } from '../../workers/messages.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'
import { WholeZone } from '../support/whole-zone.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service, settingsOf } from './service.ts'

const filled: PrefillOutcome = {
  kind: 'prefilled',
  serial: 7,
  records: 20,
  signatures: 9,
  digest: 'verified',
  written: 15,
  unchanged: 0,
  removed: 0,
  tookMs: 12,
}
const MINUTE = 60_000
const HOUR = 60 * MINUTE

class FakeProcess extends EventEmitter {
  readonly stderr = Object.assign(new EventEmitter(), { setEncoding: () => this.stderr })
  told: StartPrefill | undefined
  killed: string | undefined

  send(message: StartPrefill): void {
    this.told = message
  }

  kill(signal: string): void {
    this.killed = signal
  }

  says(outcome: PrefillOutcome): void {
    this.emit('message', outcome)
    this.emit('close', 0, null)
  }
}

describe('when zones are taken into the cache', () => {
  let clock: ManualClock
  let made: FakeProcess[]
  let logged: { level: string; event: string; reason?: string }[]
  let prefill: Prefill

  beforeEach(() => {
    clock = new ManualClock()
    made = []
    logged = []
    const note = (level: string) => (fields: { event: string }) => void logged.push({ level, ...fields })
    prefill = new Prefill({
      clock,
      random: new SeededRandom(3),
      log: { notice: note('notice'), warning: note('warning') } as never,
      start: () => {
        made.push(new FakeProcess())
        return made.at(-1) as unknown as ChildProcess
      },
    })
  })

  const follow = (...zones: NonNullable<NonNullable<ConfigInput['cache']>['prefill']>) =>
    prefill.follow(makeConfig({ rundir: '/run/test', cache: { prefill: zones } }))
  const root = { origin: '.', url: 'axfr://192.0.2.1', 'refresh-interval': '1h' }
  const last = () => made.at(-1)!

  it('is at the start, and then an interval later or a little earlier', () => {
    follow(root)
    clock.advance(1000)
    expect(made).to.have.length(1)
    expect(last().told).to.include({ kind: 'start', socketPath: '/run/test/keeper.sock' })
    expect(last().told?.zone).to.deep.equal({ origin: '.', url: 'axfr://192.0.2.1', 'refresh-interval': 3600 })
    expect(prefill.facts()[0].state).to.equal('fetching')
    last().says(filled)
    const { kind: _, ...outcome } = filled as PrefillOutcome & { kind: 'prefilled' }
    expect(prefill.facts()[0]).to.include({ state: 'filled', filledMs: clock.wallMs(), successes: 1, failures: 0 })
    expect(prefill.facts()[0].last).to.deep.equal(outcome)
    expect(logged).to.deep.equal([{ level: 'notice', event: 'prefilled', origin: '.', url: root.url, ...outcome }])
    clock.advance(0.9 * HOUR - MINUTE)
    expect(made).to.have.length(1)
    clock.advance(0.1 * HOUR + MINUTE)
    expect(made).to.have.length(2)
  })

  it('is again when what the parent says of the zone has ended', () => {
    follow({ ...root, origin: 'se' })
    clock.advance(1000)
    last().says({ ...filled, leaseMs: 10 * MINUTE } as PrefillOutcome)
    clock.advance(10 * MINUTE)
    expect(made).to.have.length(1)
    clock.advance(1000)
    expect(made).to.have.length(2)
    last().says({ ...filled, leaseMs: 5 } as PrefillOutcome)
    clock.advance(MINUTE - 1)
    expect(made).to.have.length(2)
    clock.advance(1)
    expect(made).to.have.length(3)
  })

  it('is again after a failure, later each time, and never later than the interval', () => {
    follow(root)
    clock.advance(1000)
    for (const seconds of [30, 60, 120, 240]) {
      last().says({ kind: 'not-prefilled', reason: 'ZONEMD: the digest is another' })
      const { length } = made
      clock.advance(seconds * 0.9 * 1000 - 1)
      expect(made).to.have.length(length)
      clock.advance(seconds * 0.1 * 1000 + 1)
      expect(made).to.have.length(length + 1)
    }
    expect(prefill.facts()[0]).to.include({ state: 'fetching', reason: 'ZONEMD: the digest is another', failures: 4 })
    expect(logged[0]).to.include({ level: 'warning', event: 'prefill-failed', reason: 'ZONEMD: the digest is another' })
    for (let i = 0; i < 20; i++) {
      last().says({ kind: 'not-prefilled', reason: 'no' })
      clock.advance(HOUR)
    }
    expect(made.length).to.equal(25)
    last().says(filled)
    expect(prefill.facts()[0].reason).to.equal(undefined)
    expect(prefill.counters().map(({ labels, value }) => [labels.origin, labels.result, value])).to.deep.equal([
      ['.', 'filled', 1],
      ['.', 'failed', 24],
    ])
  })

  it('counts a process that ends without a word as a failure, and tells what it said last', () => {
    follow(root)
    clock.advance(1000)
    last().stderr.emit('data', 'out of memory')
    last().emit('close', null, 'SIGABRT')
    expect(prefill.facts()[0]).to.include({ state: 'failed', reason: 'its process ended (SIGABRT) out of memory' })
  })

  it('ends a process that never comes to an end', () => {
    follow(root)
    clock.advance(1000)
    clock.advance(20 * MINUTE)
    expect(last().killed).to.equal('SIGKILL')
  })

  it('is again when what was there has been cleared', () => {
    follow(root, { origin: 'se', url: 'se.zone' })
    clock.advance(1000)
    for (const process of made) process.says(filled)
    prefill.cleared('www.se')
    clock.advance(1000)
    expect(made).to.have.length(2)
    prefill.cleared('se')
    clock.advance(1000)
    expect(made).to.have.length(3)
    last().says(filled)
    prefill.cleared('.')
    clock.advance(1000)
    expect(made).to.have.length(5)
    prefill.cleared('se') // while it is under way
    for (const process of made.slice(3)) process.says(filled)
    clock.advance(1000)
    expect(made).to.have.length(6)
    expect(last().told?.zone.origin).to.equal('se')
  })

  it('follows a changed configuration', () => {
    follow(root)
    clock.advance(1000)
    last().says(filled)
    follow(root)
    clock.advance(1000)
    expect(made).to.have.length(1)
    follow({ ...root, url: 'axfr://192.0.2.2' })
    clock.advance(1000)
    expect(last().told?.zone.url).to.equal('axfr://192.0.2.2')
    follow()
    expect(last().killed).to.equal('SIGKILL')
    expect(prefill.facts()).to.deep.equal([])
    clock.advance(HOUR)
    expect(made).to.have.length(2)
  })
})

describe('a service with a copy of the root zone', function () {
  this.timeout(30_000)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const BODY = `
. 86400 IN SOA a.root. admin.root. 7 3600 600 86400 3600
. 86400 IN NS a.root.
a.root. 86400 IN A 127.9.9.9
com. 7200 IN NS ns.com.
ns.com. 7200 IN A 127.9.9.8
`
  let folder: string
  let service: Service
  let port: number
  const zone = new WholeZone('.', BODY, { nowSeconds })

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-prefill-'))
    const file = join(folder, 'root.zone')
    writeFileSync(file, zone.text)
    port = await freePort()
    writeFileSync(join(folder, 'root.hints'), '. 60 NS a.root.\na.root. 60 A 127.9.9.9\n')
    service = new Service({
      port,
      real: true,
      workers: 1,
      withFile: true,
      settings: settingsFor(file),
    })
    await service.says('started')
  })
  after(async () => {
    await service?.clean()
    rmSync(folder, { recursive: true })
  })

  /** Nobody is at the address of the root server. */
  function settingsFor(file: string): ConfigInput {
    return {
      cache: { storage: join(folder, 'cache'), 'size-max': 'auto', prefill: [{ origin: '.', url: file }] },
      options: { 'query-loopback': true, priming: false, 'root-hints-file': join(folder, 'root.hints') },
      dnssec: { 'trust-anchors': [zone.dsText()] },
    }
  }

  async function ask(name: string) {
    const client = new UdpClient()
    try {
      const query = queryFor(name, 7)
      query[3] |= Flag.AD
      return parseReply((await client.ask(query, port, '127.0.0.1', 5000)).message)
    } finally {
      client.close()
    }
  }
  /** A worker sees what others have stored after a second at the latest. */
  async function denied(name: string): Promise<void> {
    for (let tries = 0; (await ask(name)).rcode !== Rcode.NXDOMAIN; tries++) if (tries > 20) throw new Error(`${name}?`)
  }
  const stats = async () => (await bowline('cache', 'stats', '-s', service.socket)).stdout

  it('denies what does not exist without asking anybody', async () => {
    await service.says('prefilled')
    await denied('www.nothing')
    const reply = await ask('other.nothing')
    expect(reply.rcode).to.equal(Rcode.NXDOMAIN)
    expect(reply.flags & Flag.AD).to.equal(Flag.AD)
  })

  it('tells of it', async () => {
    expect(await stats()).to.match(/^prefill {3}\. filled; serial 7, \d+ records, at 20/m)
    const { stdout } = await bowline('counters', '-s', service.socket)
    expect(stdout).to.match(/bowline_prefill_total\S* +1/)
  })

  it('tells how large its cache may be, which was left to it', async () => {
    const { sizeMax } = (await service.says('cache-size')) as unknown as { sizeMax: number }
    expect(sizeMax).to.equal(Math.floor(usableMemory() / 2))
    const { stdout } = await bowline('status', '-s', service.socket)
    expect(stdout).to.include(`cache: at most ${(sizeMax / 2 ** 20).toFixed(0)} MiB (auto)`)
  })

  it('has it again after the cache was cleared', async () => {
    const before = service.lines.filter(({ event }) => event === 'prefilled').length
    await bowline('cache', 'clear', '-s', service.socket)
    await eventually(() => service.lines.filter(({ event }) => event === 'prefilled').length > before, 'the zone')
    await denied('third.nothing')
  })

  it('keeps it when the next copy is forged', async () => {
    const forged = join(folder, 'forged.zone')
    const other = new WholeZone('.', BODY.replace('7 3600', '8 3600'), { nowSeconds })
    writeFileSync(forged, other.text.replace('127.9.9.8', '127.9.9.7'))
    service.write(settingsOf({ port, workers: 1, settings: settingsFor(forged) }, service.rundir))
    expect((await bowline('reload', '-s', service.socket)).code).to.equal(0)
    const line = (await service.says('prefill-failed')) as unknown as { reason: string }
    expect(line.reason).to.equal('ZONEMD: the digest is another')
    expect((await ask('fourth.nothing')).rcode).to.equal(Rcode.NXDOMAIN)
    expect(await stats()).to.include('. failed; ZONEMD: the digest is another')
  })
})
