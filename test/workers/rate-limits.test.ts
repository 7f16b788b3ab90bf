import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { systemClock } from '../../src/io/clock.ts'
import { loadLibc } from '../../src/io/libc.ts'
import { createLog } from '../../src/io/log.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { ADMITTED, DROPPED } from '../../src/modules/rate-limiting/index.ts'
import { compileViews } from '../../src/modules/views/choose.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { openRateLimiter, reportLimits } from '../../workers/rate-limits.ts'
import { Service } from '../../workers/serve.ts'
import { UdpListener } from '../../workers/udp-listener.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'
import { freePort, UdpClient } from './sockets.ts'

const NOW = 1_800_000_000_000
const ADDRESS = Uint8Array.of(192, 0, 2, 9)
const log = createLog({ level: 'crit', process: 'test' })

describe('rate limits of a worker', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-limits-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function open(limits: ConfigInput['rate-limiting'], views: ConfigInput['views'] = []) {
    const config = makeConfig({ rundir: folder, views, 'rate-limiting': limits })
    return openRateLimiter(config, { views: compileViews(config.views), log })
  }
  const on = { enable: true, 'rate-limit': 1, 'instant-limit': 3, slip: 0 } as const
  function through(limiter: ReturnType<typeof open>, address = ADDRESS, destination?: Uint8Array): number {
    const packet = queryFor('example.org')
    const out = new Uint8Array(512)
    const judged = Array.from({ length: 10 }, () => limiter!.judge(packet, address, destination, NOW, out))
    return judged.filter((each) => each === ADMITTED).length
  }

  it('are off without enable', () => expect(open({})).to.equal(undefined))

  it('hold for all workers of a service together', function () {
    if (typeof loadLibc() === 'string') this.skip()
    const [one, other] = [open(on), open(on)]
    expect(through(one)).to.equal(3)
    expect(through(other)).to.equal(0)
  })

  it('begin anew with another capacity, and leave no file behind', function () {
    if (typeof loadLibc() === 'string') this.skip()
    expect(through(open(on))).to.equal(3)
    expect(through(open({ ...on, capacity: 2048 }))).to.equal(3)
    expect(readdirSync(folder)).to.deep.equal(['rate-limits-1-2048'])
  })

  it('go by the price-factor of the view', () => {
    const views = [
      { subnets: '192.0.2.0/24', 'dst-subnet': '198.51.100.1', options: { 'price-factor': 0 } },
      { subnets: '192.0.2.0/24', options: { 'price-factor': 3 } },
    ]
    const limiter = open(on, views)
    expect(through(limiter, ADDRESS, Uint8Array.of(198, 51, 100, 1))).to.equal(10)
    expect(through(limiter)).to.equal(1)
    expect(through(limiter, Uint8Array.of(203, 0, 113, 1))).to.equal(3)
  })

  it('hold for answers that are ready as for others, and show in the counters', async () => {
    const limiter = open(on)
    const counters = new Counters()
    const resolver = Object.assign(new FakeResolver(), {
      answerAtOnce(packet: Uint8Array, out: Uint8Array) {
        out.set(packet)
        out[2] |= 0x80
        return packet.length
      },
    })
    const limits = new ClientLimits(systemClock)
    const service = new Service({
      resolver,
      clock: systemClock,
      counters,
      limits,
      limiter,
      allows: () => true,
      udpSize: 1232,
    })
    const port = await freePort()
    const listener = await UdpListener.open({ address: '127.0.0.1', port, setting: 'x' }, service, counters, 'dgram')
    const client = new UdpClient(4)
    try {
      for (let id = 1; id <= 3; id++) await client.ask(queryFor('example.org', id), port, '127.0.0.1')
      const out = new Uint8Array(512)
      expect(service.judge(queryFor('example.org'), Uint8Array.of(127, 0, 0, 1), undefined, out)).to.equal(DROPPED)
      expect(counters.get(Counter.ANSWERED_AT_ONCE)).to.equal(3)
      reportLimits(limiter!, counters)
      expect(counters.get(Counter.RATE_DROPPED)).to.equal(1)
      const response = queryFor('example.org')
      response[2] |= 0x80
      expect(service.judge(response, Uint8Array.of(127, 0, 0, 1), undefined, out)).to.equal(ADMITTED) // dropped elsewhere
    } finally {
      client.close()
      listener.close()
    }
  })
})
