/** The way of a query through a worker, gone many times before the first client's: code that has never run is slow, and those
 *  who happen to meet a new worker first would wait for it, twenty milliseconds and more. Played with a cache of its own,
 *  at an address nobody knows, by all that clients will meet but for LMDB. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Cache } from '../src/cache/cache.ts'
import { MemoryStore } from '../src/cache/memory-store.ts'
import { Rank } from '../src/cache/rank.ts'
import { chooseUdpKind } from '../src/io/batched-udp-open.ts'
import { systemClock } from '../src/io/clock.ts'
import type { Transport } from '../src/io/interfaces.ts'
import { systemRandom } from '../src/io/random.ts'
import { Counters } from '../src/metrics/counters.ts'
import { startModules } from '../src/modules/index.ts'
import { COMMON_POLICY } from '../src/modules/views/policies.ts'
import { Core } from '../src/resolve.ts'
import { defaultSettings } from '../src/settings.ts'
import { nameFromText } from '../src/wire/name.ts'
import { rrset } from '../src/wire/rrset.ts'
import { Class, Type } from '../src/wire/types.ts'
import { AnswerIndex } from './answer-index.ts'
import { ClientLimits } from './client-limits.ts'
import { Service } from './serve.ts'
import { UdpListener } from './udp-listener.ts'

/** Names; of each, the first answer comes from the cache, and the others from the index of ready answers. */
const NAMES = 200
const ROUNDS = 5
/** As many as a worker finds in one batch when it is busy. */
const AT_ONCE = 50
/** It has to end even if something is lost. */
const MAX_MS = 300

/** Resolves with the number of answers. Never rejects. */
export async function rehearse(): Promise<number> {
  const theatre = makeTheatre()
  const client = createSocket('udp4')
  const { kind } = chooseUdpKind()
  try {
    const point = { address: '127.0.0.1', port: 0, setting: '' }
    const listener = await UdpListener.open(point, theatre.service, new Counters(), kind)
    client.connect(listener.port, '127.0.0.1')
    await once(client, 'connect')
    const answers = await play(client)
    listener.close()
    return answers
  } catch {
    return 0 // clients will see to it
  } finally {
    client.close()
    theatre.close()
  }
}

function play(client: Socket): Promise<number> {
  const queries = Array.from({ length: NAMES }, (_, i) => queryFor(i))
  let sent = 0
  let answered = 0
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      resolve(answered)
    }
    const timer = setTimeout(end, MAX_MS)
    const send = () => {
      for (let i = 0; i < AT_ONCE; i++) client.send(queries[sent++ % NAMES])
    }
    client.on('message', () => {
      if (++answered === NAMES * ROUNDS) end()
      else if (answered === sent) send()
    })
    send()
  })
}

function makeTheatre(): { service: Service; close(): void } {
  const cache = new Cache(new MemoryStore(), systemClock, { ttlMin: 5, ttlMax: 3600, negativeTtlMax: 60 })
  const meta = { security: 'insecure', rank: Rank.ANSWER } as const
  for (let i = 0; i < NAMES; i++)
    cache.insert(rrset(nameFromText(nameOf(i)), Type.A, 3600, [Uint8Array.of(192, 0, 2, i)]), meta)
  const settings = { ...defaultSettings, priming: false }
  const log = () => {}
  const modules = startModules(settings, { clock: systemClock, random: systemRandom, log })
  const index = new AnswerIndex({ octets: 1024 * 1024, udpSize: 1232, rotate: true, seed: 1 })
  const core = new Core({
    cache,
    transport: nowhere,
    clock: systemClock,
    random: systemRandom,
    settings,
    modules: modules.layers,
    onReady: (packet, response, secure) => index.insert(packet, response, secure, COMMON_POLICY),
  })
  const resolver = {
    inFlight: 0,
    tick: (wallMs: number) => index.tick(wallMs),
    answerAtOnce: (packet: Uint8Array, out: Uint8Array, overUdp: boolean) =>
      index.answer(packet, out, overUdp, COMMON_POLICY),
    handle: core.handle.bind(core),
    drain: core.drain.bind(core),
    close: () => core.close(),
  }
  const service = new Service({
    resolver,
    clock: systemClock,
    counters: new Counters(),
    limits: new ClientLimits(systemClock),
    allows: () => true,
    udpSize: 1232,
  })
  return {
    service,
    close() {
      core.close()
      modules.stop()
    },
  }
}

const nowhere: Transport = {
  exchange: () => ({ cancel() {} }),
}

function nameOf(index: number): string {
  return `rehearsal${index}.net.`
}

function queryFor(index: number): Uint8Array {
  const header = [index >> 8, index & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
  return Uint8Array.of(...header, ...nameFromText(nameOf(index)), 0, Type.A, 0, Class.IN)
}
