import { expect } from 'chai'
import { durationText, isWell, statusText } from '../../supervisor/commands/status.ts'
import type { Status } from '../../supervisor/manager.ts'

const worker = {
  isLooping: false,
  pid: 101,
  state: 'running',
  uptimeMs: 61_000,
  queriesPerSecond: 12_345,
  utilisation: 0.456,
  rssOctets: 98e6,
}
const status: Status = {
  version: '1.2.3',
  pid: 100,
  state: 'running',
  uptimeMs: 100_000,
  scaling: { mode: 'auto', workers: 2, min: 1, max: 4, lastDecision: '1 to 2: because' },
  keeper: { pid: 99, state: 'running', restarts: 0, uptimeMs: 99_000 },
  cache: { sizeMax: 512 * 2 ** 20, auto: true },
  workers: [
    { id: 1, ...worker, inFlight: 3, restarts: 0 },
    { id: 2, ...worker, pid: undefined, state: 'resting', uptimeMs: 0, inFlight: 0, restarts: 7 },
  ],
  leaving: 1,
  unconfirmed: false,
  needsRestart: ['user'],
}

describe('statusText', () => {
  it('shows the service at a glance', () => {
    expect(statusText(status).split('\n')).to.deep.equal([
      'bowline 1.2.3, process 100, running, up 1m 40s',
      'workers: 2 (auto, 1 to 4); last change 1 to 2: because',
      'keeper: process 99, running, up 1m 39s, 0 restarts',
      'cache: at most 512 MiB (auto)',
      '1 more finish what they have',
      'a restart of the service is needed for user',
      '',
      'worker  pid    state  uptime    qps  share  busy    rss  in flight  restarts',
      '     1  101  running   1m 1s  12345   50 %  46 %  98 MB          3         0',
      '     2    -  resting      0s  12345   50 %  46 %  98 MB          0         7',
      '',
    ])
  })

  it('is well when every worker runs', () => {
    expect(isWell(status)).to.equal(false)
    expect(isWell({ ...status, workers: status.workers.slice(0, 1) })).to.equal(true)
  })
})

describe('durationText', () => {
  it('gives the two largest units', () => {
    const texts = [0, 59_000, 60_000, 3_600_000, 90_061_000].map(durationText)
    expect(texts).to.deep.equal(['0s', '59s', '1m 0s', '1h 0m', '1d 1h'])
  })
})
