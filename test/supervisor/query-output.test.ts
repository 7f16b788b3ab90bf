import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { composeMessage, edeOption, type Outgoing } from '../../src/wire/compose.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { Class, Ede, EdnsOption, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { responseJson, responseText } from '../../supervisor/query-output.ts'
import { needPeer } from '../peers.ts'
import { question, sets } from '../support/messages.ts'
import { runToEnd } from './command.ts'

const facts = { elapsedMs: 12.4, security: 'insecure', source: 'recursion' }

function compose(message: Partial<Outgoing>): Uint8Array {
  const buffer = new Uint8Array(65_535)
  const whole = { id: 4711, flags: Flag.QR | Flag.RD | Flag.RA, rcode: Rcode.NOERROR, ...message }
  return buffer.slice(0, composeMessage(buffer, whole, { limit: 65_535, dnssec: true, truncate: false }))
}

const answered = {
  question: question('www.example.org.', Type.A),
  answer: sets(
    'www.example.org. 300 IN CNAME web.example.org.\nweb.example.org. 60 IN A 192.0.2.1\nweb.example.org. 60 IN A 192.0.2.2',
  ),
  authority: sets('example.org. 3600 IN NS ns1.example.org.'),
  additional: sets('ns1.example.org. 3600 IN AAAA 2001:db8::1\nnote.example.org. 5 IN TXT "a \\"b\\"" "c\\009d"'),
  edns: { udpSize: 1232, do: true },
}

describe('responseText', () => {
  it('looks like what dig prints', () => {
    const packet = compose(answered)
    expect(responseText(packet, facts)).to.equal(`;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711
;; flags: qr rd ra; QUERY: 1, ANSWER: 3, AUTHORITY: 1, ADDITIONAL: 3

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232

;; QUESTION SECTION:
;www.example.org.\t\tIN\tA

;; ANSWER SECTION:
www.example.org.\t300\tIN\tCNAME\tweb.example.org.
web.example.org.\t60\tIN\tA\t192.0.2.1
web.example.org.\t60\tIN\tA\t192.0.2.2

;; AUTHORITY SECTION:
example.org.\t3600\tIN\tNS\tns1.example.org.

;; ADDITIONAL SECTION:
ns1.example.org.\t3600\tIN\tAAAA\t2001:db8::1
note.example.org.\t5\tIN\tTXT\t"a \\"b\\"" "c\\009d"

;; Query time: 12 msec
;; SOURCE: recursion, insecure
;; MSG SIZE  rcvd: ${packet.length}
`)
  })

  it('tells the Extended DNS Errors of a failure (RFC 8914) and other options', () => {
    const options = [
      edeOption(Ede.NO_REACHABLE_AUTHORITY, '192.0.2.1@53 timed out'),
      edeOption(Ede.DNSSEC_BOGUS),
      { code: EdnsOption.NSID, data: Buffer.from('gpdns') },
      { code: 65_001, data: Uint8Array.of(1, 0xab) },
    ]
    const packet = compose({ rcode: Rcode.SERVFAIL, edns: { udpSize: 512, do: false, options } })
    const lines = responseText(packet, facts).split('\n')
    expect(lines[0]).to.include('status: SERVFAIL')
    expect(lines.slice(3, 9)).to.deep.equal([
      ';; OPT PSEUDOSECTION:',
      '; EDNS: version: 0, flags:; udp: 512',
      '; EDE: 22 (No Reachable Authority): (192.0.2.1@53 timed out)',
      '; EDE: 6 (DNSSEC Bogus)',
      '; NSID: 67 70 64 6e 73 ("gpdns")',
      '; OPT=65001: 01 ab',
    ])
  })

  it('joins the two parts of a long response code (RFC 6891 §6.1.3)', () => {
    const packet = compose({ rcode: Rcode.BADVERS, edns: { udpSize: 512, do: false } })
    expect(responseText(packet, facts)).to.include('status: BADVERS,')
    expect(responseJson(packet, facts).status).to.equal('BADVERS')
  })

  it('lets nobody steer the terminal', () => {
    const options = [edeOption(Ede.OTHER, 'a\u001b[2Jb\nc\u202ed')]
    const text = responseText(compose({ edns: { udpSize: 512, do: false, options } }), facts)
    expect(text).to.include('(a.[2Jb.c.d)')
    expect(text.replaceAll(/[\n\t]/g, '')).to.not.match(/\p{Cc}/u)
  })

  it('shows records as dig does', async function () {
    needPeer(this, 'dig')
    const server = createSocket('udp4').on('message', (query, { port, address }) => {
      const packet = compose({ ...answered, id: query.readUInt16BE(0) })
      server.send(packet, port, address)
    })
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    const port = String(server.address().port)
    const dig = await runToEnd('dig', ['@127.0.0.1', '-p', port, '+tries=1', '+time=5', 'www.example.org.', 'A'])
    server.close()
    const records = (text: string) =>
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith(';'))
        .map((line) => line.replaceAll(/[\t ]+/g, ' '))
    expect(records(dig.stdout)).to.have.length(6)
    expect(records(responseText(compose(answered), facts))).to.deep.equal(records(dig.stdout))
    const flags = /^;; flags: .*$/m
    expect(flags.exec(responseText(compose(answered), facts))?.[0]).to.equal(flags.exec(dig.stdout)?.[0])
  })
})

describe('responseJson', () => {
  it('gives the same as plain data', () => {
    const packet = compose({ ...answered, authority: [], additional: [] })
    expect(responseJson(packet, facts)).to.deep.equal({
      status: 'NOERROR',
      flags: ['qr', 'rd', 'ra'],
      question: { name: 'www.example.org.', class: 'IN', type: 'A' },
      answer: [
        { name: 'www.example.org.', ttl: 300, class: 'IN', type: 'CNAME', data: 'web.example.org.' },
        { name: 'web.example.org.', ttl: 60, class: 'IN', type: 'A', data: '192.0.2.1' },
        { name: 'web.example.org.', ttl: 60, class: 'IN', type: 'A', data: '192.0.2.2' },
      ],
      authority: [],
      additional: [],
      edns: { version: 0, do: true, udpSize: 1232 },
      errors: [],
      elapsedMs: 12.4,
      security: 'insecure',
      source: 'recursion',
      octets: packet.length,
    })
  })

  it('names the errors and the class', () => {
    const message = compose({
      question: { name: nameFromText('id.server'), type: Type.TXT, class: Class.CH },
      rcode: Rcode.REFUSED,
      edns: { udpSize: 512, do: false, options: [edeOption(Ede.PROHIBITED, 'not for you')] },
    })
    const json = responseJson(message, facts)
    expect(json.question).to.deep.equal({ name: 'id.server.', class: 'CH', type: 'TXT' })
    expect(json.errors).to.deep.equal([{ code: 18, meaning: 'Prohibited', text: 'not for you' }])
  })
})
