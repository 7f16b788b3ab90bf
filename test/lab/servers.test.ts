import { expect } from 'chai'
import dnsPacket, { type Answer as PacketAnswer } from 'dns-packet'
import { parseReply, type Reply } from '../../src/wire/message.ts'
import { equalNames, type Name, nameFromText } from '../../src/wire/name.ts'
import { canonicalRdata } from '../../src/wire/rdata.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { Flag, Rcode, rcodeText, Type, typeFromText } from '../../src/wire/types.ts'
import { needPeer } from '../peers.ts'
import { ask, composeQuestion, exchange } from './ask.ts'
import { type Lab, startLab } from './lab.ts'
import { saySame } from './oracle.ts'
import type { WorldQuestion } from './world.ts'

/** The corner cases come first in the world's questions; of the ordinary zones' every nth is enough. */
function sampleQuestions(lab: Lab, every: number): WorldQuestion[] {
  return lab.world.questions.filter((_, index) => index < 500 || index % every === 0)
}

/** Asks one server, over TCP again when it says so. */
async function askServer(lab: Lab, address: string, qname: Name, qtype: number): Promise<Buffer> {
  let packet = await ask(address, qname, qtype, { port: lab.port })
  if (packet !== undefined && (packet[2] & (Flag.TC >> 8)) !== 0)
    packet = await ask(address, qname, qtype, { port: lab.port, protocol: 'tcp' })
  if (packet === undefined) throw new Error(`${address} does not answer`)
  return packet
}

/** Whether a server's reply is the truth as far as its own zone goes: the beginning of the chain, or all of it. */
function expectTruth(lab: Lab, question: WorldQuestion, reply: Reply, host: string): void {
  const qtype = typeFromText(question.qtype)!
  const truth = lab.oracle.follow(nameFromText(question.qname), qtype)
  const about = `${question.qname} ${question.qtype} at ${host} (${lab.engines.get(host)})`
  expect(reply.flags & Flag.AA, `AA of ${about}`).to.equal(Flag.AA)
  expect(reply.answer.length, `RRsets of ${about}`).to.be.at.most(truth.answer.length)
  for (const [index, found] of reply.answer.entries())
    expect(saySame(found, truth.answer[index], canonicalRdata), `RRset ${index} of ${about}`).to.equal(true)
  const last = reply.answer.at(-1)
  const goesOn = last?.type === Type.CNAME && qtype !== Type.CNAME
  if (goesOn && rcodeText(reply.rcode) === 'NOERROR') return // an alias that leads out of what this server follows
  expect(rcodeText(reply.rcode), `code of ${about}`).to.equal(truth.rcode)
  expect(reply.answer.length, `RRsets of ${about}`).to.equal(truth.answer.length)
}

/** Questions that no two servers need to agree on, and those our parser refuses on purpose. */
const tasteful = new Set([
  'www.any.org.',
  'www.grow.dname-growing.org.',
  'a1500.huge.com.',
  'link0.too-many-links.com.',
])

async function checkServers(lab: Lab, every: number): Promise<number> {
  let asked = 0
  for (const question of sampleQuestions(lab, every)) {
    if (tasteful.has(question.qname) || question.qname.endsWith('loops.com.')) continue
    const qname = nameFromText(question.qname)
    const qtype = typeFromText(question.qtype)!
    for (const host of lab.oracle.zoneOf(qname, qtype).hosts) {
      const reply = parseReply(await askServer(lab, lab.world.hosts.get(host)!.addresses[0], qname, qtype))
      expectTruth(lab, question, reply, host)
      asked++
    }
  }
  return asked
}

