import { createSocket } from 'node:dgram'
import { expect } from 'chai'
import { WireError } from '../../src/wire/error.ts'
import { parseReply, type Reply } from '../../src/wire/message.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { Flag, Rcode, rcodeText, Type, typeFromText, typeText } from '../../src/wire/types.ts'
import { composeQuestion, exchange } from './ask.ts'
import { type Lab, startLab } from './lab.ts'
import type { BehaviourName } from './misbehaving.ts'
import { POISON_ADDRESS, type Trouble } from './troubles.ts'

/** Everything that came back from a misbehaving server. */
interface Seen {
  trouble: Trouble
  /** All packets over UDP in reply to a question with EDNS, and to one without. */
  udp: Packet[]
  plain: Packet[]
  tcp: Buffer | undefined
  tcpMs: number
}

interface Packet {
  octets: Buffer
  port: number
  elapsedMs: number
}

const ID = 0x1234
const PATIENCE_MS = 1600

/** All that arrives from `address` in a while, from whatever port. */
function collect(address: string, port: number, question: Uint8Array): Promise<Packet[]> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const packets: Packet[] = []
    const sent = performance.now()
    socket.on('message', (octets, from) => {
      if (from.address === address) packets.push({ octets, port: from.port, elapsedMs: performance.now() - sent })
    })
    socket.send(question, port, address)
    setTimeout(() => socket.close(() => resolve(packets)), PATIENCE_MS)
  })
}

async function observe(lab: Lab, trouble: Trouble): Promise<Seen> {
  const { port } = lab
  const question = (udpSize: number) =>
    composeQuestion(ID, nameFromText(trouble.qname), typeFromText(trouble.qtype)!, { udpSize })
  const asked = performance.now()
  let tcpMs = 0
  const overTcp = exchange(trouble.addresses[0], question(1232), { port, protocol: 'tcp', timeoutMs: PATIENCE_MS })
  const [udp, plain, tcp] = await Promise.all([
    collect(trouble.addresses[0], port, question(1232)),
    collect(trouble.addresses[0], port, question(0)),
    overTcp.finally(() => (tcpMs = performance.now() - asked)),
  ])
  return { trouble, udp, plain, tcp, tcpMs }
}

const only = (packets: Packet[]): Buffer => {
  expect(packets.length).to.equal(1)
  return packets[0].octets
}
const reply = (packets: Packet[]): Reply => parseReply(only(packets))
const records = (sets: RRset[]): string[] =>
  sets.flatMap(({ owner, type, rdatas }) =>
    rdatas.map((rdata) => `${nameToText(owner)} ${typeText(type)} ${rdataToText(type, rdata)}`),
  )
const says = (packet: Buffer | undefined, trouble: Trouble): void => {
  const { rcode, answer } = parseReply(packet!)
  expect(rcode).to.equal(Rcode.NOERROR)
  expect(answer.at(-1)?.rdatas.map((rdata) => rdataToText(answer.at(-1)!.type, rdata))).to.deep.equal(trouble.answer)
}
const isSilent = (packets: Packet[]): void => {
  expect(packets).to.deep.equal([])
}
const isCut = (packets: Packet[]): void => {
  expect(reply(packets).flags & Flag.TC).to.equal(Flag.TC)
}
const failsWith = (rcode: string) => (seen: Seen) => {
  expect(rcodeText(reply(seen.udp).rcode)).to.equal(rcode)
  expect(rcodeText(parseReply(seen.tcp!).rcode)).to.equal(rcode)
}
const isRight = ({ udp, trouble }: Seen): void => says(only(udp), trouble)
const failsOnEdns =
  (rcode: string) =>
  ({ udp, plain, trouble }: Seen): void => {
    expect(rcodeText(reply(udp).rcode)).to.equal(rcode)
    says(only(plain), trouble)
  }
const isUnreadable = ({ udp }: Seen): void => {
  expect(() => reply(udp)).to.throw(WireError)
}
const refersTo =
  (zone: string, servers: RegExp, count = 1) =>
  ({ udp }: Seen): void => {
    const { flags, answer, authority } = reply(udp)
    expect(flags & Flag.AA).to.equal(0)
    expect(answer).to.deep.equal([])
    expect(authority.map((found) => nameToText(found.owner))).to.deep.equal([zone])
    expect(authority[0].rdatas.length).to.equal(count)
    for (const server of authority[0].rdatas) expect(nameToText(server)).to.match(servers)
  }

