import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseSummary, readLatencies } from './dnsperf.ts'

/** What dnsperf 2.10 prints at the end of a run over TCP; the second average latency is that of its connections. */
const SUMMARY = `
Statistics:

  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 980 (98.99%), SERVFAIL 10 (1.01%)
  Average packet size:  request 27, response 43
  Run time (s):         2.500000
  Queries per second:   396.000000

  Average Latency (s):  0.000250 (min 0.000010, max 0.001027)
  Latency StdDev (s):   0.000079

Connection Statistics:

  Reconnections:        0

  Average Latency (s):  0.673294 (min 0.000711, max 1.024740)
`

describe('what dnsperf says', () => {
  it('is read', () => {
    expect(parseSummary(SUMMARY)).to.deep.equal({
      sent: 1000,
      completed: 990,
      lost: 10,
      seconds: 2.5,
      meanMs: 0.25,
      rcodes: { NOERROR: 980, SERVFAIL: 10 },
    })
  })

  it('is refused when it is something else', () => {
    expect(() => parseSummary('Error: nothing')).to.throw('unexpected')
  })

  it('holds the latency of each query', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bowline-bench-'))
    const path = join(folder, 'latencies')
    writeFileSync(path, `[Status] begins\n> NOERROR a.example A 0.003\n> NOERROR b.example A 0.001\n> T c.example A\n`)
    const found = await readLatencies(path)
    rmSync(folder, { recursive: true })
    expect(found).to.deep.equal({ meanMs: 2, p50Ms: 1, p99Ms: 3, p999Ms: 3, maxMs: 3, count: 2 })
  })
})