describe('the lab, played by authority.ts alone', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({ engine: 'typescript', quiet: true })
  })
  after(() => lab.stop())

  it('has a thousand ordinary zones and answers as the oracle says', async () => {
    expect(lab.world.zones.size).to.be.above(1100)
    expect(await checkServers(lab, 20)).to.be.above(900)
  })

  it('says the same to dns-packet, another codec', async () => {
    let compared = 0
    for (const question of sampleQuestions(lab, 10)) {
      const qtype = typeFromText(question.qtype)!
      const texts = dnsPacketTexts[question.qtype]
      const { answer, zones } = lab.oracle.follow(nameFromText(question.qname), qtype)
      if (
        texts === undefined ||
        answer.length !== 1 ||
        answer[0].type !== qtype ||
        answer[0].rdatas.length > 50 ||
        question.qname.includes('\\') ||
        question.qname === 'txt.types.org.'
      )
        continue
      const host = zones[0].hosts[0]
      if (host === undefined) continue
      const address = lab.world.hosts.get(host)!.addresses[0]
      const { answers, flag_aa } = decodeReply(await askServer(lab, address, nameFromText(question.qname), qtype))
      expect(flag_aa, question.qname).to.equal(true)
      const told = answers.map((found) => texts(found as never).toLowerCase()).sort()
      const known = answer[0].rdatas.map((rdata) => rdataToText(qtype, rdata).toLowerCase()).sort()
      expect(told, `${question.qname} ${question.qtype}`).to.deep.equal(known)
      compared++
    }
    expect(compared).to.be.above(200)
  })

  it('refers to a child zone without AA, with glue (RFC 1034 §4.3.2 step 3b)', async () => {
    const root = parseReply(await askServer(lab, lab.roots[0], nameFromText('www.chains.com'), Type.A))
    expect(root.flags & Flag.AA).to.equal(0)
    expect(root.authority.map((found) => found.type)).to.deep.equal([Type.NS])
    expect(equalNames(root.authority[0].owner, nameFromText('com'))).to.equal(true)
    expect(root.additional.map((found) => found.type)).to.deep.equal([Type.A, Type.A])
  })

  it('sends an SOA with each denial (RFC 2308 §2)', async () => {
    const address = lab.world.address('2.1')
    for (const [qname, qtype, rcode] of [
      ['nothing.chains.com', Type.A, Rcode.NXDOMAIN],
      ['www.chains.com', Type.MX, Rcode.NOERROR],
    ] as const) {
      const reply = parseReply(await askServer(lab, address, nameFromText(qname), qtype))
      expect(reply.rcode).to.equal(rcode)
      expect(reply.authority.map((found: RRset) => [found.type, found.ttl])).to.deep.equal([[Type.SOA, 300]])
    }
  })

  it('refuses zones it does not have, zone transfers and other classes; FORMERR, NOTIMP and BADVERS where due', async () => {
    const address = lab.world.address('2.1')
    const rcodeOf = async (change: (packet: Uint8Array) => void, qtype: number = Type.A) => {
      const packet = composeQuestion(7, nameFromText('www.chains.com'), qtype)
      change(packet)
      return rcodeText(parseReply((await exchange(address, packet, { port: lab.port }))!).rcode)
    }
    const opt = 12 + 16 + 4
    expect(await rcodeOf(() => {})).to.equal('NOERROR')
    expect(await rcodeOf(() => {}, Type.AXFR)).to.equal('REFUSED')
    expect(await rcodeOf((packet) => (packet[opt - 1] = 3))).to.equal('REFUSED')
    expect(await rcodeOf((packet) => (packet[17] = 0x7a))).to.equal('REFUSED') // www.zhains.com, which it does not have
    expect(await rcodeOf((packet) => (packet[2] = 0x20))).to.equal('NOTIMP')
    expect(await rcodeOf((packet) => (packet[12] = 0xff))).to.equal('FORMERR')
    expect(await rcodeOf((packet) => (packet[opt + 6] = 1))).to.equal('BADVERS')
  })
})

describe("the lab, played by Debian's servers", function () {
  this.timeout(60_000)
  let lab: Lab | undefined
  before(async function () {
    needPeer(this, 'knotd', 'nsd', 'named')
    lab = await startLab({ engine: 'debian', quiet: true })
  })
  after(() => lab?.stop())

  it('answers as the oracle says, whoever plays the host', async () => {
    expect(await checkServers(lab!, 20)).to.be.above(900)
    expect(new Set(lab!.engines.values())).to.deep.equal(new Set(['knotd', 'nsd', 'named', 'authority.ts']))
  })
})

/** RDATA as dns-packet decodes it, in the text form of master files. */
const dnsPacketTexts: Record<string, (answer: { data: never }) => string> = {
  A: ({ data }: { data: string }) => data,
  AAAA: ({ data }: { data: string }) => data,
  NS: ({ data }: { data: string }) => `${data}.`,
  CNAME: ({ data }: { data: string }) => `${data}.`,
  PTR: ({ data }: { data: string }) => `${data}.`,
  MX: ({ data }: { data: dnsPacket.MxData }) => `${data.preference} ${data.exchange}.`,
  TXT: ({ data }: { data: Buffer[] }) => data.map((string) => `"${string.toString('latin1')}"`).join(' '),
  SRV: ({ data }: { data: dnsPacket.SrvData }) => `${data.priority} ${data.weight} ${data.port} ${data.target}.`,
  CAA: ({ data }: { data: dnsPacket.CaaData }) => `${data.flags} ${data.tag} "${data.value}"`,
  SOA: ({ data }: { data: dnsPacket.SoaData }) =>
    `${data.mname}. ${data.rname}. ${data.serial} ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`,
}

function decodeReply(packet: Buffer): { answers: PacketAnswer[]; flag_aa: boolean } {
  const { answers = [], flag_aa } = dnsPacket.decode(packet) as dnsPacket.DecodedPacket
  return { answers, flag_aa }
}
