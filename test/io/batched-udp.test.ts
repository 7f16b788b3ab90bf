import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { UdpKind } from '../../src/io/batched-udp.ts'
import { chooseUdpKind } from '../../src/io/batched-udp-open.ts'
import { loadLibc } from '../../src/io/libc.ts'
import { Asker, Load } from './batched-udp-asker.ts'
import { Station } from './batched-udp-station.ts'
import { sendFromPortZero } from './raw-udp.ts'

const haveLibc = typeof loadLibc() !== 'string'
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

for (const kind of ['libc', 'dgram'] as UdpKind[]) {
  describe(`a server's UDP socket by ${kind}`, () => {
    const open: { close(): void }[] = []

    before(function () {
      if (kind === 'libc' && !haveLibc) this.skip()
    })
    afterEach(() => {
      for (const thing of open.splice(0)) thing.close()
    })

    async function station(address = '127.0.0.1', port = 0): Promise<Station> {
      const made = await Station.open(kind, address, port)
      open.push(made)
      return made
    }
    async function asker(family: 4 | 6 = 4): Promise<Asker> {
      const made = await Asker.open(family)
      open.push(made)
      return made
    }

    for (const [family, address] of [
      [4, '127.0.0.1'],
      [4, '127.0.0.9'],
      [6, '::1'],
    ] as const)
      it(`answers at once and later at ${address}, and knows who asks`, async () => {
        const { port, from, socket, counts } = await station(address)
        expect(socket.kind).to.equal(kind)
        const client = await asker(family)
        for (const query of ['echo', 'later']) {
          const answer = await client.ask(query, port, address)
          expect([answer.packet.toString(), answer.from]).to.deep.equal([query, address])
        }
        const own = family === 4 ? [127, 0, 0, 1] : [...new Uint8Array(15), 1]
        expect(from).to.deep.equal(Array(2).fill({ address: own, port: client.port }))
        expect(counts).to.deep.equal({ sent: 2, failed: 0, overflow: 0, unanswerable: 0 })
      })

    it('takes and gives packets of 0 octets and of 65,507', async () => {
      const { port } = await station()
      const client = await asker()
      expect((await client.ask('', port, '127.0.0.1')).packet.toString()).to.equal('nothing')
      for (const octets of [1, 511, 512, 513, 4096, 65_507])
        for (const first of ['e', 'l']) {
          const query = Buffer.alloc(octets, 'x')
          query.write(first)
          const { packet } = await client.ask(query, port, '127.0.0.1')
          expect(packet.equals(query), `${octets} octets`).to.equal(true)
        }
    })

    it('answers each of 10,000 packets, whatever their lengths', async () => {
      const { port, counts } = await station()
      const client = await asker()
      let octets = 0
      for (let asked = 0; asked < 10_000; ) {
        for (const end = asked + 100; asked < end; asked++) {
          const query = Buffer.alloc(1 + ((asked * 7) % 800), asked % 256)
          query.write(asked % 5 === 0 ? 'l' : 'e')
          octets += query.length
          client.send(query, port, '127.0.0.1')
        }
        await client.heard(asked)
      }
      expect(client.answers.reduce((sum, { packet }) => sum + packet.length, 0)).to.equal(octets)
      expect(counts).to.deep.equal({ sent: 10_000, failed: 0, overflow: 0, unanswerable: 0 })
    })

    it('answers those that can be, among others', async () => {
      const { port, counts } = await station()
      const client = await asker()
      for (let i = 0; i < 100; i++) client.send(`${'enl'[i % 3]}${i}`, port, '127.0.0.1')
      await client.heard(67)
      const numbers = client.answers.map(({ packet }) => Number(packet.toString().slice(1)))
      expect(numbers.sort((a, b) => a - b)).to.deep.equal(
        Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 3 !== 1),
      )
      expect(counts.sent).to.equal(67)
    })

    it('lets the receiver shorten what is too long to be sent', async () => {
      const { port, shortened, counts } = await station()
      const client = await asker()
      for (const text of ['e1', 'huge', 'e2']) client.send(text, port, '127.0.0.1')
      await client.heard(3)
      expect(client.answers.map(({ packet }) => packet.toString()).sort()).to.deep.equal(['e1', 'e2', 'hug'])
      expect(shortened).to.deep.equal([65_535])
      expect(counts).to.include({ sent: 3, failed: 0 })
    })

    it('drops packets from port 0, and counts them', async function () {
      const { port, counts } = await station()
      if (!sendFromPortZero(port, 'echo')) this.skip()
      const client = await asker()
      await client.ask('echo', port, '127.0.0.1')
      expect(counts).to.deep.equal({ sent: 1, failed: 0, overflow: 0, unanswerable: 1 })
    })

    it('outlives clients that have gone', async () => {
      const { port, counts } = await station()
      for (let i = 0; i < 20; i++) {
        const gone = await Asker.open()
        gone.send('later', port, '127.0.0.1')
        await pause(1)
        gone.close()
      }
      await pause(30)
      expect((await (await asker()).ask('echo', port, '127.0.0.1')).packet.toString()).to.equal('echo')
      expect(counts.sent + counts.failed).to.equal(21)
    })

    it('says as the system does why an address cannot be had', async () => {
      const holder = createSocket('udp4').bind(0, '127.0.0.1')
      open.push(holder)
      await once(holder, 'listening')
      const codeOf = (address: string, port: number) =>
        Station.open(kind, address, port).then(
          () => 'bound',
          (error) => error.code,
        )
      expect(await codeOf('127.0.0.1', holder.address().port)).to.equal('EADDRINUSE')
      expect(await codeOf('192.0.2.1', 0)).to.equal('EADDRNOTAVAIL')
    })

    it('is silent once closed', async () => {
      const { port, socket, counts } = await station()
      const client = await asker()
      client.send('later', port, '127.0.0.1')
      await pause(2)
      socket.leave()
      socket.close()
      socket.close()
      socket.leave()
      await pause(20)
      expect(client.answers).to.have.length(0)
      expect(counts.sent).to.equal(0)
    })

    it('leaves to others what comes then, and answers what has come before', async () => {
      const staying = await station()
      const leaving = await station('127.0.0.1', staying.port)
      const clients = await Promise.all(Array.from({ length: 20 }, () => asker()))
      for (const client of clients) await client.ask('echo', staying.port, '127.0.0.1')
      const before = leaving.packets
      expect(before).to.be.within(1, 19)
      // these arrive while nobody reads
      for (const client of clients) client.send('later', staying.port, '127.0.0.1')
      await leaving.socket.leave()
      const taken = leaving.packets
      for (const client of clients) await client.heard(2)
      expect(leaving.packets).to.equal(taken)
      expect(taken).to.be.within(before, 2 * before)
      for (const client of clients) await client.ask('echo', staying.port, '127.0.0.1')
      expect(leaving.packets).to.equal(taken)
    })

    it('loses no query while two of three processes leave under load', async function () {
      this.timeout(30_000)
      const port = (await station()).port
      open.pop()!.close()
      const workers = await Promise.all([1, 2, 3].map(() => startWorker(kind, port)))
      const load = await Load.start(port, { clients: 60, atOnce: 64 })
      await pause(300)
      for (const worker of workers.slice(0, 2)) {
        worker.send('leave')
        const [packets] = await once(worker, 'message')
        expect(packets).to.be.greaterThan(100)
        await pause(200)
      }
      const before = load.answered
      await pause(200)
      expect(load.answered).to.be.greaterThan(before)
      const { asked, lost } = await load.stop()
      console.log(`      ${asked} queries, ${lost} lost`)
      workers[2].send('leave')
      await once(workers[2], 'exit')
      expect(lost).to.equal(0)
    })
  })
}

async function startWorker(kind: UdpKind, port: number): Promise<ChildProcess> {
  const worker = fork(fileURLToPath(new URL('./batched-udp-worker.ts', import.meta.url)), [kind, `${port}`])
  await once(worker, 'message')
  return worker
}

describe('the choice between libc and dgram', () => {
  afterEach(() => {
    delete process.env.BOWLINE_UDP
  })

  it('is libc where it can be called', function () {
    if (process.platform !== 'linux') this.skip()
    expect(chooseUdpKind()).to.deep.equal({ kind: 'libc', reason: 'libc can be called' })
  })

  it('is the operator’s to make', () => {
    process.env.BOWLINE_UDP = 'dgram'
    expect(chooseUdpKind()).to.deep.equal({ kind: 'dgram', reason: 'BOWLINE_UDP=dgram' })
  })
})