const checks: Record<BehaviourName, (seen: Seen, lab: Lab) => void> = {
  sound: (seen) => {
    isRight(seen)
    says(seen.tcp, seen.trouble)
    says(only(seen.plain), seen.trouble)
  },

  'lame-refused': failsWith('REFUSED'),
  'lame-servfail': failsWith('SERVFAIL'),
  'lame-upward': refersTo('.', /root-servers/),
  'lame-not-authoritative': (seen) => {
    isRight(seen)
    expect(reply(seen.udp).flags & Flag.AA).to.equal(0)
  },
  'lame-notauth': failsWith('NOTAUTH'),
  'half-lame': failsWith('REFUSED'),

  mute: ({ udp, plain, tcp }) => {
    isSilent([...udp, ...plain])
    expect(tcp).to.equal(undefined)
  },
  'mute-udp': ({ udp, tcp, trouble }) => {
    isSilent(udp)
    says(tcp, trouble)
  },
  'half-mute': ({ udp }) => isSilent(udp),
  slow: (seen) => {
    isRight(seen)
    expect(seen.udp[0].elapsedMs).to.be.above(290)
  },
  'very-slow': (seen) => {
    isRight(seen)
    expect(seen.udp[0].elapsedMs).to.be.above(1190)
  },

  truncating: ({ udp, tcp, trouble }) => {
    isCut(udp)
    says(tcp, trouble)
  },
  'truncating-mute-tcp': ({ udp, tcp, tcpMs }) => {
    isCut(udp)
    expect(tcp).to.equal(undefined)
    expect(tcpMs).to.be.above(PATIENCE_MS - 50)
  },
  'tcp-closes': ({ udp, tcp, tcpMs }) => {
    isCut(udp)
    expect(tcp).to.equal(undefined)
    expect(tcpMs).to.be.below(PATIENCE_MS - 50)
  },
  'tcp-trickles': ({ udp, tcp, tcpMs, trouble }) => {
    isCut(udp)
    says(tcp, trouble)
    expect(tcpMs).to.be.above(300)
  },

  'edns-dropped': ({ udp, plain, trouble }) => {
    isSilent(udp)
    says(only(plain), trouble)
  },
  'edns-formerr': failsOnEdns('FORMERR'),
  'edns-notimp': failsOnEdns('NOTIMP'),
  'edns-badvers': failsOnEdns('BADVERS'),
  'edns-ignored': (seen) => {
    isRight(seen)
    expect(reply(seen.udp).edns).to.equal(undefined)
  },
  'edns-oversize': ({ udp }) => {
    expect(only(udp).length).to.be.above(1232)
    expect(reply(udp).flags & Flag.TC).to.equal(0)
  },

  'wrong-id-first': ({ udp, trouble }) => {
    expect(udp.map(({ octets }) => octets.readUInt16BE(0) === ID)).to.deep.equal([false, true])
    says(udp[1].octets, trouble)
  },
  'wrong-question': ({ udp, trouble }) =>
    expect(nameToText(reply(udp).question!.name)).to.equal(`other.${trouble.origin}`),
  'wrong-type': ({ udp }) => expect(reply(udp).question!.type).to.equal(Type.TXT),
  'lower-case': (seen) => isRight(seen), // that it does not keep capitals is seen below
  'no-question': (seen) => {
    isRight(seen)
    expect(reply(seen.udp).question).to.equal(undefined)
  },
  'wrong-port': ({ udp, tcp, trouble }, lab) => {
    says(only(udp), trouble)
    expect(udp[0].port).not.to.equal(lab.port)
    expect(tcp).to.equal(undefined)
  },
  'garbage-first': ({ udp, trouble }) => {
    expect(udp.map(({ octets }) => octets.length).slice(0, 4)).to.deep.equal([1, 11, 12, 50])
    says(udp[4].octets, trouble)
  },
  'not-a-response': ({ udp }) => expect(reply(udp).flags & Flag.QR).to.equal(0),
  'pointer-loop': isUnreadable,
  'cut-short': isUnreadable,
  'trailing-garbage': (seen) => {
    isRight(seen)
    expect([...only(seen.udp).subarray(-7)]).to.deep.equal(Array(7).fill(0xff))
  },

  'poison-answer': ({ udp, trouble }) =>
    expect(records(reply(udp).answer)).to.deep.equal([
      `${trouble.qname} A ${trouble.answer[0]}`,
      `www.victim.com. A ${POISON_ADDRESS}`,
    ]),
  'poison-authority': ({ udp, trouble }) =>
    expect(records(reply(udp).authority)).to.deep.equal(
      ['victim.com.', 'trouble.com.', 'com.'].map((zone) => `${zone} NS ns.evil.${trouble.origin}`),
    ),
  'poison-additional': ({ udp }) =>
    expect(records(reply(udp).additional)).to.include(`www.victim.com. A ${POISON_ADDRESS}`),
  'poison-cname': ({ udp, trouble }) =>
    expect(records(reply(udp).answer)).to.deep.equal([
      `${trouble.qname} CNAME aliased.victim.com.`,
      `aliased.victim.com. A ${POISON_ADDRESS}`,
    ]),
  'poison-referral': refersTo('victim.com.', /ns\.evil\.poison-referral/),
  'poison-dname': ({ udp }) => expect(records(reply(udp).answer)[0]).to.equal('trouble.com. DNAME victim.com.'),

  'referral-self': refersTo('referral-self.trouble.com.', /ns1/),
  'referral-up': refersTo('trouble.com.', /ns1/),
  'referral-ping-pong': refersTo('www.referral-ping-pong.trouble.com.', /^ns2/),
  'referral-deep': refersTo('www.referral-deep.trouble.com.', /ns1/),
  'referral-glueless-endless': refersTo('x1.referral-glueless-endless.trouble.com.', /^ns\.x2\./),
  nxns: refersTo('sub.nxns.trouble.com.', /\.nothing\.victim\.com\.$/, 40),
  'nxns-tcp': ({ udp, tcp }) => {
    isCut(udp)
    expect(tcp!.readUInt16BE(8)).to.equal(1000) // more than parseReply would take
  },
  'cname-endless': ({ udp, trouble }) =>
    expect(records(reply(udp).answer)).to.deep.equal([`${trouble.qname} CNAME c2.${trouble.origin}`]),
  'cname-loop': ({ udp, trouble }) =>
    expect(records(reply(udp).answer)).to.deep.equal([`${trouble.qname} CNAME ${trouble.qname}`]),

  'nxdomain-for-empty': isRight, // what it says of the empty names above: below
  'refuses-minimised': isRight,
  'nodata-without-soa': ({ udp }) => {
    const { rcode, answer, authority } = reply(udp)
    expect({ rcode, answer, authority }).to.deep.equal({ rcode: Rcode.NOERROR, answer: [], authority: [] })
  },
  'nxdomain-foreign-soa': ({ udp }) => {
    expect(reply(udp).rcode).to.equal(Rcode.NXDOMAIN)
    expect(nameToText(reply(udp).authority[0].owner)).to.equal('com.')
  },
  'aaaa-servfail': failsWith('SERVFAIL'),
  'aaaa-mute': ({ udp }) => isSilent(udp),
  'many-records': ({ udp, tcp }) => {
    isCut(udp)
    expect(tcp!.readUInt16BE(6)).to.equal(3000)
  },
  'ttl-negative': (seen) => {
    isRight(seen)
    const at = 12 + nameFromText(seen.trouble.qname).length + 4 + 2 + 4
    expect(only(seen.udp).readUInt32BE(at)).to.equal(0xffff0000)
  },
}

