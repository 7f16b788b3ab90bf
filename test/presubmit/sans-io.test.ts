/** Outside src/io nothing in src opens a socket, reads a clock or draws a random number: all that is handed in, which is
 *  why any resolution can be replayed in a test. */

import { expect } from 'chai'
import { importsOf, lineOf, sources } from './sources.ts'

/** Modules of Node that touch the machine, and the files that may use them nevertheless. */
const MACHINE: Record<string, RegExp> = {
  'node:net': /^src\/cache\/keeper-[a-z-]+\.ts$/, // the way to the keeper, a unix socket
  'node:dgram': /^$/,
  'node:dns': /^$/,
  'node:dns/promises': /^$/,
  'node:http': /^$/,
  'node:http2': /^$/,
  'node:https': /^$/,
  'node:tls': /^$/,
  'node:timers': /^$/,
  'node:timers/promises': /^$/,
  'node:perf_hooks': /^$/,
  'node:child_process': /^$/,
  'node:cluster': /^$/,
  'node:worker_threads': /^$/,
  'node:inspector': /^$/,
  // Configuration and the cache are files.
  'node:fs': /^src\/(config|cache)\/|^src\/((settings|policy|servers)-from-config|anchor-files)\.ts$/,
  'node:fs/promises': /^src\/(config|cache)\//,
  'node:os': /^src\/config\//,
}

/** What a pure function has no use for. */
const FORBIDDEN: [RegExp, string][] = [
  [
    /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.(hrtime|uptime)\b|\bTemporal\.Now\b/,
    'reads a clock',
  ],
  [/\bset(Timeout|Interval|Immediate)\b|\bprocess\.nextTick\b|\bAtomics\.wait/, 'sets a timer'],
  [/\bMath\.random\b|\brandom(Bytes|Int|UUID|Fill|FillSync)\b|\bgetRandomValues\b/, 'draws a random number'],
  [/\bfetch\(|\bnew WebSocket\b|\bprocess\.binding\b/, 'reaches for the network'],
]

describe('src outside src/io', () => {
  const files = sources('src').filter(({ path }) => !path.startsWith('src/io/'))

  it('is seen by this test', () => expect(files.length).to.be.greaterThan(20))

  it('imports nothing that touches the machine', () => {
    const found = files.flatMap((source) =>
      importsOf(source)
        .filter(({ target }) => {
          const allowed = MACHINE[target.startsWith('node:') ? target : `node:${target}`]
          return allowed !== undefined && !allowed.test(source.path)
        })
        .map(({ target, line }) => `${source.path}:${line} imports ${target}`),
    )
    expect(found).to.deep.equal([])
  })

  for (const [pattern, deed] of FORBIDDEN) {
    it(`nowhere ${deed}`, () => {
      const found = files.flatMap(({ path, code }) =>
        [...code.matchAll(new RegExp(pattern, 'g'))].map((match) => `${path}:${lineOf(code, match.index)} ${match[0]}`),
      )
      expect(found).to.deep.equal([])
    })
  }
})

describe('src, workers and supervisor', () => {
  it('never use Math.random: whatever is worth guessing comes from the system (RFC 5452 §9.2)', () => {
    const found = sources('src', 'workers', 'supervisor').flatMap(({ path, code }) =>
      [...code.matchAll(/\bMath\.random\b/g)].map((match) => `${path}:${lineOf(code, match.index)}`),
    )
    expect(found).to.deep.equal([])
  })
})
