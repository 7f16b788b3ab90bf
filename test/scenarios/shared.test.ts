/** The scenarios of the public suites (Deckard, Knot Resolver), each against Bowline in virtual time. */

import { relative } from 'node:path'
import { expect } from 'chai'
import { EXPECTATIONS } from './expectations.ts'
import { findScenarios, playFile, sharedScenarios } from './play.ts'

describe('shared scenarios', () => {
  const folder = sharedScenarios()
  if (folder === undefined) {
    it('are there', function () {
      const message = 'no folder of shared scenarios; BOWLINE_SCENARIOS may name one'
      if (process.env.CI === 'true') throw new Error(message)
      console.log(`      skipped: ${message}`)
      this.skip()
    })
    return
  }
  for (const path of findScenarios(folder)) {
    const name = relative(folder, path)
    const expected = EXPECTATIONS[name]
    it(expected ? `${name} (${expected.verdict}: ${expected.reason})` : name, async function () {
      const { verdict, reason } = await playFile(path)
      if (verdict === 'unsupported' && !expected) {
        console.log(`      skipped: ${reason}`)
        this.skip()
      }
      expect(verdict, reason || 'plays better than test/scenarios/expectations.ts says').to.equal(
        expected?.verdict ?? 'pass',
      )
    })
  }
  it('has an expectation only for files that exist', () => {
    const names = findScenarios(folder).map((path) => relative(folder, path))
    expect(Object.keys(EXPECTATIONS).filter((name) => !names.includes(name))).to.deep.equal([])
  })
})
