/** `node test/bench/warm-start.ts`: what a full restart costs the cache, and what a name costs it.
 *
 *    warm start    questions by Zipf's law; the share that needs no query to other servers, before all of Bowline is stopped and
 *                  started again, and in the first ten seconds after
 *    size          each name once, an A record each; what the cache file grows by, beside what the memory of Unbound and PowerDNS
 *                  Recursor grows by */

import { createSocket } from 'node:dgram'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { nameFromText } from '../../src/wire/name.ts'
import { askService } from '../../supervisor/control/client.ts'
import type { CacheFacts } from '../../workers/messages.ts'
import { composeQuestion } from '../lab/ask.ts'
import { findPeer } from '../peers.ts'
import { type Internet, startInternet } from './internet.ts'
import { seededChance, zipf } from './numbers.ts'
import { LOAD_CORE, pause, pinSelf } from './processes.ts'
import { BOWLINE, type RunningTarget, startTarget } from './targets.ts'
import { unsignedName } from './zones.ts'

/** Questions on their way at a time. */
const WINDOW = 64
/** A question without an answer is given up after so long. */
const PATIENCE_MS = 3000
const SECONDS_AFTER = 10
const A = 1
/** How long caches are given to write down what they have learned. */
const SETTLE_MS = 1500

interface Place {
  folder: string
  internet: Internet
}

async function main(): Promise<void> {
  const count = (text: string) => {
    if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('write a whole number')
    return Number(text)
  }
  const { names, questions } = new Command()
    .description('What a full restart costs the cache, and what a name costs it.')
    .option('--names <count>', 'names that there are', count, 200_000)
    .option('--questions <count>', 'questions before the restart', count, 200_000)
    .parse()
    .opts<{ names: number; questions: number }>()
  const folder = await mkdtemp(join(tmpdir(), 'bowline-warm-'))
  await pinSelf(LOAD_CORE)
  const internet = await startInternet(folder, false)
  try {
    await measureWarmStart({ folder, internet }, names, questions)
    for (const recipe of [BOWLINE, 'unbound', 'pdns_recursor'])
      if (recipe === BOWLINE || findPeer(recipe) !== undefined) await measureSize({ folder, internet }, recipe, names)
  } finally {
    await internet.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureWarmStart({ folder, internet }: Place, names: number, questions: number): Promise<void> {
  const draw = zipf(names, seededChance(1))
  const start = () => startTarget(bowline('warm'), { folder, hints: internet.hints, anchor: undefined })
  const first = await start()
  await askAll(first.port, questions, draw)
  const before = await hitRatio(internet, first.port, 20_000, draw)
  await pause(SETTLE_MS)
  await first.daemon.stop()
  const second = await start()
  const untilMs = performance.now() + SECONDS_AFTER * 1000
  const after = await hitRatio(internet, second.port, 20_000, draw, untilMs)
  await second.daemon.stop()
  console.log(`warm start: ${percent(before)} of questions answered from the cache before a full restart,`)
  console.log(
    `            ${percent(after)} within ${SECONDS_AFTER} s after it (${questions} questions, ${names} names)`,
  )
}

async function measureSize({ folder, internet }: Place, recipe: string, names: number): Promise<void> {
  const target = recipe === BOWLINE ? bowline('size') : { name: recipe, recipe, workers: 1 }
  const running = await startTarget(target, { folder, hints: internet.hints, anchor: undefined })
  try {
    let next = 0
    await askAll(running.port, 2000, () => next++) // code is compiled, zones are known
    await pause(SETTLE_MS)
    const before = { ...(await sizeOf(running, folder)), kb: memoryKb(running) }
    await askAll(running.port, names, () => next++)
    await pause(SETTLE_MS)
    const after = { ...(await sizeOf(running, folder)), kb: memoryKb(running) }
    const each = (octets: number) => `${(octets / names).toFixed(0)} octets`
    const memory = each((after.kb - before.kb) * 1024)
    if (recipe !== BOWLINE) console.log(`size: ${recipe}: ${memory} of memory for each RRset`)
    else {
      const file = each(after.usedBytes - before.usedBytes)
      console.log(
        `size: bowline: ${file} of the cache file for each RRset (${after.entries - before.entries} entries);`,
      )
      console.log(`      memory of its processes, index of ready answers included, grew by ${memory}`)
    }
  } finally {
    await running.daemon.stop()
  }
}

function bowline(name: string) {
  return { name, recipe: BOWLINE, workers: 1 }
}

async function sizeOf(
  { recipe, name }: RunningTarget,
  folder: string,
): Promise<Pick<CacheFacts, 'usedBytes' | 'entries'>> {
  if (recipe !== BOWLINE) return { usedBytes: 0, entries: 0 }
  const socket = join(folder, name, 'run', 'control.sock')
  const { body } = await askService(socket, { method: 'GET', path: '/v1/cache/stats' })
  return body as CacheFacts
}

/** That which is not shared with others, the mapped cache left out. */
function memoryKb({ daemon }: RunningTarget): number {
  return daemon.usage().reduce((sum, { anonymousKb }) => sum + anonymousKb, 0)
}

/** The share of questions that led to no query to other servers. */
async function hitRatio(
  internet: Internet,
  port: number,
  questions: number,
  draw: () => number,
  untilMs?: number,
): Promise<number> {
  const before = (await internet.queries()) ?? Number.NaN
  const asked = await askAll(port, questions, draw, untilMs)
  return 1 - (((await internet.queries()) ?? Number.NaN) - before) / asked
}

/** Asks until there are so many answers, or it is over; gives their number. */
function askAll(
  port: number,
  questions: number,
  draw: () => number,
  untilMs = Number.POSITIVE_INFINITY,
): Promise<number> {
  const socket = createSocket('udp4')
  const waiting = new Map<number, NodeJS.Timeout>()
  let asked = 0
  let ended = 0
  return new Promise((resolve) => {
    const send = () => {
      if (asked === questions || performance.now() > untilMs) {
        if (waiting.size === 0) {
          socket.close()
          resolve(ended)
        }
        return
      }
      const id = asked++ & 0xffff
      waiting.set(id, setTimeout(end, PATIENCE_MS, id))
      socket.send(composeQuestion(id, nameFromText(unsignedName(draw())), A, { recursion: true }), port, '127.0.0.1')
    }
    const end = (id: number) => {
      const timer = waiting.get(id)
      if (timer === undefined) return
      clearTimeout(timer)
      waiting.delete(id)
      ended++
      send()
    }
    socket.on('message', (reply) => end(reply.readUInt16BE(0)))
    for (let i = 0; i < WINDOW; i++) send()
  })
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

await main()
