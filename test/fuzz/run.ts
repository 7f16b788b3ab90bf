/** `npm run fuzz -- --seconds 30 --seed 1`: damages packets at random and watches the codec bear it. What breaks it is
 *  printed, made small and written to test/fuzz/corpus, where the tests find it from then on. */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { hex } from '../wire/octets.ts'
import { writeCrasher } from './corpus.ts'
import type { Crasher } from './fuzz.ts'
import { packetOf, sharedMemory, type ThreadData, wordsOf } from './watch.ts'

/** No packet takes longer than this on any machine; the slowest honest ones take some milliseconds. */
const HANG_MS = 10_000
const PROGRESS_MS = 2_000

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, seed: { type: 'string' } },
})
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed)
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run fuzz -- [--seconds N] [--seed N]')
  process.exit(2)
}

console.log(`fuzzing for ${seconds} s, seed ${seed}`)
const startMs = Date.now()
const shared = sharedMemory()
const words = wordsOf(shared)
const workerData: ThreadData = { seed, untilMs: startMs + seconds * 1000, shared }
const thread = new Worker(join(import.meta.dirname, 'thread.ts'), { workerData })

let packets = -1
let movedMs = startMs
const progress = setInterval(() => {
  const nowMs = Date.now()
  const { outcomes, crashers } = words
  console.log(
    `${Math.round((nowMs - startMs) / 1000)} s: ${words.packets} packets, ${outcomes} outcomes, ${crashers} crashers`,
  )
  if (words.packets !== packets) {
    packets = words.packets
    movedMs = nowMs
  } else if (nowMs - movedMs > HANG_MS) {
    finish([{ packet: packetOf(shared).slice(0, words.length), reason: 'it takes forever' }])
  }
}, PROGRESS_MS)

thread.on('message', finish)
thread.on('error', (error) => {
  console.error(error)
  process.exit(1)
})

function finish(crashers: Crasher[]): void {
  clearInterval(progress)
  for (const { packet, reason } of crashers) {
    console.log(`\n${reason}\n  ${hex(packet)}\n  written to ${writeCrasher(packet, reason)}`)
  }
  console.log(`${words.packets} packets, ${words.outcomes} outcomes, ${crashers.length} crashers`)
  process.exit(crashers.length === 0 ? 0 : 1)
}
