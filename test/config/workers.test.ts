import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import { cpuAffinity, type Workers, workerCount } from '../../src/config/workers.ts'
import { configOf, machine } from './machine.ts'

describe('workers', () => {
  it('are a number, or two, or auto, in each way to write it', () => {
    const counts: [Workers, unknown][] = [
      [3, 3],
      ['auto', 'auto'],
      [
        { min: 2, max: 8 },
        { min: 2, max: 8 },
      ],
      [{ count: 3, 'cpu-affinity': 'auto' }, 3],
      [{ count: 'auto' }, 'auto'],
      [{ 'cpu-affinity': [1] }, 'auto'],
      [
        { min: 2, max: 8, 'cpu-affinity': 'auto' },
        { min: 2, max: 8 },
      ],
      [{}, 'auto'],
    ]
    for (const [workers, count] of counts)
      expect(workerCount(makeConfig({ workers }, machine).workers)).to.deep.equal(count)
  })

  it('stay on CPUs only where that is said', () => {
    expect(cpuAffinity(makeConfig({ workers: 2 }, machine).workers)).to.equal(undefined)
    expect(cpuAffinity(makeConfig({ workers: { count: 2 } }, machine).workers)).to.equal(undefined)
    expect(cpuAffinity(makeConfig({ workers: { 'cpu-affinity': [3, 1] } }, machine).workers)).to.deep.equal([3, 1])
  })

  it('are put together from several files', () => {
    const { workers } = configOf('workers: {min: 2, max: 4}\n', 'workers: {cpu-affinity: auto}\n')
    expect(workers).to.deep.equal({ min: 2, max: 4, 'cpu-affinity': 'auto' })
  })

  it('may stay on CPUs that are there, as far as that is known', () => {
    const workers = { 'cpu-affinity': [0, 5] }
    expect(() => makeConfig({ workers }, { ...machine, cpus: undefined })).to.not.throw()
    expect(() => makeConfig({ workers }, { ...machine, cpus: [0, 5] })).to.not.throw()
    expect(() => makeConfig({ workers }, { ...machine, cpus: [0, 1, 2, 3] })).to.throw(
      'workers/cpu-affinity/1: found 5; allowed: CPUs that run and that the service may use (cpuset): 0-3; ' +
        'write one of these, or auto for the whole list',
    )
  })
})
