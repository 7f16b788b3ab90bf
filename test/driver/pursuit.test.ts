import { expect } from 'chai'
import { NOBODY, Pursuit } from '../../src/driver/pursuit.ts'
import { pursuitOf, requestFor, STILL, TIMEOUT } from '../support/stepping.ts'

describe('Pursuit', () => {
  it('is run when its request wakes, and hears what came of its query', () => {
    const heard: unknown[] = []
    const runner = {
      run: (pursuit: Pursuit) => heard.push(pursuit),
      hear: (...told: unknown[]) => heard.push(...told),
    }
    const request = requestFor('www.example.org.')
    const pursuit = new Pursuit(runner, request, undefined, () => {})
    request.hold()()
    expect(heard).to.deep.equal([pursuit])
    pursuit.hear(TIMEOUT, 0)
    expect(heard.slice(1)).to.deep.equal([pursuit, TIMEOUT, 0])
  })

  it('is filed alike for what may be identical questions', () => {
    expect(pursuitOf('www.example.org.').hash).to.equal(pursuitOf('WWW.Example.org.').hash)
    expect(pursuitOf('www.example.org.').hash).not.to.equal(pursuitOf('mail.example.org.').hash)
  })

  it('begins at the first hook, with nobody behind it', () => {
    const pursuit = new Pursuit(STILL, requestFor('www.example.org.'), undefined, () => {})
    expect([pursuit.phase, pursuit.next, pursuit.leads, pursuit.followers]).to.deep.equal(['begin', 0, false, NOBODY])
    expect(NOBODY).to.have.length(0)
  })
})
