import { expect } from 'chai'
import { Counter, Counters } from '../../../src/metrics/counters.ts'
import { GAUGES, Gauge } from '../../../src/metrics/gauges.ts'
import { KEEPER_COUNTERS, KEEPER_GAUGES } from '../../../src/metrics/keeper.ts'
import { Histograms, histogramAt, observe, Tables } from '../../../src/metrics/tables.ts'
import { Exporter } from '../../../supervisor/metrics/exporter.ts'
import type { Snapshot } from '../../../supervisor/metrics/metric.ts'
import { OWN_COUNTERS } from '../../../supervisor/metrics/own-counters.ts'
import { sumOfWorkers, type Totals } from '../../../supervisor/sums.ts'
import { parse, total } from './scrape.ts'

function snapshot(workers: [id: number, totals: Totals][]): Snapshot {
  const totals = { workers, keeper: new Float64Array(KEEPER_COUNTERS), own: new Float64Array(OWN_COUNTERS) }
  const gauges = new Float64Array(GAUGES)
  gauges[Gauge.IN_FLIGHT_UPSTREAM] = 5
  gauges[Gauge.LOCAL_NAMES] = 9
  return {
    version: '1.2.3',
    totals,
    sum: sumOfWorkers(totals),
    workers: workers.map(([id]) => ({
      id,
      isUp: id !== 2,
      state: 'running',
      gauges,
      udp: { listener: 'libc', upstream: 'dgram: as told' },
      uptimeMs: 1000,
      queriesPerSecond: id * 100,
      lastCrashMs: undefined,
    })),
    leaving: 0,
    keeper: { isUp: true, gauges: new Float64Array(KEEPER_GAUGES) },
    startedMs: 0,
    isReady: true,
    config: { generation: 1, lastReloadWorked: true, lastReloadMs: undefined, lastReloadTookMs: 1500 },
    anchors: [1, 2, 2].map((keyTag) => ({ zone: '.', keyTag, state: 'valid' })),
    negativeAnchors: 3,
    certificates: [{ use: 'management', expiresMs: 5000 }],
    supervisor: { rssOctets: 1, cpuSeconds: 2 },
    prefill: [],
    ownOnly: false,
  }
}

function counted(count: (counters: Counters) => void, modules: Totals['modules'] = []): Totals {
  const counters = new Counters()
  count(counters)
  return { counters: counters.values, modules }
}

