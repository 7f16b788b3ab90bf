/** Our own scenario files, in the format of the public suites. */

import { relative } from 'node:path'
import { expect } from 'chai'
import { findScenarios, OWN_SCENARIOS, playFile } from '../play.ts'

describe('own scenario files', () => {
  for (const path of findScenarios(OWN_SCENARIOS)) {
    it(relative(OWN_SCENARIOS, path), async () => {
      const { verdict, reason } = await playFile(path)
      expect(verdict, reason).to.equal('pass')
    })
  }
})
