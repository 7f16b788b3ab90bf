import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { ServerAddress } from '../../src/io/address.ts'
import { Flag, Rcode, Type } from '../../src/wire/types.ts'
import { composeScript, questionText, readScript, type ScriptMessage } from './message.ts'
import { parseRecord, parseScenario } from './parse-rpl.ts'
import { type ReplayOptions, replay, type World } from './replay.ts'

/** A resolver that asks one server each question as it comes, and hands the reply to the client. */
function forwarder(address: string, change: (query: ScriptMessage) => void = () => {}): ReplayOptions['start'] {
  const server = ServerAddress.fromText(address)!
  return ({ transport }: World) => ({
    handle(packet, _client, respond) {
      const query = readScript(packet)
      change(query)
      transport.exchange(server, 'udp', composeScript(query), 1000, {
        accept: (reply) => {
          respond(reply)
          return true
        },
        failed: () => respond(composeScript({ ...query, flags: Flag.QR, rcode: Rcode.SERVFAIL })),
      })
    },
  })
}

const ASK_A = 'STEP 10 QUERY\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\nwww.example.org. IN A\nENTRY_END\n'

function check(match: string, body: string): string {
  return `STEP 11 CHECK_ANSWER\nENTRY_BEGIN\nMATCH ${match}\n${body}\nENTRY_END\n`
}

function range(bounds: string, entry: string): string {
  return `RANGE_BEGIN ${bounds}\nENTRY_BEGIN\nADJUST copy_id\n${entry}\nENTRY_END\nRANGE_END\n`
}

function answer(address: string): string {
  return `REPLY QR\nSECTION QUESTION\nwww.example.org. IN A\nSECTION ANSWER\nwww.example.org. 60 IN A ${address}`
}

async function play(body: string, start = forwarder('192.0.2.1'), timersFollowElapse = false) {
  const scenario = parseScenario(`CONFIG_END\nSCENARIO_BEGIN test\n${body}\nSCENARIO_END`, 'test.rpl')
  const client = ServerAddress.fromText('127.127.0.0', 40_000)!
  return replay(scenario, { startMs: Date.UTC(2026, 0, 1), timersFollowElapse, client, start })
}

