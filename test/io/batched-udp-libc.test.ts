import { execFile, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { UdpEvent, UdpReceiver } from '../../src/io/batched-udp.ts'
import { BatchedUdpSocket } from '../../src/io/batched-udp-libc.ts'
import { SendQueue } from '../../src/io/batched-udp-queue.ts'
import { Slots } from '../../src/io/batched-udp-slots.ts'
import { type Libc, loadLibc } from '../../src/io/libc.ts'
import { openUdp } from '../../src/io/libc-udp.ts'
import { needPeer } from '../peers.ts'
import { Asker } from './batched-udp-asker.ts'
import { Station } from './batched-udp-station.ts'

const EAGAIN = 11
const EPERM = 1
const ENOBUFS = 105
const libc = loadLibc() as Libc
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('BatchedUdpSocket', () => {
  const open: { close(): void }[] = []

  before(function () {
    if (typeof libc === 'string') this.skip()
  })
  afterEach(() => {
    for (const thing of open.splice(0)) thing.close()
  })

  async function asker(family: 4 | 6 = 4): Promise<Asker> {
    const made = await Asker.open(family)
    open.push(made)
    return made
  }

  /** A station whose sendmmsg is `send`, which is given the true one. */
  function stationWith(send: (truly: () => number, count: number) => number, errno = () => libc.errno()): Station {
    const station = new Station()
    const sendmmsg: Libc['sendmmsg'] = (fd, headers, count, flags) =>
      send(() => libc.sendmmsg(fd, headers, count, flags), count)
    const bent = { ...libc, sendmmsg, errno }
    station.socket = new BatchedUdpSocket(bent, { address: '127.0.0.1', port: 0, reusePort: false, receiver: station })
    open.push(station)
    return station
  }

  for (const [wildcard, address] of [
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.2'],
    ['0.0.0.0', '127.200.3.4'],
    ['::', '::1'],
  ] as const)
    it(`answers from ${address}, on ${wildcard}, at once, later and while it leaves (RFC 2181 §4.1)`, async () => {
      const station = await Station.open('libc', wildcard)
      open.push(station)
      const client = await asker(wildcard === '::' ? 6 : 4)
      for (const query of ['echo', 'later']) {
        const answer = await client.ask(query, station.port, address)
        expect([answer.packet.toString(), answer.from]).to.deep.equal([query, address])
      }
      client.send('later', station.port, address)
      await pause(2)
      station.socket.leave()
      await client.heard(3)
      expect(client.answers[2].from).to.equal(address)
    })

  it('sends no fragments, but says what is too long for the link (RFC 9715 §3.1)', async function () {
    needPeer(this, 'unshare')
    const script = fileURLToPath(new URL('./batched-udp-mtu.ts', import.meta.url))
    const run = promisify(execFile)('unshare', ['--net', process.execPath, script])
    const { stdout } = await run.catch((error) => {
      if (/Operation not permitted/.test(error.stderr)) this.skip() // only root has network namespaces to give
      throw error
    })
    const expected = ['127.0.0.1', '0.0.0.0', '::1', '::'].flatMap((address) => [
      `${address}: of 1400, 1400 came; too long: ; failed: 0`,
      `${address}: of 2000, 3 came; too long: 2000; failed: 0`,
    ])
    expect(stdout.trim().split('\n')).to.deep.equal(expected)
  })

  it('keeps IPv6 to IPv6', async () => {
    const station = await Station.open('libc', '::')
    open.push(station)
    const other = await Station.open('libc', '0.0.0.0', station.port)
    open.push(other)
    await (await asker()).ask('echo', station.port, '127.0.0.1')
    expect([station.packets, other.packets]).to.deep.equal([0, 1])
  })

  describe('when the kernel', () => {
    async function ask(client: Asker, station: Station, packets: number, letter = 'e'): Promise<number[]> {
      for (let i = 0; i < packets; i++) client.send(`${letter}${i}`, station.port, '127.0.0.1')
      await client.heard(packets)
      return client.answers.map(({ packet }) => Number(packet.toString().slice(1))).sort((a, b) => a - b)
    }
    const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

    for (const letter of ['e', 'l'])
      it(`takes a part of the answers, gives it the rest again (${letter})`, async () => {
        const limits = [1, 3, 2]
        const station = new Station()
        const sendmmsg: Libc['sendmmsg'] = (fd, headers, count, flags) =>
          libc.sendmmsg(fd, headers, Math.min(count, limits[count % 3]), flags)
        station.socket = new BatchedUdpSocket(
          { ...libc, sendmmsg },
          { address: '127.0.0.1', port: 0, reusePort: false, receiver: station },
        )
        open.push(station)
        expect(await ask(await asker(), station, 90, letter)).to.deep.equal(upTo(90))
        expect(station.counts).to.include({ sent: 90, failed: 0, overflow: 0 })
      })

    for (const [name, errno] of [
      ['EAGAIN', EAGAIN],
      ['ENOBUFS', ENOBUFS],
    ] as const)
      it(`says ${name}, tries again until it takes the answers`, async () => {
        let calls = 0
        const station = stationWith(
          (truly) => (++calls % 3 === 0 ? truly() : -1),
          () => errno,
        )
        expect(await ask(await asker(), station, 90)).to.deep.equal(upTo(90))
        expect(station.counts).to.include({ sent: 90, failed: 0, overflow: 0 })
      })

    it('takes nothing for long, drops the answers, counts them, and is well again when the kernel is', async () => {
      let full = true
      const station = stationWith(
        (truly) => (full ? -1 : truly()),
        () => EAGAIN,
      )
      const client = await asker()
      for (let i = 0; i < 400; i++) {
        client.send(`e${i}`, station.port, '127.0.0.1')
        if (i % 50 === 0) await pause(1)
      }
      for (const deadline = performance.now() + 3000; station.counts.overflow < 400 && performance.now() < deadline; )
        await pause(5)
      expect(station.counts).to.include({ sent: 0, failed: 0, overflow: 400 })
      full = false
      expect((await client.ask('late', station.port, '127.0.0.1')).packet.toString()).to.equal('late')
    })

    it('refuses one answer, the others leave', async () => {
      let calls = 0
      const station = stationWith(
        (truly, count) => (count === 30 || ++calls % 5 === 0 ? -1 : truly()),
        () => EPERM,
      )
      const client = await asker()
      for (let i = 0; i < 40; i++) client.send(`e${i}`, station.port, '127.0.0.1')
      for (const deadline = performance.now() + 3000; performance.now() < deadline; await pause(5))
        if (station.counts.sent + station.counts.failed === 40) break
      expect(station.counts.sent + station.counts.failed).to.equal(40)
      await client.heard(station.counts.sent)
    })

    it('is full as the socket closes, counts what is lost', async () => {
      const station = stationWith(
        () => -1,
        () => EAGAIN,
      )
      const client = await asker()
      client.send('echo', station.port, '127.0.0.1')
      for (const deadline = performance.now() + 3000; station.packets === 0 && performance.now() < deadline; )
        await pause(1)
      station.close()
      expect(station.counts.overflow).to.equal(1)
    })
  })

  it('takes fewer packets at a time while each takes long, and as many as ever afterwards', async () => {
    const station = new Station()
    const asked: number[] = []
    const recvmmsg: Libc['recvmmsg'] = (fd, headers, count, flags, timeout) => {
      asked.push(count)
      return libc.recvmmsg(fd, headers, count, flags, timeout)
    }
    const bent = { ...libc, recvmmsg }
    station.socket = new BatchedUdpSocket(bent, { address: '127.0.0.1', port: 0, reusePort: false, receiver: station })
    open.push(station)
    const sender = new BurstSender(station.port)
    open.push(sender)
    const inTurns: number[] = []
    let isOver = false
    const turn = () => {
      inTurns.push(station.packets)
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)

    station.onReceive = () => {
      for (const end = performance.now() + 1; performance.now() < end; );
    }
    for (let i = 0; i < 3; i++) sender.send(64)
    while (station.packets < 192) await pause(10)
    isOver = true
    expect(asked.slice(0, 4)).to.deep.equal([64, 32, 16, 8])
    const perTurn = inTurns.map((packets, i) => packets - (inTurns[i - 1] ?? 0)).filter((packets) => packets > 0)
    expect(perTurn.slice(0, 4)).to.deep.equal([64, 32, 16, 8]) // one batch each, as its time is up

    station.onReceive = () => {}
    while (asked.at(-1)! < 64) {
      sender.send(64)
      await pause(5)
    }
  })

  it('takes a bounded number of packets in one turn of the event loop', async () => {
    const station = await Station.open('libc')
    open.push(station)
    const client = await asker()
    let turn = 0
    const packetsInTurn = new Map<number, number>()
    station.onReceive = () => packetsInTurn.set(turn, (packetsInTurn.get(turn) ?? 0) + 1)
    // a burst that waits in the kernel while this thread is busy sending it
    const sender = new BurstSender(station.port)
    open.push(sender)
    let ticking = true
    const tick = () => {
      turn++
      if (ticking) setImmediate(tick)
    }
    tick()
    sender.send(64)
    for (let i = 0; i < 7; i++) sender.send(64)
    for (const deadline = performance.now() + 3000; station.packets < 512 && performance.now() < deadline; )
      await pause(1)
    ticking = false
    await client.ask('echo', station.port, '127.0.0.1')
    expect(station.packets).to.equal(513)
    expect(Math.max(...packetsInTurn.values())).to.be.at.most(256) // fewer where this process had to wait for its CPU
  })

  it('has received all there was when it has left', async () => {
    const station = await Station.open('libc')
    open.push(station)
    const sender = new BurstSender(station.port)
    open.push(sender)
    for (let i = 0; i < 7; i++) sender.send(64)
    expect(station.packets).to.equal(0)
    await station.socket.leave()
    expect(station.packets).to.equal(448)
  })

  it('tells how many packets found no room while nobody read, also when it is closed', async () => {
    const station = await Station.open('libc')
    open.push(station)
    expect(station.socket.dropped).to.equal(0)
    const flood = createSocket('udp4')
    flood.connect(station.port, '127.0.0.1')
    await once(flood, 'connect')
    const packet = Buffer.alloc(1000)
    const sent = 20_000 // more than the 4 MiB that are asked for
    for (let i = 0; i < sent; i++) flood.send(packet) // in one turn of the event loop
    const dropped = station.socket.dropped ?? 0
    expect(dropped).to.be.within(1, sent)
    flood.close()
    station.socket.close()
    expect(station.socket.dropped).to.be.at.least(dropped)
  })

  it('lives on after an error at the socket', async function () {
    const station = await Station.open('libc')
    open.push(station)
    // the port a departing socket is connected to, where news from ICMP would reach it
    const discard = createSocket('udp4').bind(9, '127.0.0.1')
    const bound = await Promise.race([once(discard, 'listening'), once(discard, 'error').then(() => undefined)])
    if (bound === undefined) this.skip()
    discard.send('later', station.port, '127.0.0.1')
    await pause(2)
    station.socket.leave()
    discard.close()
    await pause(20) // its answer has met a closed port
    const again = createSocket('udp4').bind(9, '127.0.0.1')
    open.push(again)
    await once(again, 'listening')
    for (let i = 0; i < 3; i++) {
      again.send('echo', station.port, '127.0.0.1')
      await Promise.race([once(again, 'message'), pause(1000).then(() => expect.fail('deaf'))])
    }
  })

  it('allocates nothing for a packet', async function () {
    this.timeout(30_000)
    const script = fileURLToPath(new URL('./batched-udp-memory.ts', import.meta.url))
    const child = fork(script, { execArgv: ['--expose-gc', '--max-semi-space-size=64', '--min-semi-space-size=64'] })
    const [{ packets, octets }] = (await once(child, 'message')) as [{ packets: number; octets: number }]
    expect(packets).to.be.greaterThan(20_000)
    console.log(`      ${(octets / packets).toFixed(2)} octets a packet, over ${packets} packets`)
    expect(octets / packets).to.be.lessThan(24)
  })
})

/** Sends many packets in one call. */
class BurstSender {
  readonly #fd = openUdp(libc, {
    address: '127.0.0.1',
    port: 0,
    reusePort: false,
    packetInfo: false,
    receiveOctets: 0,
    sendOctets: 0,
  })
  readonly #slots = new Slots(libc, 64)
  readonly #queue: SendQueue

  constructor(port: number) {
    const receiver: UdpReceiver = {
      begin() {},
      receive: () => 0,
      shorten: () => 0,
      count(_what: UdpEvent) {},
    }
    this.#queue = new SendQueue(libc, this.#fd, receiver)
    const name = Uint8Array.of(2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    for (let slot = 0; slot < 64; slot++)
      this.#slots.fill(slot, { octets: name, nameOctets: name.length, controlOctets: 0 }, Buffer.from('echo'))
  }

  send(packets: number): void {
    this.#queue.sendNow(this.#slots, 0, packets)
  }

  close(): void {
    this.#queue.close()
    libc.close(this.#fd)
  }
}
