/** What does a million rules of local data cost? Time to load, memory, and time for a question: `node test/bench/local-data.ts
 *  [rules]`. Memory is that of a process without and with the rules; each worker has them for itself. */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compileRules } from '../../src/modules/local-data/compile.ts'
import type { LocalData } from '../../src/settings.ts'
import { nameFromText } from '../../src/wire/name.ts'

const WORKERS = 4
const QUESTIONS = 100_000
const ROUNDS = 20
const NO_TAGS: ReadonlySet<string> = new Set()
const MIB = 2 ** 20

const count = Number(process.argv[2] ?? 1_000_000)
if (process.argv[3] === undefined) measureAll()
else measureOne(Number(process.argv[3]))

/** Each in a process of its own, so that one's memory is not another's. */
function measureAll(): void {
  const run = (rules: number) => {
    const parameters = ['--expose-gc', fileURLToPath(import.meta.url), String(count), String(rules)]
    const { stdout, stderr, status } = spawnSync(process.execPath, parameters, { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return JSON.parse(stdout) as Record<string, number>
  }
  const [none, all] = [run(0), run(count)]
  const memory = (all.rss - none.rss) / MIB
  console.log(`${count} rules
load        ${all.loadMs.toFixed(0)} ms in each worker
memory      ${memory.toFixed(0)} MiB a worker, ${(memory * WORKERS).toFixed(0)} MiB for ${WORKERS}; names ${(all.octets / MIB).toFixed(0)} MiB
question    ${all.hitNs.toFixed(0)} ns where a rule says something, ${all.missNs.toFixed(0)} ns where none does; ${none.missNs.toFixed(0)} ns without rules`)
}

function measureOne(rules: number): void {
  const written = dataOf(rules)
  const startMs = performance.now()
  const compiled = compileRules(written)
  const loadMs = performance.now() - startMs
  written.rules.length = 0
  const step = Math.max(1, Math.floor(count / QUESTIONS))
  const hits = Array.from({ length: QUESTIONS }, (_, i) => nameFromText(`www.${nameOf((i * step) % count)}`))
  const misses = Array.from({ length: QUESTIONS }, (_, i) => nameFromText(`www.${nameOf(count + i)}`))
  const perCall = (names: Uint8Array[]) => {
    const fromMs = performance.now()
    for (let round = 0; round < ROUNDS; round++) for (const name of names) compiled.find(name, NO_TAGS)
    return ((performance.now() - fromMs) * 1e6) / (ROUNDS * names.length)
  }
  perCall(hits)
  const [hitNs, missNs] = [perCall(hits), perCall(misses)]
  globalThis.gc?.()
  const { rss } = process.memoryUsage()
  process.stdout.write(JSON.stringify({ loadMs, hitNs, missNs, octets: compiled.octets, rss }))
}

/** Of what the file says nothing is kept, here as in a worker. */
function dataOf(rules: number) {
  const text = Array.from({ length: rules }, (_, i) => `${nameOf(i)}\n`).join('')
  return {
    ttl: 300,
    nodata: true,
    addresses: {},
    'addresses-files': [],
    rules: [{ name: [], file: [{ path: 'list', text }], subtree: 'nxdomain', block: [], address: [], tags: [] }],
  } satisfies LocalData
}

function nameOf(i: number): string {
  return `host${i.toString(36)}.blocked${i % 1000}.example.net.`
}