describe('misbehaving servers', () => {
  let lab: Lab
  const seen = new Map<string, Seen>()
  before(async () => {
    lab = await startLab({ engine: 'typescript', only: ['troubles'], quiet: true })
    await Promise.all(lab.troubles.map(async (trouble) => seen.set(trouble.behaviour, await observe(lab, trouble))))
  })
  after(() => lab.stop())

  for (const behaviour of Object.keys(checks) as BehaviourName[])
    it(`${behaviour}: is as described`, () => checks[behaviour](seen.get(behaviour)!, lab))

  const askAt = async (behaviour: BehaviourName, qname: string, server = 0) => {
    const question = composeQuestion(ID, nameFromText(qname), Type.A)
    return parseReply((await exchange(seen.get(behaviour)!.trouble.addresses[server], question, { port: lab.port }))!)
  }

  it('half-lame and half-mute: the other server is sound', async () => {
    for (const behaviour of ['half-lame', 'half-mute'] as const)
      expect((await askAt(behaviour, `www.${behaviour}.trouble.com`, 1)).answer.length).to.equal(1)
  })

  it('lower-case: capitals in the question are lost, elsewhere they are kept', async () => {
    expect(nameToText((await askAt('lower-case', 'WwW.Lower-Case.Trouble.Com')).question!.name)).to.equal(
      'www.lower-case.trouble.com.',
    )
    expect(nameToText((await askAt('sound', 'WwW.Sound.Trouble.Com')).question!.name)).to.equal(
      'WwW.Sound.Trouble.Com.',
    )
  })

  it('nxdomain-for-empty and refuses-minimised: fail for the names on the way', async () => {
    expect((await askAt('nxdomain-for-empty', 'empty.nxdomain-for-empty.trouble.com')).rcode).to.equal(Rcode.NXDOMAIN)
    expect((await askAt('refuses-minimised', 'empty.refuses-minimised.trouble.com')).rcode).to.equal(Rcode.REFUSED)
  })

  it('have their queries counted', () => {
    const mute = lab.queryLog().filter(({ host }) => host === 'mute')
    expect(mute.map(({ protocol }) => protocol).sort()).to.deep.equal(['tcp', 'udp', 'udp'])
    expect(mute[0].qname).to.equal('www.mute.trouble.com.')
  })
})