describe('replay', () => {
  it('passes when query, scripted server and check agree; TTLs are not compared', async () => {
    const outcome = await play(
      range('1 20 192.0.2.1', `MATCH opcode qtype qname\n${answer('10.0.0.1')}`) +
        ASK_A +
        check('all', answer('10.0.0.1').replace(' 60 ', ' 7 ')),
    )
    expect(outcome).to.include({ verdict: 'pass', reason: '' })
    expect(outcome.sent).to.deep.equal({ udp: 1, tcp: 0, tls: 0 })
  })

  it('fails on the first check that does not hold, naming step and element', async () => {
    const { verdict, reason } = await play(
      range('1 20 192.0.2.1', answer('10.0.0.1')) + ASK_A + check('answer', answer('10.0.0.2')),
    )
    expect(verdict).to.equal('fail')
    expect(reason).to.match(/^step 11 \(line \d+\): answer: /)
    expect(reason)
      .to.include('missing  www.example.org. 60 A 10.0.0.2')
      .and.include('surplus  www.example.org. 60 A 10.0.0.1')
  })

  it('fails on a duplicate record', async () => {
    const twice = `${answer('10.0.0.1')}\nwww.example.org. 60 IN A 10.0.0.1`
    const { reason } = await play(range('1 20 192.0.2.1', twice) + ASK_A + check('answer', answer('10.0.0.1')))
    expect(reason).to.include('expected 1 records, got 2')
  })

  it('uses the first of overlapping ranges only, even where its entries do not fit', async () => {
    const first = range('1 20 192.0.2.1', 'MATCH opcode qtype\nREPLY QR\nSECTION QUESTION\n. IN MX')
    const second = range('1 20 192.0.2.1', answer('10.0.0.1'))
    const { verdict, reason } = await play(first + second + ASK_A)
    expect(verdict).to.equal('undefined')
    expect(reason).to.equal('not scripted: www.example.org. A to 192.0.2.1@53 in step 10')
  })

  it('answers what is not scripted with SERVFAIL', async () => {
    const { verdict } = await play(
      `RANGE_BEGIN 1 9\nADDRESS 192.0.2.1\nRANGE_END\n${ASK_A}${check('rcode flags', 'REPLY QR RD SERVFAIL')}`,
    )
    expect(verdict).to.equal('undefined')
  })

  it('chooses the range by the step in play', async () => {
    const ranges = range('1 9 192.0.2.1', answer('10.0.0.9')) + range('10 20 192.0.2.1', answer('10.0.0.1'))
    expect((await play(ranges + ASK_A + check('answer', answer('10.0.0.1')))).verdict).to.equal('pass')
  })

  it('keeps silent at addresses outside all ranges, unless a REPLY step names them', async () => {
    const elsewhere = range('1 20 192.0.2.99', answer('10.0.0.9'))
    const servfail = check('rcode', 'REPLY QR SERVFAIL')
    expect((await play(elsewhere + ASK_A + servfail)).reason).to.equal('')
    const oneShot = `STEP 12 REPLY\nENTRY_BEGIN\nADJUST copy_id\n${answer('192.0.2.1')}\nENTRY_END`
    expect((await play(ASK_A + check('answer', answer('192.0.2.1')) + oneShot)).verdict).to.equal('pass')
  })

  it('uses a REPLY step once', async () => {
    const oneShot = (id: number, address: string) =>
      `STEP ${id} REPLY\nENTRY_BEGIN\nADJUST copy_id\n${answer(address)}\nENTRY_END\n`
    const again = (text: string) => text.replace('STEP 10 ', 'STEP 20 ').replace('STEP 11 ', 'STEP 21 ')
    const { verdict, reason } = await play(
      ASK_A +
        check('answer', answer('192.0.2.1')) +
        again(ASK_A + check('answer', answer('192.0.2.2'))) +
        oneShot(30, '192.0.2.1') +
        oneShot(31, '192.0.2.2'),
    )
    expect(reason).to.equal('')
    expect(verdict).to.equal('pass')
  })

  it('copies the name of the query with copy_id, letter case included, and not its type', async () => {
    const shout = forwarder('192.0.2.1', (query) => {
      query.question!.name = query.question!.name.map((octet) => (octet >= 0x61 ? octet - 0x20 : octet))
      query.question!.type = Type.AAAA
    })
    const ranges = range('1 20 192.0.2.1', `MATCH opcode qname\n${answer('10.0.0.1')}`)
    const { verdict, reason } = await play(
      ranges + ASK_A + check('qtype qname', 'SECTION QUESTION\nwww.example.org. IN A'),
      shout,
    )
    expect(verdict, reason).to.equal('pass')
    const cased = await play(ranges + ASK_A + check('qcase', 'SECTION QUESTION\nWWW.EXAMPLE.ORG. IN A'), shout)
    expect(cased.verdict, cased.reason).to.equal('pass')
  })

  it('replaces the whole question with copy_query', async () => {
    const askAaaa = forwarder('192.0.2.1', (query) => {
      query.question!.type = Type.AAAA
    })
    const ranges = range('1 20 192.0.2.1', answer('10.0.0.1').replace('REPLY QR', 'MATCH qname\nREPLY QR')).replace(
      'copy_id',
      'copy_id copy_query',
    )
    expect(
      (await play(ranges + ASK_A + check('qtype', 'SECTION QUESTION\nwww.example.org. IN AAAA'), askAaaa)).verdict,
    ).to.equal('pass')
  })

  it('takes the name itself and all below for a subdomain, in any letter case', async () => {
    const fits = async (name: string) => {
      const entry = `MATCH subdomain\nREPLY QR\nSECTION QUESTION\n${name} IN A`
      return (await play(range('1 20 192.0.2.1', entry) + ASK_A)).verdict === 'pass'
    }
    expect(await fits('WWW.example.org.')).to.equal(true)
    expect(await fits('org.')).to.equal(true)
    expect(await fits('ww.example.org.')).to.equal(false)
    expect(await fits('a.www.example.org.')).to.equal(false)
  })

  it('sends OPT back only where it came in', async () => {
    const seen: (object | undefined)[] = []
    for (const edns of [undefined, { udpSize: 1232, version: 0, do: true }]) {
      const start: ReplayOptions['start'] = (world) => ({
        handle(packet, client, respond) {
          const strip = forwarder('192.0.2.1', (query) => {
            query.edns = edns
          })
          strip(world).handle(packet, client, (reply) => {
            seen.push(readScript(reply).edns)
            respond(reply)
          })
        },
      })
      await play(range('1 20 192.0.2.1', answer('10.0.0.1')) + ASK_A, start)
    }
    expect(seen).to.deep.equal([undefined, { udpSize: 4096, version: 0, do: true }])
  })

  it('keeps silent for do_not_answer and still counts the entry as used', async () => {
    const mandatory = range('1 20 192.0.2.1', `MANDATORY\n${answer('10.0.0.1')}`)
    const silent = mandatory.replace('copy_id', 'copy_id do_not_answer')
    expect((await play(silent + ASK_A + check('rcode', 'REPLY QR SERVFAIL'))).verdict).to.equal('pass')
    const unused = await play(mandatory)
    expect(unused.reason).to.match(/the mandatory entry of line \d+ was never asked for/)
  })

  it('fails a resolver that does not answer, answers twice, with another ID, or breaks down', async () => {
    const ways: [string, ReplayOptions['start']][] = [
      ['no answer within 5 s', () => ({ handle() {} })],
      [
        '2 answers to one query',
        () => ({
          handle(packet, _, respond) {
            respond(packet)
            respond(packet)
          },
        }),
      ],
      [
        "the answer's ID is",
        () => ({
          handle: (packet, _, respond) =>
            respond(composeScript({ ...readScript(packet), id: readScript(packet).id ^ 1 })),
        }),
      ],
      [
        'the resolver failed: Error: ouch',
        () => ({
          handle() {
            throw new Error('ouch')
          },
        }),
      ],
      [
        'the resolver failed: within',
        () => ({ handle: (packet, _, respond) => respond(packet), fault: () => 'within' }),
      ],
    ]
    for (const [reason, start] of ways) {
      const outcome = await play(ASK_A, start)
      expect(outcome.verdict).to.equal('fail')
      expect(outcome.reason).to.include(reason)
    }
  })

  it('sends RAW octets as they are and does not wait', async () => {
    const received: number[][] = []
    const start: ReplayOptions['start'] = () => ({
      handle(packet, _client, respond) {
        received.push([...packet])
        if (packet.length > 3) respond(packet)
      },
    })
    const raw = 'STEP 1 QUERY\nENTRY_BEGIN\nRAW\n00ff01\nENTRY_END\n'
    expect((await play(raw + ASK_A, start)).verdict).to.equal('pass')
    expect(received[0]).to.deep.equal([0, 255, 1])
    expect((await play(raw + check('rcode', ''), start)).reason).to.include('there is no answer to check')
  })

  it('signs with TSIG, HMAC-SHA256 (RFC 8945 §4.3.3)', async () => {
    let signed: Uint8Array = new Uint8Array()
    const start: ReplayOptions['start'] = () => ({
      handle(packet, _client, respond) {
        signed = packet
        respond(packet)
      },
    })
    await play(ASK_A.replace('REPLY RD', 'REPLY RD\nTSIG testkey AAECAwQFBgc='), start)
    const keyAt = Buffer.from(signed).indexOf('\x07testkey\0', 0, 'latin1')
    const bare = Buffer.from(signed.subarray(0, keyAt))
    bare.writeUInt16BE(1, 10) // OPT alone
    const rdata = Buffer.from(signed.subarray(keyAt + 9 + 10))
    const algorithm = rdata.subarray(0, 13)
    const time = rdata.subarray(13, 21)
    const mac = createHmac('sha256', Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]))
      .update(
        Buffer.concat([bare, Buffer.from('\x07testkey\0\0\xff\0\0\0\0', 'latin1'), algorithm, time, Buffer.alloc(4)]),
      )
      .digest()
    expect(algorithm.toString('latin1')).to.equal('\x0bhmac-sha256\0')
    expect(time.readUIntBE(0, 6)).to.equal(Date.UTC(2026, 0, 1) / 1000)
    expect(rdata.subarray(23, 55).equals(mac)).to.equal(true)
  })

  it('moves the calendar by ELAPSE, and timers only where they follow it', async () => {
    for (const timersFollowElapse of [false, true]) {
      let fired = false
      let wallMs = 0
      const start: ReplayOptions['start'] = ({ clock }) => {
        clock.after(3_600_000, () => {
          fired = true
        })
        return {
          handle(packet, _client, respond) {
            wallMs = clock.wallMs()
            respond(packet)
          },
        }
      }
      await play(`STEP 1 TIME_PASSES ELAPSE 86400\n${ASK_A}`, start, timersFollowElapse)
      expect(wallMs).to.equal(Date.UTC(2026, 0, 2))
      expect(fired).to.equal(timersFollowElapse)
    }
  })

  it('tells the story of every query and answer', async () => {
    const { story } = await play(range('1 20 192.0.2.1', answer('10.0.0.1')) + ASK_A)
    const text = story.map((line) => line()).join('\n')
    expect(text).to.include('asks 192.0.2.1@53 udp www.example.org. A').and.include('client gets NOERROR')
  })
})

describe('composeScript and readScript', () => {
  it('keep every record in order, duplicates too', () => {
    const record = parseRecord('a.example. 60 A 192.0.2.1')
    const message = readScript(
      composeScript({
        id: 4711,
        flags: Flag.QR | Flag.AA,
        rcode: Rcode.BADVERS,
        question: undefined,
        answer: [record, record],
        authority: [],
        additional: [parseRecord('B.example. TXT x')],
        edns: { udpSize: 4096, version: 0, do: true },
      }),
    )
    expect(message).to.include({ id: 4711, flags: Flag.QR | Flag.AA, rcode: Rcode.BADVERS })
    expect(message.answer).to.have.length(2)
    expect(questionText(message.question)).to.equal('(no question)')
    expect(message.edns?.do).to.equal(true)
  })
})
