/** The thread that fuzzes, so that the one that started it can tell when a packet makes the codec run forever. */

import { parentPort, workerData } from 'node:worker_threads'
import { Fuzzing } from './fuzz.ts'
import { packetOf, type ThreadData, wordsOf } from './watch.ts'

const { seed, untilMs, shared } = workerData as ThreadData
const words = wordsOf(shared)
const current = packetOf(shared)
const fuzzing = new Fuzzing(seed)

while (Date.now() < untilMs) {
  for (let i = 0; i < 100; i++) {
    const packet = fuzzing.next()
    current.set(packet)
    words.length = packet.length
    fuzzing.check(packet)
    words.packets = fuzzing.packets
  }
  words.outcomes = fuzzing.outcomes
  words.crashers = fuzzing.crashers.length
}
parentPort!.postMessage(fuzzing.crashers)
