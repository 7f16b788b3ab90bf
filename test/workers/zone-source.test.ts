import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server } from 'node:https'
import { createServer, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { frameMessage } from '../../src/io/frames.ts'
import { systemRandom } from '../../src/io/random.ts'
import { SourceAddresses } from '../../src/io/source-addresses.ts'
import { ROOT } from '../../src/wire/name.ts'
import { parseZoneText, type ZoneRecord } from '../../src/wire/text.ts'
import { Flag, Rcode } from '../../src/wire/types.ts'
import { FrameReader } from '../../workers/framing.ts'
import { fetchZone, transferServer, type ZoneSource } from '../../workers/zone-source.ts'
import { needPeer } from '../peers.ts'
import { composeScript } from '../scenarios/message.ts'
import { makeCertificates } from '../support/certificates.ts'

const TEXT = `. 60 IN SOA a. b. 1 2 3 4 5\n. 60 IN NS a.\na. 60 IN A 192.0.2.1\ncom. 60 IN NS ns.com.\n`
const source = (url: string, more: Partial<ZoneSource> = {}): ZoneSource => ({
  origin: ROOT,
  url,
  maxOctets: 1_000_000,
  idleMs: 2000,
  id: 77,
  ...more,
})

async function reasonOf(wanted: ZoneSource): Promise<string> {
  return fetchZone(wanted).then(
    () => 'none',
    (error: Error) => error.message,
  )
}

describe('a zone from a file', () => {
  let folder: string
  let file: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-zone-'))
    file = join(folder, 'root zone')
    writeFileSync(file, TEXT)
  })
  after(() => rmSync(folder, { recursive: true }))

  it('is read by path and by URL', async () => {
    for (const url of [file, pathToFileURL(file).href]) {
      const { records, isAuthentic } = await fetchZone(source(url))
      expect(records).to.deep.equal(parseZoneText(TEXT))
      expect(isAuthentic).to.equal(true)
    }
  })

  it('tells what is wrong with it', async () => {
    expect(await reasonOf(source(join(folder, 'none')))).to.include('no such file')
    expect(await reasonOf(source(file, { maxOctets: 20 }))).to.include('larger than 20 octets')
    writeFileSync(join(folder, 'bad'), `${TEXT}com. 60 IN A here\n`)
    expect(await reasonOf(source(join(folder, 'bad')))).to.include('line 5')
  })
})

