import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { metricsManual } from '../../../supervisor/metrics/manual.ts'
import { METRICS } from '../../../supervisor/metrics/metrics.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

describe('the metrics', () => {
  it('are each defined once', () => {
    const names = METRICS.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).to.deep.equal([])
  })

  it('say in their names what they are', () => {
    for (const { name, type } of METRICS) {
      expect(name).to.match(/^(bowline|resolver)_[a-z0-9_]+$/)
      expect(name.endsWith('_total'), name).to.equal(type === 'counter')
    }
  })

  it('each have a help of one sentence, without a full stop, as Prometheus shows it', () => {
    for (const { name, help } of METRICS) expect(help, name).to.match(/^[A-Z0-9].{9,}[^.\s]$/)
  })

  it('are all in docs/metrics.md, which `npm run docs:metrics` makes', () => {
    expect(read('docs/metrics.md')).to.equal(metricsManual())
  })

  for (const path of ['deploy/prometheus/bowline.rules.yml', 'deploy/grafana/bowline.json'])
    it(`exist if ${path} reads them`, () => {
      const known = METRICS.flatMap(({ name, type }) =>
        type === 'histogram' ? [name, ...['bucket', 'sum', 'count'].map((part) => `${name}_${part}`)] : [name],
      )
      const used = [...new Set(read(path).match(/\b(bowline|resolver)_[a-z0-9_]+/g))]
      expect(used).to.not.be.empty
      expect(used.filter((name) => !known.includes(name))).to.deep.equal([])
    })
})
