/** Clients with few sockets, as a load balancer in front has: the kernel's own choice goes by address and port, and leaves
 *  workers idle; by the ids of queries all get their share, and still nothing is lost when one leaves. */

import { expect } from 'chai'
import { byQueryId } from '../../src/io/reuseport.ts'
import { answererOf, queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

const PORTS = 4
const WORKERS = 4

describe('udp-spread-by: query', () => {
  let service: Service
  let port: number
  let clients: UdpClient[]
  let id = 0

  before(async function () {
    if (process.platform !== 'linux' || process.env.BOWLINE_UDP === 'dgram') this.skip()
    port = await freePort()
    const network = { listen: [{ interface: [`127.0.0.1@${port}`] }], 'udp-spread-by': 'query' as const }
    service = new Service({ port, workers: WORKERS, withFile: true, settings: { network } })
    clients = Array.from({ length: PORTS }, () => new UdpClient())
    await service.says('started')
  })
  after(async () => {
    for (const client of clients) client.close()
    await service?.clean()
  })

  /** Of so many queries from each port: how many each worker had, by its process. */
  async function shares(each: number): Promise<Map<number, number>> {
    const counts = new Map<number, number>()
    for (let i = 0; i < each; i++)
      for (const client of clients) {
        const { message } = await client.ask(queryFor('now.example', ++id & 0xffff), port)
        const answerer = answererOf(message)
        counts.set(answerer, (counts.get(answerer) ?? 0) + 1)
      }
    return counts
  }

  async function isEven(workers: number): Promise<boolean> {
    const counts = [...(await shares(100)).values()]
    const mean = (100 * PORTS) / workers
    return counts.length === workers && counts.every((count) => count > mean / 2 && count < 1.5 * mean)
  }

  /** The kernel is told once all is quiet. */
  async function becomesEven(workers: number): Promise<void> {
    for (let tries = 0; tries < 50; tries++) if (await isEven(workers)) return
    expect([...(await shares(100))], `shares of ${workers} workers`).to.equal('even')
  }

  it('gives each of four workers its share of what four ports ask', () => becomesEven(WORKERS))

  it('loses nothing while workers come, leave and are replaced as a whole, and goes on spreading', async function () {
    this.timeout(60_000)
    let isDone = false
    let asked = 0
    const asking = (async () => {
      for (; !isDone; asked++) await shares(1)
    })()
    const operate = async (...words: string[]) =>
      expect((await bowline(...words, '-s', service.socket)).code, words.join(' ')).to.equal(0)
    await operate('restart')
    await operate('scale', '2')
    await operate('scale', '3')
    await operate('upgrade')
    isDone = true
    await asking // rejects when an answer does not come
    expect(asked).to.be.above(20)
    await becomesEven(3)
    const [victim] = service.pidsOf('worker').slice(-1)
    process.kill(victim, 'SIGKILL')
    await eventually(() => service.pidsOf('worker').at(-1) !== victim, 'another worker in its place')
    await becomesEven(3)
  })
})

describe('byQueryId', () => {
  it('takes the ids that follow each other to all sockets alike', () => {
    const program = byQueryId(3)
    const counts = [0, 0, 0]
    for (let query = 0; query < 30_000; query++) {
      let accumulator = query & 0xffff
      for (const [code, , , constant] of program) {
        if (code === 0x24) accumulator = Math.imul(accumulator, constant) >>> 0
        else if (code === 0x74) accumulator >>>= constant
        else if (code === 0x54) accumulator = (accumulator & constant) >>> 0
        else if (code === 0x94) accumulator %= constant
      }
      counts[accumulator]++
    }
    for (const count of counts) expect(count).to.be.within(9_800, 10_200)
  })
})
