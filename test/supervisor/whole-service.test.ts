import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseReply } from '../../src/wire/message.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Flag, Rcode, Type } from '../../src/wire/types.ts'
import { askService } from '../../supervisor/control/client.ts'
import { Authority } from '../lab/authority.ts'
import { queryFor as plainQueryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, pause, TcpClient, UdpClient } from '../workers/sockets.ts'
import { isRunning, type Service, type ServiceOptions, Services } from './service.ts'

const ROOT_ADDRESS = '127.77.0.1'
const ROOT_ZONE = `
. 3600 IN SOA root.example. admin.example. 1 3600 600 86400 60
. 3600 IN NS root.example.
root.example. 3600 IN A ${ROOT_ADDRESS}
*.wild.example. 3600 IN A 192.0.2.2
`
/** Each reply takes so long; the first question for a name below wild.example takes some of them. */
const REPLY_MS = 120

/** With CD set: this internet is not signed (RFC 4035 §3.2.2). */
function queryFor(name: string, id = 1): Buffer {
  const query = plainQueryFor(name, id)
  query[3] |= Flag.CD
  return query
}

/** A root server that is the whole internet, and far away. */
async function startRoot(): Promise<Socket> {
  const authority = new Authority([{ origin: '.', records: () => parseZoneText(ROOT_ZONE) }])
  const socket = createSocket('udp4')
  let isOpen = true
  socket.on('close', () => {
    isOpen = false
  })
  socket.on('message', (packet, from) => {
    const response = authority.respond(packet, 'udp')
    setTimeout(() => isOpen && response && socket.send(response, from.port, from.address), REPLY_MS)
  })
  socket.bind(53, ROOT_ADDRESS)
  await once(socket, 'listening')
  return socket
}

