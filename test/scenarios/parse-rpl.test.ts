import { expect } from 'chai'
import { nameToText } from '../../src/wire/name.ts'
import { Flag, Rcode, Type } from '../../src/wire/types.ts'
import { readHead } from './head.ts'
import { recordText } from './message.ts'
import { parseRecord, parseScenario } from './parse-rpl.ts'

const TAIL = 'SCENARIO_BEGIN nothing\nSCENARIO_END'

function parse(body: string, head = '') {
  return parseScenario(
    `${head}\nCONFIG_END\nSCENARIO_BEGIN a title ; remark\n${body}\nSCENARIO_END\nignored`,
    'test.rpl',
  )
}

function headOf(text: string) {
  return readHead(parseScenario(`${text}\nCONFIG_END\n${TAIL}`, 'test.rpl'))
}

describe('parseScenario', () => {
  it('reads ranges and steps wherever they stand', () => {
    const scenario = parse(`
      STEP 10 QUERY
      ENTRY_BEGIN
        REPLY RD DO ; header to send
        SECTION QUESTION
          www.example.org IN A
      ENTRY_END
      RANGE_BEGIN 1 20171231000099 192.0.2.1 ; root
        ADDRESS 2001:db8::1
        ENTRY_BEGIN
        MANDATORY
        MATCH question all
        ADJUST copy_id copy_query
        FLAGS QR AA REFUSED
        SECTION ANSWER
        www.example.org. 60 IN TXT "a;b" c ; remark
        ENTRY_END
      RANGE_END
      STEP 11 TIME_PASSES ELAPSE 15`)
    expect(scenario.title).to.equal('a title')
    const [query, time] = scenario.steps
    if (query.kind !== 'QUERY' || time.kind !== 'TIME_PASSES') throw new Error('steps of other kinds')
    expect(query.entry.message.flags).to.equal(Flag.RD)
    expect(query.entry.message.edns).to.deep.equal({ udpSize: 4096, version: 0, do: true })
    expect(nameToText(query.entry.message.question!.name)).to.equal('www.example.org.')
    expect(time.elapseSeconds).to.equal(15)
    const [range] = scenario.ranges
    expect(range.to).to.equal(20171231000099)
    expect(range.addresses.map(String)).to.deep.equal(['192.0.2.1@53', '2001:db8::1@53'])
    const [entry] = range.entries
    expect(entry.mandatory).to.equal(true)
    expect(entry.match).to.include.members(['qtype', 'qname', 'opcode', 'flags', 'rcode', 'additional'])
    expect(entry.message.rcode).to.equal(Rcode.REFUSED)
    expect(recordText(entry.message.answer[0])).to.equal('www.example.org. 60 TXT "a;b" "c"')
  })

  it('clears RD where no REPLY line sets it', () => {
    const [step] = parse('STEP 1 QUERY\nENTRY_BEGIN\nSECTION QUESTION\n. IN NS\nENTRY_END').steps
    if (step.kind !== 'QUERY') throw new Error('no query')
    expect(step.entry.message.flags).to.equal(0)
    expect(step.entry.message.rcode).to.equal(Rcode.NOERROR)
  })

  it('reads RAW, TSIG, REPLY steps and CHECK_OUT_QUERY', () => {
    const { steps } = parse(`
      STEP 1 QUERY
      ENTRY_BEGIN
      TSIG testkey +Cdjlkef9ZTSeixERZ433Q==
      RAW
      00 01 ff
      ENTRY_END
      STEP 2 REPLY
      ENTRY_BEGIN
      ENTRY_END
      STEP 3 CHECK_OUT_QUERY`)
    expect(steps.map(({ kind }) => kind)).to.deep.equal(['QUERY', 'REPLY', 'CHECK_OUT_QUERY'])
    const [query, reply] = steps
    if (query.kind !== 'QUERY' || reply.kind !== 'REPLY') throw new Error('steps of other kinds')
    expect([...query.entry.raw!]).to.deep.equal([0, 1, 255])
    expect(query.entry.tsig!.secret).to.have.length(16)
    expect(reply.entry.match).to.equal(undefined)
  })

  for (const [problem, body] of [
    ['a keyword of the wrong case', 'step 1 QUERY'],
    ['steps that do not ascend', 'STEP 2 CHECK_OUT_QUERY\nSTEP 2 CHECK_OUT_QUERY'],
    ['an unknown element of MATCH', 'RANGE_BEGIN 1 2\nENTRY_BEGIN\nMATCH ttl\nENTRY_END\nRANGE_END'],
    ['an unknown flag', 'STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD XX\nENTRY_END'],
    ['two questions', 'STEP 1 QUERY\nENTRY_BEGIN\nSECTION QUESTION\n. IN A\n. IN NS\nENTRY_END'],
    ['a check without MATCH', 'STEP 1 CHECK_ANSWER\nENTRY_BEGIN\nENTRY_END'],
    ['an entry that does not end', 'STEP 1 QUERY\nENTRY_BEGIN'],
    ['a record that cannot be', 'STEP 1 QUERY\nENTRY_BEGIN\nSECTION ANSWER\n. IN A 1.2.3\nENTRY_END'],
  ]) {
    it(`refuses ${problem}, naming the line`, () => expect(() => parse(body)).to.throw(/^test\.rpl:\d+: /))
  }
})

