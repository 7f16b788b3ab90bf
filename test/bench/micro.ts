/** `npm run bench:micro [part of a name …]`: what one call of each hot function costs: CPU time, its share of collecting
 *  garbage included, and octets allocated. Compare numbers of one run only.
 *
 *  Time is the best of several rounds. Allocation is how much the heap grows over calls few enough that the collector
 *  does not come by; the script's young generation is large for that reason. */

import { CASES, type Running } from './micro-cases.ts'
import { median } from './numbers.ts'

const ROUND_MS = 200
const ROUNDS = 7
const ALLOCATION_WINDOWS = 15
/** Growth of the heap a window may cause: far less than the young generation holds. */
const WINDOW_OCTETS = 1 << 20
/** Calls before anything is measured, so that V8 has compiled what it is going to. */
const WARM_MS = 400

const wanted = process.argv.slice(2)
const cases = CASES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const width = Math.max(...cases.map(({ name }) => name.length))
console.log(`${''.padEnd(width)}  ${'ns/call'.padStart(8)}  ${'octets/call'.padStart(11)}`)
for (const { name, setUp } of cases) {
  const running = await setUp()
  try {
    const cost = await measure(running)
    const octets = Number.isNaN(cost.octets) ? '-' : cost.octets.toFixed(0)
    console.log(`${name.padEnd(width)}  ${cost.ns.toFixed(0).padStart(8)}  ${octets.padStart(11)}`)
  } finally {
    await running.close?.()
  }
}

async function measure({ run, rest }: Running): Promise<{ ns: number; octets: number }> {
  let index = 0
  const loop = (calls: number) => {
    for (const end = index + calls; index < end; index++) run(index)
  }
  let calls = 64
  const warmUntil = performance.now() + WARM_MS
  while (performance.now() < warmUntil) {
    loop(calls)
    await rest?.()
  }
  for (let ms = 0; ms < ROUND_MS / 2; calls *= 2) {
    const start = performance.now()
    loop(calls)
    ms = performance.now() - start
    await rest?.()
  }
  let ns = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    loop(calls)
    const { user, system } = process.cpuUsage(start)
    ns = Math.min(ns, ((user + system) * 1000) / calls)
    await rest?.()
  }
  return { ns, octets: await allocation(loop, rest) }
}

async function allocation(loop: (calls: number) => void, rest: Running['rest']): Promise<number> {
  if (globalThis.gc === undefined) return Number.NaN // run without --expose-gc
  let calls = 16
  let perCall = 0
  for (;;) {
    globalThis.gc()
    const before = heldOctets()
    loop(calls)
    const grown = heldOctets() - before
    await rest?.()
    perCall = Math.max(0, grown / calls)
    if (grown > WINDOW_OCTETS / 4 || calls >= 1 << 16) break
    calls *= 2
  }
  const windows: number[] = []
  for (let i = 0; i < ALLOCATION_WINDOWS; i++) {
    globalThis.gc()
    const before = heldOctets()
    loop(calls)
    windows.push((heldOctets() - before) / calls)
    await rest?.()
  }
  return Math.max(0, median(windows)) || perCall
}

/** Heap and the memory of buffers outside of it. */
function heldOctets(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
