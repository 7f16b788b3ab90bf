import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

describe('npm run demo -- --once', function () {
  this.timeout(60_000)

  it('shows Bowline at work, and ends', async () => {
    const demo = spawn(process.execPath, [fileURLToPath(new URL('demo.ts', import.meta.url)), '--once'])
    const [said, complained, [code]] = await Promise.all([text(demo.stdout), text(demo.stderr), once(demo, 'exit')])
    expect(code, complained).to.equal(0)
    for (const expected of [
      'IN A 198.18.0.1\n', // a plain answer
      'IN A 198.18.0.2\n', // an alias
      'NXDOMAIN',
      'over UDP: cut',
      'SERVFAIL',
      'because: ',
      'IN A 198.18.66.250\n', // no poison
    ])
      expect(said).to.include(expected)
  })
})