describe('parseRecord', () => {
  it('takes TTL and class or leaves them to their defaults', () => {
    const texts = ['a.example A 192.0.2.1', 'a.example. 60 A 192.0.2.1', 'a.example. 60 IN A 192.0.2.1']
    expect(texts.map((text) => parseRecord(text).ttl)).to.deep.equal([3600, 60, 60])
    for (const text of texts) expect(parseRecord(text)).to.include({ type: Type.A, class: 1 })
    expect(parseRecord('a. CH TXT x').class).to.equal(3)
  })

  it('reads names in RDATA relative to the root, mnemonic algorithms, split hex and parentheses', () => {
    expect(recordText(parseRecord('a. NS ns.b'))).to.equal('a. 3600 NS ns.b.')
    expect(
      recordText(parseRecord('a. DS 8 RSASHA1 1 ( 0FCD3F3031F437036CA5 3411FD4B43BAB303B450 ) ;{remark}')),
    ).to.match(/DS 8 5 1 0fcd3f3031f437036ca53411fd4b43bab303b450$/i)
    expect(recordText(parseRecord('a. TYPE65280 \\# 2 abcd'))).to.match(/TYPE65280 \\# 2 abcd$/i)
  })
})

describe('readHead', () => {
  it('knows the defaults', () => {
    const head = headOf('')
    expect(head).to.include({ doIpv4: true, doIpv6: true, queryLoopback: false, hardenGlue: true })
    expect(head.minimise, 'played both ways').to.deep.equal([false, true])
    expect(head.stub).to.equal(undefined)
  })

  it('reads keys, comments and quotes', () => {
    const head = headOf(`
      ; remark: not a key
      stub-addr: 193.0.14.129 \t# K.ROOT-SERVERS.NET.
      stub-name: "rootns."
      do-ip6: no
      do-ip4: off ; everything that is not yes is no
      harden-glue: "no"
      query-minimization: on
      domain-insecure: net.
      val-override-date: "20170228130000"
      trust-anchor: ". IN DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5 ;{id}" ; tail
      feature-list: policy=policy:add(policy.all(policy.DENY))
      features: min_ttl = 5 ; max_ttl = 10 ; leftover
      noise`)
    expect(head.stub!.address.toString()).to.equal('193.0.14.129@53')
    expect(nameToText(head.stub!.name)).to.equal('rootns.')
    expect(head).to.include({ doIpv4: false, doIpv6: false, hardenGlue: false })
    expect(head.minimise).to.deep.equal([true])
    expect(head.startMs).to.equal(Date.UTC(2017, 1, 28, 13))
    expect(head.trustAnchors.map(({ type }) => type)).to.deep.equal([Type.DS])
    expect(head.negativeTrustAnchors.map(nameToText)).to.deep.equal(['net.'])
    expect([...head.features]).to.deep.equal([
      ['min_ttl', '5'],
      ['max_ttl', '10'],
    ])
    expect(head.policies).to.deep.equal(['policy:add(policy.all(policy.DENY))'])
  })

  it('reads a clock in POSIX seconds', () =>
    expect(headOf('val-override-timestamp: "1488286800"').startMs).to.equal(Date.UTC(2017, 1, 28, 13)))

  it('refuses a key the format does not know', () =>
    expect(() => headOf('stub-adr: 192.0.2.1')).to.throw('"stub-adr" is no setting'))
})
