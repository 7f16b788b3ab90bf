/** What is asked in each workload, and how often. All targets are asked the same questions in the same order. */

import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { seededChance, zipf } from './numbers.ts'
import { NAMES_PER_SIGNED_ZONE, SIGNED_ZONES, signedName, UNSIGNED_ZONES, unsignedName } from './zones.ts'

export interface Plan {
  rounds: number
  /** Of a round's run under full load, and of the one at a fixed rate; 0: no such run. */
  seconds: number
  latencySeconds: number
}

/** Files of questions. */
export interface Questions {
  /** Asked once before anything is measured. */
  warm: string
  rounds: { load: string; latency: string }[]
}

export interface Workload {
  name: string
  what: string
  signed: boolean
  protocol: 'udp' | 'tcp'
  /** Each question of a round once; else over and over until the time is up. */
  once: boolean
  /** Whether a constant answer says anything here, and whether Bowline is also measured with more workers. */
  withFloor: boolean
  withMoreWorkers: boolean
  /** Queries a second where latency is measured; `half` of what the target has just answered under full load. */
  rate: number | 'half'
  prepare(folder: string, plan: Plan): Promise<Questions>
}

const CACHED_NAMES = 20_000
const ZIPF_NAMES = 1_000_000
const ZIPF_WARM = 50_000
/** A round of `zipf` has as many questions for each second asked for: the same for all, as what it leaves in the cache
 *  decides what the next round finds there. */
const ZIPF_PER_SECOND = 40_000
/** Queries a second, far below what any target can do. */
const CALM_RATE = 1000
const CALM_SIGNED_RATE = 500
/** More new names in a second no target gets through. */
const MISSES_PER_SECOND = 60_000

async function prepareCached(folder: string, { rounds }: Plan): Promise<Questions> {
  const all = await questionFile(folder, 'cached', CACHED_NAMES, unsignedName)
  return { warm: all, rounds: Array.from({ length: rounds }, () => ({ load: all, latency: all })) }
}

export const WORKLOADS: Workload[] = [
  {
    name: 'cached',
    what: `UDP, ${CACHED_NAMES} names, all in the cache`,
    signed: false,
    protocol: 'udp',
    once: false,
    withFloor: true,
    withMoreWorkers: true,
    rate: 'half',
    prepare: prepareCached,
  },
  {
    name: 'tcp',
    what: `TCP, many queries on each of 32 connections, ${CACHED_NAMES} names, all in the cache`,
    signed: false,
    protocol: 'tcp',
    once: false,
    withFloor: false,
    withMoreWorkers: false,
    rate: 'half',
    prepare: prepareCached,
  },
  {
    name: 'zipf',
    what: `UDP, ${ZIPF_NAMES} names by Zipf's law, of which the first ${ZIPF_WARM} questions have been asked`,
    signed: false,
    protocol: 'udp',
    once: true,
    withFloor: false,
    withMoreWorkers: false,
    rate: CALM_RATE,
    async prepare(folder, { rounds, seconds, latencySeconds }) {
      const draw = zipf(ZIPF_NAMES, seededChance(1))
      return inTurn(folder, () => unsignedName(draw()), {
        warm: ZIPF_WARM,
        rounds,
        load: ZIPF_PER_SECOND * seconds,
        latency: CALM_RATE * latencySeconds,
      })
    },
  },
  {
    name: 'miss',
    what: 'UDP, each name new, unsigned: one query upstream each',
    signed: false,
    protocol: 'udp',
    once: true,
    withFloor: false,
    withMoreWorkers: false,
    rate: CALM_RATE,
    async prepare(folder, { rounds, seconds, latencySeconds }) {
      let next = 0
      return inTurn(folder, () => unsignedName(next++), {
        warm: UNSIGNED_ZONES, // the delegations
        rounds,
        load: MISSES_PER_SECOND * seconds,
        latency: CALM_RATE * latencySeconds,
      })
    },
  },
  {
    name: 'miss-signed',
    what: 'UDP, each name new, signed with ECDSA P-256 and validated: one query upstream and one signature each',
    signed: true,
    protocol: 'udp',
    once: true,
    withFloor: false,
    withMoreWorkers: false,
    rate: CALM_SIGNED_RATE,
    async prepare(folder, { rounds, latencySeconds }) {
      let next = 0
      const quiet = CALM_SIGNED_RATE * latencySeconds
      const share = Math.floor((SIGNED_ZONES * NAMES_PER_SIGNED_ZONE - SIGNED_ZONES) / rounds) - quiet
      if (share <= 0) throw new Error('too many rounds for the number of signed names')
      return inTurn(folder, () => signedName(next++), {
        warm: SIGNED_ZONES, // delegations and keys
        rounds,
        load: share,
        latency: quiet,
      })
    },
  },
]

async function questionFile(
  folder: string,
  name: string,
  count: number,
  qname: (index: number) => string,
): Promise<string> {
  const path = join(folder, `${name}.questions`)
  const lines = function* () {
    for (let written = 0; written < count; ) {
      let chunk = ''
      for (let i = 0; i < 1000 && written < count; i++) chunk += `${qname(written++)} A\n`
      yield chunk
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path))
  return path
}

/** So many questions for each part, one part after the other: each takes up the row of names where the last left it. */
async function inTurn(
  folder: string,
  nextName: () => string,
  counts: { warm: number; rounds: number; load: number; latency: number },
): Promise<Questions> {
  const write = (name: string, count: number) => questionFile(folder, name, count, nextName)
  const questions: Questions = { warm: await write('warm', counts.warm), rounds: [] }
  for (let round = 0; round < counts.rounds; round++)
    questions.rounds.push({
      load: await write(`load-${round}`, counts.load),
      latency: await write(`latency-${round}`, counts.latency),
    })
  return questions
}
