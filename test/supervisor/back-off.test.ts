import { expect } from 'chai'
import { BackOff } from '../../supervisor/back-off.ts'

describe('BackOff', () => {
  it('waits no time worth telling three times, then 200 ms and twice as long each time up to 30 s while what is started keeps ending', () => {
    const backOff = new BackOff()
    const delays = Array.from({ length: 13 }, () => backOff.delayMs(500))
    expect(delays).to.deep.equal([
      ...[10, 10, 10],
      ...[200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000],
    ])
  })

  it('begins anew after a stable run', () => {
    const backOff = new BackOff()
    for (let i = 0; i < 10; i++) backOff.delayMs(500)
    expect(backOff.delayMs(59_999)).to.equal(25_600)
    expect(backOff.isLooping).to.equal(true)
    expect(backOff.delayMs(60_000)).to.equal(10)
    expect(backOff.isLooping).to.equal(false)
    for (let i = 0; i < 2; i++) backOff.delayMs(0)
    expect(backOff.delayMs(0)).to.equal(200)
  })
})
