import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { freePort } from './child.ts'
import { percentile } from './keytrap.ts'

const program = fileURLToPath(new URL('keytrap.ts', import.meta.url))

describe('npm run attack', () => {
  it('measures Bowline under KeyTrap, and a client that wants none of it', async function () {
    this.timeout(30_000)
    if ((await freePort(53)) !== 53) this.skip() // the daemon asks port 53
    const parameters = ['--resolvers', 'bowline', '--attacks', 'key-trap', '--seconds', '0.3']
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...parameters])
    expect(stdout).to.match(/^key-trap +\d+ +SERVFAIL +\d+ \/ \d+ +[\d.]+ +[\d.]+ \/ [\d.]+ \/ [\d.]+ +[\d.]+ \/ /m)
  })

  it('finds percentiles', () => {
    const sorted = Array.from({ length: 100 }, (_, index) => index)
    expect([0.5, 0.99, 1].map((share) => percentile(sorted, share))).to.deep.equal([50, 99, 99])
  })
})
