import { expect } from 'chai'
import { cpusOfProcess } from '../../src/config/cpus.ts'
import type { Log } from '../../src/io/log.ts'
import { stayOn } from '../../workers/cpu-affinity.ts'

describe('stayOn', () => {
  function warnings(cpus: number[]): string[] {
    const said: string[] = []
    stayOn(cpus, { warning: (_: object, text: string) => said.push(text), debug: () => {} } as unknown as Log)
    return said
  }

  it('warns of CPUs that are not to be had, and leaves everything as it is', () => {
    const before = cpusOfProcess('self')
    const [said, ...more] = warnings([8191])
    expect(more).to.deep.equal([])
    expect(said).to.match(/^workers\/cpu-affinity: this worker cannot be kept on CPU 8191: .*; it runs where/)
    expect(cpusOfProcess('self')).to.deep.equal(before)
  })

  it('warns where the system does not tell which there are', () => {
    expect(warnings([])).to.have.length(1)
  })
})