describe('the whole service', () => {
  const services = new Services()
  let folder: string
  let root: Socket
  let port: number

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'bowline-root-'))
    writeFileSync(join(folder, 'root.hints'), `. 3600000 NS root.example.\nroot.example. 3600000 A ${ROOT_ADDRESS}\n`)
    try {
      root = await startRoot()
    } catch (error) {
      console.log(`      skipped: needs port 53 of ${ROOT_ADDRESS} (${(error as Error).message})`)
      this.skip()
    }
  })
  after(() => {
    root?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    port = await freePort()
  })

  function start(options: Partial<ServiceOptions> = {}): Promise<Service> {
    const settings = { options: { 'query-loopback': true, 'root-hints-file': join(folder, 'root.hints') } }
    return services.start({ port, real: true, settings, ...options })
  }

  async function ask(name: string, withinMs = 5000, address = '127.0.0.1') {
    const client = new UdpClient()
    try {
      return parseReply((await client.ask(queryFor(name, 7), port, address, withinMs)).message)
    } finally {
      client.close()
    }
  }

  it('answers localhost by itself and other names by asking, over UDP and TCP', async () => {
    await start()
    const local = await ask('localhost')
    expect(local.rcode).to.equal(Rcode.NOERROR)
    expect([...local.answer[0].rdatas[0]]).to.deep.equal([127, 0, 0, 1])
    const far = await ask('www.wild.example')
    expect([...far.answer[0].rdatas[0]]).to.deep.equal([192, 0, 2, 2])
    const tcp = await TcpClient.connect(port)
    tcp.send(queryFor('other.wild.example', 1), queryFor('localhost', 2))
    const ids = (await tcp.gather(2)).map((message) => message.readUInt16BE(0))
    tcp.close()
    expect(ids).to.deep.equal([2, 1])
  })

  it('answers from the asked address on a wildcard', async () => {
    await start({ interface: [`0.0.0.0@${port}`] })
    for (const address of ['127.0.0.1', '127.0.0.2']) {
      const client = new UdpClient()
      expect((await client.ask(queryFor('localhost'), port, address)).from).to.equal(address)
      client.close()
    }
  })

  it('finishes what it is asking for when it is stopped, and leaves nothing behind', async () => {
    const service = await start()
    const answer = ask('stop.wild.example')
    await pause(REPLY_MS / 2)
    service.process.kill('SIGTERM')
    expect((await answer).answer.map((set) => set.type)).to.deep.equal([Type.A])
    expect(await service.ends()).to.equal(0)
    expect(service.pidsOf('').filter(isRunning)).to.deep.equal([])
    expect(service.other).to.equal('')
    expect(service.lines.filter((line) => ['crit', 'err', 'warning'].includes(line.level))).to.deep.equal([])
  })

  it('answers while its keeper is killed, again and again', async () => {
    const service = await start()
    for (let round = 1; round <= 3; round++) {
      process.kill(service.pidsOf('keeper').at(-1)!, 'SIGKILL')
      for (let i = 0; service.pidsOf('keeper').length === round; i++) {
        const reply = await ask(`n${round}x${i}.wild.example`)
        expect(reply.rcode).to.equal(Rcode.NOERROR)
        expect(reply.answer).to.have.length(1)
      }
    }
  })

  it('knows after a restart what it knew before', async () => {
    const first = await start({ workers: 1 })
    expect((await ask('kept.wild.example')).answer).to.have.length(1)
    await pause(300) // the keeper commits several times a second
    first.process.kill('SIGTERM')
    await first.ends()
    await start({ workers: 1, rundir: first.rundir })
    const reply = await ask('kept.wild.example', REPLY_MS / 2)
    expect([...reply.answer[0].rdatas[0]]).to.deep.equal([192, 0, 2, 2])
  })

  it('is itself again when its supervisor is killed while it learns: no orphan, no damaged cache', async () => {
    const first = await start()
    await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`k${i}.wild.example`)))
    await pause(300)
    let isDone = false
    const asking = (async () => {
      for (let i = 0; !isDone; i++) await ask(`while${i}.wild.example`, 500).catch(() => {})
    })()
    const pids = first.pidsOf('')
    first.process.kill('SIGKILL')
    await eventually(() => !pids.some(isRunning), 'the end of all its processes', 15_000)
    isDone = true
    await asking
    const second = await start({ rundir: first.rundir })
    for (let i = 0; i < 50; i++) {
      const reply = await ask(`k${i}.wild.example`, REPLY_MS / 2) // too soon for any server
      expect([...reply.answer[0].rdatas[0]]).to.deep.equal([192, 0, 2, 2])
    }
    expect(second.lines.filter(({ level }) => ['crit', 'err', 'warning'].includes(level))).to.deep.equal([])
  })

  it('keeps its cache folder to itself: a second service that is to use it is told whose it is', async () => {
    const first = await start()
    const settings = { cache: { storage: join(first.rundir, 'cache') } }
    const second = services.launch({ port: await freePort(), real: true, settings })
    expect(await second.ends()).to.equal(1)
    const refused = second.lines.find(({ event }) => event === 'start-failed')
    expect(refused).to.include({ code: 'cache-in-use' })
    expect(refused?.msg).to.equal(
      `cache/storage: ${settings.cache.storage} is in use by another service (process ${first.process.pid}, with the keeper ` +
        `${first.pidsOf('keeper')[0]}); stop that one first, or give this one a folder of its own`,
    )
    expect(first.pidsOf('').every(isRunning)).to.equal(true)
  })

  it('lives through a thousand packets of rubbish', async () => {
    const service = await start()
    const workers = service.pidsOf('worker')
    const client = new UdpClient()
    const query = queryFor('localhost')
    for (let seed = 0; seed < 1000; seed++) {
      const packet = Buffer.from(query)
      // a query with some octets changed gets further into the code than noise
      for (let i = 0; i < 1 + (seed % 5); i++)
        packet[(seed * 31 + i * 17) % packet.length] = (seed * 131 + i * 77) & 255
      client.send(seed % 7 === 0 ? packet.subarray(0, seed % packet.length) : packet, port)
      if (seed % 50 === 0) await pause(1)
    }
    client.close()
    for (let i = 0; i < 20; i++) expect((await ask('localhost')).rcode).to.equal(Rcode.NOERROR)
    expect(service.lines.filter((line) => line.event === 'child-ended' || line.event === 'fatal')).to.deep.equal([])
    expect(workers.every(isRunning)).to.equal(true)
  })

  it('has answers ready in a new worker that clients ask for often', async () => {
    const service = await start({ workers: 1 })
    const isReady = ({ layer, result }: Record<string, string>) => layer === 'answer-index' && result === 'hit'
    const ready = async () => {
      const { body } = await askService(service.socket, { method: 'GET', path: '/v1/counters' })
      const { counters } = body as { counters: { name: string; labels: Record<string, string>; value: number }[] }
      return counters.find(({ name, labels }) => name === 'bowline_cache_lookups_total' && isReady(labels))!.value
    }
    while ((await ready()) < 2) await ask('often.wild.example')
    const before = await ready()
    await askService(service.socket, { method: 'POST', path: '/v1/restart', body: {} })
    await ask('new.wild.example')
    expect(await ready()).to.equal(before)
    await ask('often.wild.example')
    expect(await ready()).to.equal(before + 1)
  })
})
