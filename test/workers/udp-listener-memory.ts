/** A process with a listener as a worker has it, and all that looks at a packet whose answer is ready. It sends itself
 *  queries, some turns of the event loop 30 each and some half as many, and reports what either took from the heap. Run with
 *  --expose-gc and a young generation that is large enough not to be collected meanwhile. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeConfig } from '../../src/config/load.ts'
import type { UdpReceiver } from '../../src/io/batched-udp.ts'
import { SendQueue } from '../../src/io/batched-udp-queue.ts'
import { Slots } from '../../src/io/batched-udp-slots.ts'
import { systemClock } from '../../src/io/clock.ts'
import { type Libc, loadLibc } from '../../src/io/libc.ts'
import { sockaddr } from '../../src/io/libc-address.ts'
import { openUdp } from '../../src/io/libc-udp.ts'
import { Counter, Counters } from '../../src/metrics/counters.ts'
import { RateLimiter } from '../../src/modules/rate-limiting/index.ts'
import { RateTable, tableOctets } from '../../src/modules/rate-limiting/table.ts'
import { Policies } from '../../src/modules/views/policies.ts'
import { composeMessage, composeQuery } from '../../src/wire/compose.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { rrset } from '../../src/wire/rrset.ts'
import { Class, Flag, Type } from '../../src/wire/types.ts'
import { AnswerIndex } from '../../workers/answer-index.ts'
import { answersAtOnce } from '../../workers/answers-at-once.ts'
import { ClientLimits } from '../../workers/client-limits.ts'
import { LastQuestions } from '../../workers/last-questions.ts'
import { LocalClients } from '../../workers/local-clients.ts'
import { Service } from '../../workers/serve.ts'
import { UdpListener } from '../../workers/udp-listener.ts'
import { ViewQueries } from '../../workers/view-queries.ts'
import { FakeResolver } from './fake-resolver.ts'
import { freePort } from './sockets.ts'

/** So few that those of two turns are one batch of the listener. */
const BATCH = 30
const WARM_UP = 3000
const TURNS = 1000
const ROUNDS = 5
const ADDRESS = '127.0.0.1'
const RATES = { rateLimit: 1e6, instantLimit: 1e6 }
const CAPACITY = 1000

const libc = loadLibc() as Libc
const index = new AnswerIndex({ octets: 1 << 20, udpSize: 1232, rotate: true, seed: 1 })
const counters = new Counters()
const folder = mkdtempSync(join(tmpdir(), 'bowline-memory-'))
const lastQuestions = LastQuestions.open(join(folder, 'questions'))
rmSync(folder, { recursive: true })
const table = new RateTable(new ArrayBuffer(tableOctets(CAPACITY)), CAPACITY, RATES, 1)
const localClients = new LocalClients()

const { views } = makeConfig({
  views: [
    { subnets: ['127.0.0.0/8', '2001:db8::/32'], 'dst-subnet': '127.0.0.0/8', tags: 'near' },
    { subnets: ['192.0.2.0/24', '192.0.2.128/25'], answer: 'refused' },
  ],
})
const policies = new Policies(views)
const policy = policies.of(Uint8Array.of(127, 0, 0, 1), Uint8Array.of(127, 0, 0, 1), true)

class Ready extends FakeResolver {
  answerAtOnce = answersAtOnce(index, policies, new ViewQueries(views.length))

  tick(wallMs: number): void {
    index.tick(wallMs)
  }
}

const service = new Service({
  resolver: new Ready(),
  clock: systemClock,
  counters,
  limits: new ClientLimits(systemClock),
  allows: (address) => localClients.includes(address),
  udpSize: 1232,
  limiter: new RateLimiter({ table, slip: 2, dryRun: false, logPeriodMs: 0, udpSize: 1232 }),
  lastQuestions,
})
service.tick()

/** Names of many lengths, half of them with EDNS; each is in the index. */
const queries = Array.from({ length: BATCH }, (_, i) => {
  const name = nameFromText(`${'n'.repeat(1 + (i % 40))}.n${i}.example.org`)
  const question = { name, type: Type.A, class: Class.IN }
  const edns = i % 2 === 0 ? { udpSize: 1232, do: false } : undefined
  const buffer = new Uint8Array(1232)
  const query = buffer.slice(0, composeQuery(buffer, { id: i, flags: Flag.RD, question, edns }))
  const answer = [rrset(name, Type.A, 86_400, [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)])]
  const message = { id: i, flags: Flag.QR | Flag.RD | Flag.RA, rcode: 0, question, answer }
  const octets = composeMessage(buffer, message, { limit: 1232, dnssec: false, truncate: true })
  if (!index.insert(query, buffer.subarray(0, octets), false, policy)) throw new Error('not taken into the index')
  return query
})

const port = await freePort()
const listener = await UdpListener.open(
  { address: ADDRESS, port, setting: 'network/listen/0' },
  service,
  counters,
  'libc',
)
// nobody reads at this socket: the kernel drops what is too much
const fd = openUdp(libc, {
  address: ADDRESS,
  port: 0,
  reusePort: false,
  packetInfo: false,
  receiveOctets: 0,
  sendOctets: 0,
})
const deaf: UdpReceiver = { begin() {}, receive: () => 0, shorten: () => 0, count() {} }
const sender = new SendQueue(libc, fd, deaf)
const slots = new Slots(libc, BATCH)
const name = sockaddr(ADDRESS, port)
for (const [slot, query] of queries.entries())
  slots.fill(slot, { octets: name, nameOctets: name.length, controlOctets: 0 }, query)

/** Of `TURNS` turns with so many queries each. */
export interface Taken {
  answered: number
  octets: number
}

async function turns(count: number, queriesEach: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    sender.sendNow(slots, 0, queriesEach)
    await new Promise(setImmediate)
  }
}

async function measure(queriesEach: number): Promise<Taken> {
  gc!()
  const answeredBefore = counters.get(Counter.ANSWERED_AT_ONCE)
  const { heapUsed } = process.memoryUsage()
  await turns(TURNS, queriesEach)
  const octets = process.memoryUsage().heapUsed - heapUsed
  return { answered: counters.get(Counter.ANSWERED_AT_ONCE) - answeredBefore, octets }
}

await turns(WARM_UP, BATCH)
const rounds: { many: Taken; few: Taken }[] = []
for (let round = 0; round < ROUNDS; round++) rounds.push({ many: await measure(BATCH), few: await measure(BATCH / 2) })
listener.close()
process.send!(rounds, () => process.exit())
