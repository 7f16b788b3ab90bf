import { expect } from 'chai'
import fc from 'fast-check'
import { labelsToReveal, MAX_MINIMISED_QUERIES, ONE_LABEL_STEPS } from '../../src/layers/minimise.ts'
import { nameFromText } from '../../src/wire/name.ts'

/** The label counts shown, one query after another, as if no cut were found on the way. */
function steps(text: string): number[] {
  const name = nameFromText(text)
  const shown: number[] = []
  for (let revealed = 0; ; ) {
    revealed = labelsToReveal(name, revealed, shown.length)
    shown.push(revealed)
    if (revealed === text.split('.').length) return shown
  }
}

describe('labelsToReveal (RFC 9156 §2.3)', () => {
  it('adds one label at a time to a short name', () => {
    expect(steps('www.example.org')).to.deep.equal([1, 2, 3])
  })

  it('shares out the labels of a long name after the first four', () => {
    const long = Array.from({ length: 34 }, (_, i) => `l${i}`).join('.')
    const shown = steps(long)
    expect(shown.slice(0, ONE_LABEL_STEPS)).to.deep.equal([1, 2, 3, 4])
    expect(shown.length).to.be.at.most(MAX_MINIMISED_QUERIES + 1)
    expect(shown.at(-1)).to.equal(34)
  })

  it('steps over labels that begin with an underscore', () => {
    expect(steps('_25._tcp.mail.example.org')).to.deep.equal([1, 2, 3, 5])
  })

  it('always shows more than before, never more than all, and ends', () => {
    const label = fc.stringMatching(/^[a-z_][a-z0-9]{0,5}$/)
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 36 }), (labels) => {
        const shown = steps(labels.join('.'))
        expect(shown.every((count, i) => count > (shown[i - 1] ?? 0))).to.equal(true)
        expect(shown.length).to.be.at.most(MAX_MINIMISED_QUERIES + 1)
      }),
    )
  })
})
