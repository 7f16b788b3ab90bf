import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseReply } from '../../src/wire/message.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Authority } from '../lab/authority.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { freePort, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

const ROOT_ADDRESS = '127.77.0.3'

/** The zone of a root server that is the whole internet, and can change its mind. */
const zoneText = (last: number) => `
. 3600 IN SOA root.example. admin.example. 1 3600 600 86400 300
. 3600 IN NS root.example.
root.example. 3600 IN A ${ROOT_ADDRESS}
www.example. 300 IN A 192.0.2.${last}
*.wild.example. 300 IN A 192.0.2.${last}
${last > 1 ? 'new.example. 300 IN A 192.0.2.9' : ''}
`

describe('bowline cache', () => {
  let folder: string
  let root: Socket
  let service: Service
  let port: number
  let authority: Authority
  const serve = (last: number) => {
    authority = new Authority([{ origin: '.', records: () => parseZoneText(zoneText(last)) }])
  }

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'bowline-root-'))
    writeFileSync(join(folder, 'root.hints'), `. 3600000 NS root.example.\nroot.example. 3600000 A ${ROOT_ADDRESS}\n`)
    root = createSocket('udp4')
    root.on('message', (packet, from) => {
      const response = authority.respond(packet, 'udp')
      if (response) root.send(response, from.port, from.address)
    })
    try {
      root.bind(53, ROOT_ADDRESS)
      await once(root, 'listening')
    } catch (error) {
      console.log(`      skipped: needs port 53 of ${ROOT_ADDRESS} (${(error as Error).message})`)
      this.skip()
    }
    port = await freePort()
    const options = { 'query-loopback': true, 'root-hints-file': join(folder, 'root.hints') }
    const views = [{ subnets: '127.0.0.2', options: { 'cache-partition': 1 } }]
    service = new Service({ port, real: true, workers: 2, settings: { options, dnssec: { enable: false }, views } })
    await service.says('started')
  })
  after(async () => {
    await service?.clean()
    root?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    serve(1)
    await cache('clear')
  })

  const cache = (...parameters: string[]) => bowline('cache', ...parameters, '-s', service.socket)

  /** Asks with many source ports, so that every worker is met; gives the distinct answers. */
  async function ask(name: string, { times = 24, from = '127.0.0.1' } = {}): Promise<string[]> {
    const answers = new Set<string>()
    for (let i = 0; i < times; i++) {
      const client = new UdpClient()
      client.socket.bind(0, from)
      const reply = parseReply((await client.ask(queryFor(name, i + 1), port)).message)
      client.close()
      answers.add(`${reply.rcode} ${reply.answer.map((set) => set.rdatas.map((rdata) => rdata.join('.'))).join()}`)
    }
    return [...answers]
  }

  it('clear NAME: every worker asks anew, ready answers included, and other names stay', async () => {
    for (let round = 0; round < 2; round++) {
      expect(await ask('www.example')).to.deep.equal(['0 192.0.2.1'])
      expect(await ask('a.wild.example')).to.deep.equal(['0 192.0.2.1'])
    }
    serve(2)
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.1'])
    const { code, stdout } = await cache('clear', 'www.example')
    expect(code).to.equal(0)
    expect(stdout).to.match(/^\d+ entr(y|ies) removed\n$/)
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.2'])
    expect(await ask('a.wild.example')).to.deep.equal(['0 192.0.2.1'])
  })

  it('clear clears all that is below, --exact-name does not', async () => {
    await ask('a.wild.example')
    serve(2)
    await cache('clear', 'example', '--exact-name')
    expect(await ask('a.wild.example')).to.deep.equal(['0 192.0.2.1'])
    await cache('clear', 'example')
    expect(await ask('a.wild.example')).to.deep.equal(['0 192.0.2.2'])
  })

  it('clear --negative leaves what exists', async () => {
    expect(await ask('new.example')).to.deep.equal(['3 '])
    await ask('www.example')
    serve(2)
    await cache('clear', '--negative')
    expect(await ask('new.example')).to.deep.equal(['0 192.0.2.9'])
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.1'])
  })

  it('clear --rr-type takes one type only', async () => {
    await ask('www.example')
    serve(2)
    await cache('clear', 'www.example', '--rr-type', 'AAAA')
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.1'])
    await cache('clear', 'www.example', '--rr-type', 'a')
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.2'])
  })

  it('get shows records, their trust and their time', async () => {
    await ask('www.example')
    const { code, stdout } = await cache('get', 'www.example')
    expect(code).to.equal(0)
    expect(stdout).to.match(/^; rrset, A, insecure|indeterminate, answer, (300|29\d) s left/)
    expect(stdout).to.match(/^www\.example\.\s+(300|29\d)\s+IN\s+A\s+192\.0\.2\.1$/m)
    expect((await cache('get', 'nothing.example')).stdout).to.equal('nothing\n')
    const { entries } = JSON.parse((await cache('get', 'www.example', '--json')).stdout)
    expect(entries[0]).to.include({ kind: 'rrset', type: 'A', rank: 'answer', partition: 0 })
  })

  it('keeps to one partition when told to', async () => {
    await ask('www.example')
    expect((await cache('get', 'www.example', '--partition', '1')).stdout).to.equal('nothing\n')
    serve(2)
    expect(await ask('www.example', { from: '127.0.0.2' })).to.deep.equal(['0 192.0.2.2'])
    expect(await ask('www.example', { from: '127.0.0.2' })).to.deep.equal(['0 192.0.2.2'])
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.1'])
    expect((await cache('get', 'www.example', '--partition', '1')).stdout).to.include('192.0.2.2')
    expect((await cache('clear', 'www.example', '--partition', '1')).stdout).to.match(/^[1-9]\d* entr/)
    serve(3)
    expect(await ask('www.example', { from: '127.0.0.2' })).to.deep.equal(['0 192.0.2.3'])
    expect(await ask('www.example')).to.deep.equal(['0 192.0.2.1'])
    expect((await cache('get', 'www.example', '--partition', '0')).stdout).to.include('192.0.2.1')
    expect(await cache('get', 'www.example', '--partition', '255')).to.deep.include({ code: 2 })
  })

  it('stats tells size and entries', async () => {
    await ask('www.example')
    const facts = JSON.parse((await cache('stats', '--json')).stdout)
    expect(facts.entries).to.be.above(2)
    expect(facts.workers).to.equal(2)
    expect(facts.usedBytes).to.be.within(1, facts.sizeMax)
    expect((await cache('stats')).stdout).to.include('entries')
  })

  it('refuses what is no name and no type', async () => {
    expect(await cache('clear', 'a..b')).to.deep.include({ code: 2 })
    expect(await cache('clear', 'a.b', '--rr-type', 'NONSENSE!')).to.deep.include({ code: 2 })
    expect(await cache('get', 'a..b')).to.deep.include({ code: 2 })
  })
})
