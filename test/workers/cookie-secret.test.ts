import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { cookieSecret } from '../../workers/cookie-secret.ts'
import { SeededRandom } from '../support/random.ts'

describe('cookieSecret', () => {
  it('is made once, for its owner alone, and is the same from then on', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bowline-secret-'))
    try {
      const secret = cookieSecret(folder, new SeededRandom(1))
      expect(secret).to.match(/^[0-9a-f]{64}$/)
      expect(cookieSecret(folder, new SeededRandom(2))).to.equal(secret)
      expect(readdirSync(folder)).to.deep.equal(['cookie.secret'])
      expect(statSync(join(folder, 'cookie.secret')).mode & 0o777).to.equal(0o600)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