describe('a zone from a web server', () => {
  let folder: string
  let server: Server
  let base: string
  let ca: string
  const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/root.zone': (_, response) => response.end(TEXT),
    '/moved': (_, response) => response.writeHead(302, { location: '/root.zone' }).end(),
    '/circle': (_, response) => response.writeHead(302, { location: '/circle' }).end(),
    '/down': (_, response) => response.writeHead(302, { location: 'http://127.0.0.1/root.zone' }).end(),
    '/cut': (_, response) => {
      response.writeHead(200, { 'content-length': '100000' }).write(TEXT)
      setTimeout(() => response.destroy(), 50)
    },
    '/silent': () => {},
  }

  before(async function () {
    needPeer(this, 'openssl')
    folder = mkdtempSync(join(tmpdir(), 'bowline-https-'))
    await makeCertificates(folder)
    ca = readFileSync(join(folder, 'ca.crt'), 'latin1')
    const files = { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.crt')) }
    server = createHttpsServer(files, (request, response) => {
      const answer = answers[request.url ?? '']
      if (answer === undefined) response.writeHead(404).end()
      else answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `https://127.0.0.1:${(server.address() as { port: number }).port}`
  })
  after(() => {
    server?.closeAllConnections()
    server?.close()
    if (folder !== undefined) rmSync(folder, { recursive: true })
  })

  it('is taken when its certificate is signed by the CA named, also after a redirect', async () => {
    for (const path of ['/root.zone', '/moved']) {
      const { records, isAuthentic } = await fetchZone(source(base + path, { ca }))
      expect(records).to.deep.equal(parseZoneText(TEXT))
      expect(isAuthentic).to.equal(true)
    }
  })

  it('is not taken when it is not', async () =>
    expect(await reasonOf(source(`${base}/root.zone`))).to.match(/certificate/))

  it('tells what went wrong', async () => {
    const why = (path: string, more: Partial<ZoneSource> = {}) => reasonOf(source(base + path, { ca, ...more }))
    expect(await why('/none')).to.equal('the server says 404 Not Found')
    expect(await why('/circle')).to.equal('it is redirected too often')
    expect(await why('/down')).to.equal('it is redirected to http:, not https:')
    expect(await why('/cut')).to.match(/abort|ended/)
    expect(await why('/root.zone', { maxOctets: 20 })).to.include('larger than 20 octets')
    expect(await why('/silent', { idleMs: 100 })).to.equal('the server was silent for 0.1 s')
  })
})

describe('a zone by transfer (RFC 5936)', () => {
  let server: TcpServer
  let port: number
  /** What the server sends, message by message; undefined: it closes the connection. */
  let script: (query: Buffer) => (Uint8Array | undefined)[]
  const asked: string[] = []
  let askedFrom: string | undefined

  before(async () => {
    server = createServer((socket) => {
      askedFrom = socket.remoteAddress
      const frames = new FrameReader()
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        frames.push(chunk)
        for (let query = frames.next(); query !== undefined; query = frames.next()) {
          asked.push(Buffer.from(query).toString('hex'))
          for (const message of script(Buffer.from(query)))
            if (message === undefined) socket.end()
            else socket.write(frameMessage(message))
        }
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as { port: number }).port
  })
  after(() => server.close())

  const records = parseZoneText(TEXT)
  const message = (answer: ZoneRecord[], { id = 77, flags = Flag.QR | Flag.AA, rcode = 0 } = {}) =>
    composeScript({ id, flags, rcode, question: undefined, answer, authority: [], additional: [], edns: undefined })
  const url = () => `axfr://127.0.0.1@${port}`
  const [soa, ...others] = records

  it('is taken from the first SOA record to the second, over any number of messages', async () => {
    for (const parts of [[[soa, ...others, soa]], [[soa], ...others.map((record) => [record]), [soa]]]) {
      script = () => parts.map((part) => message(part))
      const { records: found, isAuthentic } = await fetchZone(source(url()))
      expect(found).to.deep.equal(records)
      expect(isAuthentic).to.equal(false)
    }
    expect(asked[0]).to.equal('004d00000001000000000000' + '00' + '00fc' + '0001')
  })

  it('tells what is wrong with it', async () => {
    const why = (messages: (Uint8Array | undefined)[], more: Partial<ZoneSource> = {}) => {
      script = () => messages
      return reasonOf(source(url(), more))
    }
    expect(await why([message([], { rcode: Rcode.REFUSED })])).to.equal('the server says REFUSED')
    expect(await why([message([soa, soa], { id: 78 })])).to.equal('a message is not a reply to the request')
    expect(await why([message([...others, soa])])).to.equal('the transfer does not begin with the SOA record')
    const later = parseZoneText(TEXT.replace('1 2 3', '2 2 3'))[0]
    expect(await why([message([soa, ...others, later])])).to.equal('the zone changed while it was transferred')
    expect(await why([message([soa, ...others]), undefined])).to.equal('the connection ended before the zone did')
    expect(await why([message([soa, ...others])], { idleMs: 100 })).to.equal('the server was silent for 0.1 s')
    expect(await why([message([soa, ...others, soa])], { maxOctets: 20 })).to.include('larger than 20 octets')
    expect(await why([message([soa], { flags: Flag.QR | Flag.TC })])).to.equal('a message is truncated')
    expect(await why([new Uint8Array(5)])).to.equal('the server does not speak DNS')
  })

  it('is asked for from the address that is configured', async () => {
    script = () => [message([soa, ...others, soa])]
    await fetchZone(source(url(), { sources: new SourceAddresses(['127.4.4.4'], systemRandom) }))
    expect(askedFrom).to.equal('127.4.4.4')
  })

  it('says so when nobody is there', async () =>
    expect(await reasonOf(source('axfr://127.0.0.1@1'))).to.include('ECONNREFUSED'))

  it('is asked of an address and a port', () => {
    expect(String(transferServer('axfr://192.0.2.1'))).to.equal('192.0.2.1@53')
    expect(String(transferServer('axfr://2001:db8::1@5300'))).to.equal('2001:db8::1@5300')
    expect(transferServer('axfr://ns.example.org')).to.equal(undefined)
  })
})
