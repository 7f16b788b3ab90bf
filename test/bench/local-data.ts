/** What does a million rules of local data cost? Time to load, memory, and time for a question: `node test/bench/local-data.ts
 *  [rules] [names|hosts]`. Memory is what processes have beyond one without rules, shared pages divided by those who share
 *  them (PSS). */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openRules } from '../../src/modules/local-data/shared-copy.ts'
import type { ListFile, LocalData } from '../../src/settings.ts'
import { nameFromText } from '../../src/wire/name.ts'

const WORKERS = 4
const QUESTIONS = 100_000
const ROUNDS = 20
const NO_TAGS: ReadonlySet<string> = new Set()
const KIB = 2 ** 10
const MIB = 2 ** 20

const [countText = '1000000', style = 'names', list, folder] = process.argv.slice(2)
const count = Number(countText)
if (list === undefined) await measureAll()
else await measureOne(list, folder)

interface Figures {
  loadMs: number
  hitNs: number
  missNs: number
  octets: number
  copy: string
}

async function measureAll(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'local-data-'))
  try {
    const list = join(scratch, 'list')
    writeFileSync(list, Array.from({ length: count }, (_, i) => lineOf(i)).join(''))
    const none = await crew(1, [list])
    const noneOfFour = await crew(WORKERS, [list])
    const alone = await crew(1, [list, join(scratch, 'alone')])
    const four = await crew(WORKERS, [list, join(scratch, 'four')])
    const [first] = alone.figures
    const found = four.figures.slice(1)
    const mib = (octets: number) => `${(octets / MIB).toFixed(0)} MiB`
    console.log(`${count} rules (${style})
load        ${first.loadMs.toFixed(0)} ms in the first worker, ${found.map(({ loadMs }) => loadMs.toFixed(0)).join(', ')} ms in the others (${found[0].copy})
memory      ${mib(alone.pss - none.pss)} for 1 worker, ${mib(four.pss - noneOfFour.pss)} for ${WORKERS}; names and data ${mib(first.octets)}
question    ${first.hitNs.toFixed(0)} ns where a rule says something, ${first.missNs.toFixed(0)} ns where none does; ${none.figures[0].missNs.toFixed(0)} ns without rules`)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** So many processes, one started after the other, and what memory they have when all are there. */
async function crew(size: number, paths: string[]) {
  const members = []
  const figures: Figures[] = []
  for (let i = 0; i < size; i++) {
    const member = fork(fileURLToPath(import.meta.url), [countText, style, ...paths], { execArgv: ['--expose-gc'] })
    members.push(member)
    const [told] = await once(member, 'message')
    figures.push(told as Figures)
  }
  let pss = 0
  for (const { pid } of members) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) * KIB
  }
  for (const member of members) member.disconnect()
  return { figures, pss }
}

/** Without `folder`, without rules. */
async function measureOne(path: string, folder: string | undefined): Promise<void> {
  const data = folder === undefined ? dataOf() : dataOf({ path, read: () => readFileSync(path) })
  const startMs = performance.now()
  const { rules, copy } = openRules(data, folder, console.error)
  const loadMs = performance.now() - startMs
  const step = Math.max(1, Math.floor(count / QUESTIONS))
  const before = style === 'names' ? 'www.' : ''
  const hits = Array.from({ length: QUESTIONS }, (_, i) => nameFromText(before + nameOf((i * step) % count)))
  const misses = Array.from({ length: QUESTIONS }, (_, i) => nameFromText(before + nameOf(count + i)))
  const perCall = (names: Uint8Array[]) => {
    const fromMs = performance.now()
    for (let round = 0; round < ROUNDS; round++) for (const name of names) rules.find(name, NO_TAGS)
    return ((performance.now() - fromMs) * 1e6) / (ROUNDS * names.length)
  }
  perCall(hits)
  const [hitNs, missNs] = [perCall(hits), perCall(misses)]
  globalThis.gc?.()
  process.send?.({ loadMs, hitNs, missNs, octets: rules.octets, copy } satisfies Figures)
  await once(process, 'disconnect')
}

function dataOf(list?: ListFile): LocalData {
  const file = list === undefined ? [] : [list]
  const rule = { name: [], file, block: [], address: [], tags: [] }
  return {
    ttl: 300,
    nodata: true,
    addresses: {},
    'addresses-files': [],
    rules: [style === 'names' ? { ...rule, subtree: 'nxdomain' } : rule],
  }
}

function lineOf(i: number): string {
  return style === 'names' ? `${nameOf(i)}\n` : `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255} ${nameOf(i)}\n`
}

function nameOf(i: number): string {
  return `host${i.toString(36)}.blocked${i % 1000}.example.net.`
}