describe('Exporter', () => {
  const page = async (workers: [number, Totals][]) => (await new Exporter(async () => snapshot(workers)).page()).text

  it('asks once for all who ask at the same time, and again for those who come later', async () => {
    let looks = 0
    const exporter = new Exporter(async () => {
      looks++
      return snapshot([])
    })
    await Promise.all([exporter.page(), exporter.page(), exporter.page()])
    expect(looks).to.equal(1)
    await exporter.page()
    expect(looks).to.equal(2)
  })

  it('asks again after a failure', async () => {
    let looks = 0
    const exporter = new Exporter(async () => {
      if (looks++ === 0) throw new Error('once')
      return snapshot([])
    })
    await exporter.page().then(
      () => expect.fail('it worked'),
      () => {},
    )
    expect((await exporter.page()).text).to.contain('bowline_build_info{version="1.2.3"')
  })

  it('adds up over workers, and tells what is told of each apart', async () => {
    const one = counted((counters) => counters.add(Counter.UDP_ANSWERS, 3))
    const other = counted((counters) => counters.add(Counter.UDP_ANSWERS, 4))
    const series = parse(await page([[1, one], [2, other]])) // biome-ignore format: pairs
    expect(series.get('bowline_udp_answers_total')).to.equal(7)
    expect(series.get('bowline_worker_up{worker="1"}')).to.equal(1)
    expect(series.get('bowline_worker_up{worker="2"}')).to.equal(0)
    expect(series.get('bowline_inflight_upstream_queries')).to.equal(10)
    expect(series.get('bowline_worker_load_share_ratio{worker="2"}')).to.be.closeTo(2 / 3, 1e-9)
    expect(series.get('bowline_worker_udp_info{worker="1",listener="libc",upstream="dgram"}')).to.equal(1)
  })

  it('tells buckets that add up (a histogram of Prometheus is cumulative)', async () => {
    const one = counted(({ values }) => {
      for (const tookMs of [0.01, 0.2, 0.2, 40, 20_000]) observe(values, histogramAt(Histograms.REQUESTS, 4), tookMs)
    })
    const series = parse(await page([[1, one]]))
    const bucket = (le: string) => series.get(`bowline_request_duration_seconds_bucket{source="recursion",le="${le}"}`)
    expect([bucket('0.00005'), bucket('0.00025'), bucket('0.05'), bucket('10'), bucket('+Inf')]).to.deep.equal([
      1, 3, 4, 4, 5,
    ])
    expect(series.get('bowline_request_duration_seconds_sum{source="recursion"}')).to.be.closeTo(20.04041, 1e-9)
    const latency = (le: string) => series.get(`resolver_response_latency_bucket{instance_id="worker1",le="${le}"}`)
    expect([latency('0.001'), latency('0.05'), latency('1.5'), latency('+Inf')]).to.deep.equal([3, 4, 4, 5])
  })

  it('counts answers with TC from wherever they come', async () => {
    const one = counted((counters) => {
      counters.add(Counter.ANSWERS_TC, 3)
      counters.add(Counter.UDP_TOO_LONG, 2)
      counters.add(Counter.RATE_TRUNCATED)
    })
    expect(parse(await page([[1, one]])).get('bowline_truncated_total')).to.equal(6)
  })

  it('tells queries of each view apart, and leaves nothing out and counts nothing twice', async () => {
    const labels = { transport: 'udp', family: 'ipv4', view: '1' }
    const ofView = (value: number) => [{ module: 'views', metric: 'queries', help: '', labels, value }]
    const queries = (counters: Counters) => void (counters.values[Tables.QUERIES.start] += 10)
    const text = await page([[1, counted(queries, ofView(3))], [2, counted(queries, ofView(4))]]) // biome-ignore format: pairs
    const series = parse(text)
    expect(series.get('bowline_queries_total{transport="udp",family="ipv4",view="1"}')).to.equal(7)
    expect(series.get('bowline_queries_total{transport="udp",family="ipv4"}')).to.equal(13)
    expect(total(series, 'bowline_queries_total')).to.equal(20)
    expect(text).to.not.contain('bowline_module_queries_total')
  })

  it('tells how many rules there are, which all workers have, and how often they are met', async () => {
    const labels = { list: 'local-data/rules/0', action: 'nxdomain' }
    const hits = counted(() => {}, [{ module: 'rules', metric: 'hits', help: '', labels, value: 2 }])
    const series = parse(await page([[1, hits], [2, hits]])) // biome-ignore format: pairs
    expect(series.get('bowline_rule_hits_total{list="local-data/rules/0",action="nxdomain"}')).to.equal(4)
    expect(series.get('bowline_rules{list="local-data"}')).to.equal(9)
    expect(series.get('bowline_rules{list="forward"}')).to.equal(0)
  })

  it('takes what a predecessor of another version has counted as it comes', async () => {
    const { counters } = counted((counts) => counts.add(Counter.UDP_ANSWERS, 3))
    const older = { counters: counters.slice(0, 1000), modules: [] }
    const series = parse(await page([[1, older]]))
    expect(series.get('bowline_udp_answers_total')).to.equal(3)
    expect(series.get('bowline_upstream_retries_total{cause="timeout"}')).to.equal(0)
    expect(series.get('bowline_request_size_bytes_count{transport="udp"}')).to.equal(0)
    const newer = { counters: Float64Array.from([...counters, 7]), modules: [] }
    expect(parse(await page([[1, newer]])).get('bowline_udp_answers_total')).to.equal(3)
  })

  it('counts rare types together', async () => {
    const one = counted(({ values }) => {
      for (const type of [1, 28, 1, 256, 254]) values[Tables.QTYPES.start + type]++
    })
    const series = parse(await page([[1, one]]))
    expect(series.get('bowline_query_types_total{qtype="A"}')).to.equal(2)
    expect(series.get('bowline_query_types_total{qtype="other"}')).to.equal(2)
    expect(total(series, 'bowline_query_types_total')).to.equal(5)
  })

  it('tells what modules count by the name of the metric, and which module it was', async () => {
    const help = 'Questions answered with a greeting'
    const one = counted(() => {}, [{ module: 'hello', metric: 'greeted', help, value: 2 }])
    const other = counted(() => {}, [
      { module: 'hello', metric: 'greeted', help, value: 3 },
      { module: 'adieu', metric: 'greeted', help: 'Farewells', value: 1 },
    ])
    const text = await page([[1, one], [2, other]]) // biome-ignore format: pairs
    expect(text).to.contain(
      '# HELP bowline_module_greeted_total hello: Questions answered with a greeting; adieu: Farewells',
    )
    const series = parse(text)
    expect(series.get('bowline_module_greeted_total{module="hello"}')).to.equal(5)
    expect(series.get('bowline_module_greeted_total{module="adieu"}')).to.equal(1)
  })

  it('tells what the supervisor knows of configuration, trust anchors and certificates', async () => {
    const series = parse(await page([]))
    expect(series.get('bowline_config_reload_seconds')).to.equal(1.5)
    expect(series.get('bowline_trust_anchor_state{zone=".",keytag="2",state="valid"}')).to.equal(1)
    expect(series.get('bowline_nta_active')).to.equal(3)
    expect(series.get('bowline_tls_certificate_expiry_timestamp_seconds{use="management"}')).to.equal(5)
  })

  it('tells only what the supervisor knows where nobody else is asked', async () => {
    const exporter = new Exporter(async () => ({ ...snapshot([]), ownOnly: true }))
    const names = new Set([...parse((await exporter.page()).text).keys()].map((key) => key.split('{')[0]))
    expect(names).to.include('bowline_workers').and.not.include('bowline_queries_total')
    expect([...names].filter((name) => name.startsWith('resolver_'))).to.deep.equal([])
  })
})
