/** One run of fuzzing: packets from the corpus, damaged at random, checked one by one. Packets that show a new outcome
 *  join the corpus for this run, so that damage adds up along unknown paths. */

import { SeededRandom } from '../support/random.ts'
import { checkPacket } from './check-packet.ts'
import { readCorpus } from './corpus.ts'
import { mutate } from './mutate.ts'

/** Packets a run remembers besides the corpus. */
const MAX_LEARNED = 2000

export interface Crasher {
  packet: Uint8Array
  reason: string
}

export class Fuzzing {
  packets = 0
  readonly crashers: Crasher[] = []
  private readonly random: SeededRandom
  private readonly pool: Uint8Array[]
  private readonly unchecked: Uint8Array[]
  private readonly seen = new Set<string>()

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.pool = readCorpus().map(({ packet }) => packet)
    this.unchecked = this.pool.slice()
  }

  /** Different outcomes seen so far: crudely, how much of the codec was reached. */
  get outcomes(): number {
    return this.seen.size
  }

  /** The next packet: first those of the corpus, then damaged ones. check() is to follow: two calls, so that a watchdog
   *  can note what is being checked. */
  next(): Uint8Array {
    const untouched = this.unchecked.pop()
    if (untouched !== undefined) return untouched
    const { random, pool } = this
    return mutate(random.pick(pool), random.pick(pool), random)
  }

  /** Checks a packet. A crasher that fails in a new way is made as small as can be and kept. */
  check(packet: Uint8Array): void {
    this.packets++
    const outcome = outcomeOf(packet)
    if (this.seen.has(outcome)) return
    this.seen.add(outcome)
    if (outcome.startsWith(CRASH)) {
      this.crashers.push({ packet: shrink(packet, outcome), reason: outcome.slice(CRASH.length) })
    } else if (this.pool.length < MAX_LEARNED) this.pool.push(packet)
  }
}

const CRASH = 'crash: '

function outcomeOf(packet: Uint8Array): string {
  try {
    return checkPacket(packet)
  } catch (error) {
    const { message, stack } = error as Error
    const place = stack?.split('\n').find((line) => line.includes('/src/wire/'))
    return `${CRASH}${message}${place === undefined ? '' : ` ${place.trim().replace(/\(.*\/src\//, '(src/')}`}`
  }
}

/** The smallest packet with the same outcome that leaving out pieces leads to. */
function shrink(packet: Uint8Array, outcome: string): Uint8Array {
  let smallest = packet
  for (let size = smallest.length >> 1; size > 0; size >>= 1) {
    for (let start = 0; start + size <= smallest.length; ) {
      const smaller = Uint8Array.from(Buffer.concat([smallest.subarray(0, start), smallest.subarray(start + size)]))
      if (outcomeOf(smaller) === outcome) smallest = smaller
      else start += size
    }
  }
  return smallest
}
