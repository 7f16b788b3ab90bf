import { expect } from 'chai'
import { FrequentQuestions } from '../../supervisor/frequent-questions.ts'
import { ManualClock } from '../support/clock.ts'

describe('FrequentQuestions', () => {
  const one = Uint8Array.of(1)
  const two = Uint8Array.of(2)

  it('are asked for when somebody wants them, and again each minute', async () => {
    const clock = new ManualClock()
    const told = [one, two]
    const questions = new FrequentQuestions({ clock, ask: async () => told.shift() })
    await questions.renew()
    expect(questions.latest).to.equal(one)
    clock.advance(59_000)
    await Promise.resolve()
    expect(questions.latest).to.equal(one)
    clock.advance(1000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(questions.latest).to.equal(two)
    questions.close()
  })

  it('stay what they were when nobody can tell', async () => {
    const clock = new ManualClock()
    const answers: (() => Promise<Uint8Array | undefined>)[] = [
      () => Promise.reject(new Error('no worker runs')),
      async () => undefined,
      async () => new Uint8Array(),
    ]
    const questions = new FrequentQuestions({ clock, latest: one, ask: () => answers.shift()!() })
    for (let i = 0; i < 3; i++) {
      await questions.renew()
      expect(questions.latest).to.equal(one)
    }
    questions.close()
  })
})
