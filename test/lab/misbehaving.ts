/** Servers that do what servers should not. Each behaviour gets a query and an authority that knows the right answer,
 *  and does with them as it likes. Which zone has which behaviour, and what a resolver may make of it: troubles.ts. */

import type { ClientQuery } from '../../src/wire/message.ts'
import { ancestorWith, countLabels, equalNames, type Name, nameFromText, nameToText } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Flag, Rcode, Type } from '../../src/wire/types.ts'
import { type Answer, type Authority, composeReply, emptyAnswer } from './authority.ts'
import type { Incoming } from './listener.ts'

/** One query met by a misbehaving server. */
export class Encounter {
  readonly query: ClientQuery
  readonly qname: Name
  readonly qtype: number
  readonly incoming: Incoming
  readonly place: Place

  constructor(incoming: Incoming, query: ClientQuery, place: Place) {
    this.query = query
    this.qname = query.question!.name
    this.qtype = query.question!.type
    this.incoming = incoming
    this.place = place
  }

  get zone(): Name {
    return this.place.zone
  }

  get server(): number {
    return this.place.server
  }

  get evilAddress(): Uint8Array {
    return this.place.evilAddress
  }

  get authority(): Authority {
    return this.place.authority
  }

  get overUdp(): boolean {
    return this.incoming.protocol === 'udp'
  }

  /** What a sound server would say. */
  truth(): Answer {
    return this.authority.answerQuery(this.query)
  }

  packet(answer: Answer = this.truth(), limit?: number): Uint8Array {
    return composeReply(this.query, answer, this.incoming.protocol, limit)
  }

  send(answer: Answer = this.truth()): void {
    this.incoming.send(this.packet(answer))
  }

  fail(rcode: number): void {
    this.send({ ...emptyAnswer(), authoritative: false, rcode })
  }

  /** An answer that says nothing but TC. */
  truncate(): void {
    this.sendDamaged(emptyAnswer(), (packet) => {
      packet[2] |= Flag.TC >> 8
    })
  }

  sendDamaged(answer: Answer, damage: (packet: Uint8Array) => void): void {
    const packet = this.packet(answer).slice()
    damage(packet)
    this.incoming.send(packet)
  }

  /** A referral to `zone`, not authoritative. */
  refer(zone: Name, nsNames: Name[], glue: RRset[] = []): void {
    const authority = [rrset(zone, Type.NS, 3600, nsNames)]
    this.send({ ...emptyAnswer(), authoritative: false, authority, additional: glue })
  }

  /** An answer without EDNS, whatever the query had. */
  sendPlain(answer: Answer): void {
    this.incoming.send(composeReply({ ...this.query, edns: undefined }, answer, this.incoming.protocol))
  }
}

/** Where a misbehaving server stands, and what it remembers. */
export interface Place {
  /** Origin of the zone it misbehaves for. */
  zone: Name
  /** 0 for the first of the zone's servers. */
  server: number
  /** Octets of the address poison leads to. */
  evilAddress: Uint8Array
  authority: Authority
  memory: { depth: number }
}

type Behaviour = (encounter: Encounter) => void

const inTime =
  (delayMs: number): Behaviour =>
  (met) =>
    void setTimeout(() => met.send(), delayMs)
const overTcpOnly =
  (overTcp: Behaviour): Behaviour =>
  (met) =>
    met.overUdp ? met.truncate() : overTcp(met)
const withEdns =
  (meet: Behaviour): Behaviour =>
  (met) =>
    met.query.edns === undefined ? met.send() : meet(met)
const sound: Behaviour = (met) => met.send()
const mute: Behaviour = () => {}

const victim = nameFromText('victim.com')
const name = (...parts: (string | Name)[]) =>
  nameFromText(parts.map((part) => (typeof part === 'string' ? part : nameToText(part))).join('.'))

export const behaviours = {
  sound,

  'lame-refused': (met) => met.fail(Rcode.REFUSED),
  'lame-servfail': (met) => met.fail(Rcode.SERVFAIL),
  'lame-upward': (met) => met.refer(nameFromText('.'), [name('a.root-servers.net')]),
  'lame-not-authoritative': (met) => met.send({ ...met.truth(), authoritative: false }),
  'lame-notauth': (met) => met.fail(Rcode.NOTAUTH),
  'half-lame': (met) => (met.server === 0 ? met.fail(Rcode.REFUSED) : met.send()),

  mute,
  'mute-udp': (met) => (met.overUdp ? undefined : met.send()),
  'half-mute': (met) => (met.server === 0 ? undefined : met.send()),
  slow: inTime(300),
  'very-slow': inTime(1200),

  truncating: overTcpOnly(sound),
  'truncating-mute-tcp': overTcpOnly(mute),
  'tcp-closes': overTcpOnly((met) => met.incoming.hangUp()),
  'tcp-trickles': overTcpOnly((met) => met.incoming.trickle(met.packet(), 10)),

  'edns-dropped': withEdns(mute),
  'edns-formerr': withEdns((met) => met.sendPlain({ ...emptyAnswer(), authoritative: false, rcode: Rcode.FORMERR })),
  'edns-notimp': withEdns((met) => met.sendPlain({ ...emptyAnswer(), authoritative: false, rcode: Rcode.NOTIMP })),
  'edns-badvers': withEdns((met) => met.fail(Rcode.BADVERS)),
  'edns-ignored': (met) => met.sendPlain(met.truth()),
  'edns-oversize': (met) => met.incoming.send(met.packet(met.truth(), 65535)),

  'wrong-id-first': (met) => {
    met.sendDamaged(poisoned(met), (packet) => {
      packet[0] ^= 0x55
    })
    met.send()
  },
  'wrong-question': (met) => sendAsIf(met, name('other', met.zone), met.qtype),
  'wrong-type': (met) => sendAsIf(met, met.qname, met.qtype === Type.TXT ? Type.A : Type.TXT),
  'lower-case': (met) => sendAsIf(met, name(nameToText(met.qname).toLowerCase()), met.qtype),
  'no-question': (met) => {
    const query = { ...met.query, question: undefined }
    met.incoming.send(composeReply(query, met.truth(), met.incoming.protocol))
  },
  'wrong-port': (met) => (met.overUdp ? met.incoming.sendFromElsewhere(met.packet()) : met.incoming.hangUp()),
  'garbage-first': (met) => {
    for (const length of [1, 11, 12, 50]) met.incoming.send(new Uint8Array(length).fill(0xa5))
    met.send()
  },
  'not-a-response': (met) =>
    met.sendDamaged(met.truth(), (packet) => {
      packet[2] &= 0x7f
    }),
  'pointer-loop': (met) =>
    met.sendDamaged(met.truth(), (packet) => {
      const owner = 12 + met.qname.length + 4 // of the first record: a pointer to the question, made to point to itself
      packet.set([0xc0 | (owner >> 8), owner & 0xff], owner)
    }),
  'cut-short': (met) => met.incoming.send(met.packet().subarray(0, 12 + met.qname.length + 4 + 9)),
  'trailing-garbage': (met) => met.incoming.send(Buffer.concat([met.packet(), Buffer.alloc(7, 0xff)])),

  'poison-answer': (met) => met.send(withMore(met.truth(), { answer: [poison('www')] })),
  'poison-authority': (met) => {
    const servers = [name('ns.evil', met.zone)]
    const authority = ['victim.com', 'trouble.com', 'com'].map((zone) => rrset(name(zone), Type.NS, 86400, servers))
    const additional = [rrset(servers[0], Type.A, 86400, [met.evilAddress])]
    met.send(withMore(met.truth(), { authority, additional }))
  },
  'poison-additional': (met) => {
    const additional = ['ns1', 'ns2', 'www'].map((label) =>
      rrset(name(label, victim), Type.A, 86400, [label === 'www' ? POISON : met.evilAddress]),
    )
    const authority = [rrset(met.zone, Type.NS, 3600, [name('ns1', victim), name('ns2', victim)])]
    met.send(withMore(met.truth(), { authority, additional }))
  },
  'poison-cname': (met) => met.send(withMore(met.truth(), { answer: [poison('aliased')] })),
  'poison-referral': (met) =>
    met.refer(
      victim,
      [name('ns.evil', met.zone)],
      [rrset(name('ns.evil', met.zone), Type.A, 86400, [met.evilAddress])],
    ),
  'poison-dname': (met) => {
    const answer = [
      rrset(name('trouble.com'), Type.DNAME, 86400, [victim]),
      rrset(met.qname, Type.CNAME, 86400, [name('www.poison-dname', victim)]),
      rrset(name('www.poison-dname', victim), Type.A, 86400, [POISON]),
    ]
    met.send({ ...emptyAnswer(), answer })
  },

  'referral-self': (met) => met.refer(met.zone, [name('ns1', met.zone)]),
  'referral-up': (met) => met.refer(name('trouble.com'), [name('ns1', met.zone)]),
  'referral-ping-pong': (met) => {
    const other = name(met.server === 0 ? 'ns2' : 'ns1', met.zone)
    met.refer(name('www', met.zone), [other], met.authority.answer(other, Type.A).answer)
  },
  'referral-deep': (met) => {
    const labels = countLabels(met.qname)
    const own = countLabels(met.zone)
    const memory = met.place.memory
    if (labels === own || met.truth().answer.some((found) => equalNames(found.owner, name('ns1', met.zone))))
      return met.send()
    memory.depth = (memory.depth % (labels - own)) + 1 // one label more than the referral before
    const cut = ancestorWith(met.qname, own + memory.depth)
    met.refer(cut, [name('ns1', met.zone)], met.authority.answer(name('ns1', met.zone), Type.A).answer)
  },
  'referral-glueless-endless': (met) => {
    const number = Number(/x(\d+)\.referral-glueless/i.exec(nameToText(met.qname))?.[1] ?? 0)
    met.refer(name(`x${number}`, met.zone), [name(`ns.x${number + 1}`, met.zone)])
  },
  nxns: (met) => referToNowhere(met, 40),
  'nxns-tcp': overTcpOnly((met) => referToNowhere(met, 1000)),
  'cname-endless': (met) => {
    const number = Number(/^c(\d+)\./i.exec(nameToText(met.qname))?.[1] ?? 0)
    met.send({ ...emptyAnswer(), answer: [rrset(met.qname, Type.CNAME, 60, [name(`c${number + 1}`, met.zone)])] })
  },
  'cname-loop': sound,

  'nxdomain-for-empty': (met) => {
    const truth = met.truth()
    met.send(truth.answer.length === 0 ? { ...truth, rcode: Rcode.NXDOMAIN } : truth)
  },
  'refuses-minimised': (met) => (met.truth().answer.length === 0 ? met.fail(Rcode.REFUSED) : met.send()),
  'nodata-without-soa': (met) => met.send({ ...met.truth(), rcode: Rcode.NOERROR, authority: [] }),
  'nxdomain-foreign-soa': (met) => {
    const truth = met.truth()
    met.send({ ...truth, authority: truth.authority.map((soa) => ({ ...soa, owner: name('com') })) })
  },
  'aaaa-servfail': (met) => (met.qtype === Type.AAAA ? met.fail(Rcode.SERVFAIL) : met.send()),
  'aaaa-mute': (met) => (met.qtype === Type.AAAA ? undefined : met.send()),
  'many-records': (met) => {
    const addresses = Array.from({ length: 3000 }, (_, index) => Uint8Array.of(198, 19, index >> 8, index & 255))
    const truth = met.truth()
    met.send({ ...truth, answer: truth.answer.map((found) => ({ ...found, rdatas: addresses })) })
  },
  'ttl-negative': (met) =>
    met.send({ ...met.truth(), answer: met.truth().answer.map((found) => ({ ...found, ttl: 0xffff0000 })) }),
} as const satisfies Record<string, Behaviour>

export type BehaviourName = keyof typeof behaviours

const POISON = Uint8Array.of(198, 18, 255, 66)

/** A record of victim.com that is not true. */
function poison(label: string): RRset {
  return rrset(name(label, victim), Type.A, 86400, [POISON])
}

/** The right answer with a wrong address. */
function poisoned(met: Encounter): Answer {
  const truth = met.truth()
  return {
    ...truth,
    answer: truth.answer.map((found) => (found.type === Type.A ? { ...found, rdatas: [POISON] } : found)),
  }
}

function withMore(answer: Answer, more: Partial<Pick<Answer, 'answer' | 'authority' | 'additional'>>): Answer {
  return {
    ...answer,
    answer: [...answer.answer, ...(more.answer ?? [])],
    authority: [...answer.authority, ...(more.authority ?? [])],
    additional: [...answer.additional, ...(more.additional ?? [])],
  }
}

/** The true answer under a question that was not the one asked. */
function sendAsIf(met: Encounter, qname: Name, qtype: number): void {
  const query = { ...met.query, question: { ...met.query.question!, name: qname, type: qtype } }
  const truth = met.truth()
  const answer = { ...truth, answer: truth.answer.map((found) => ({ ...found, owner: qname })) }
  met.incoming.send(composeReply(query, answer, met.incoming.protocol))
}

function referToNowhere(met: Encounter, count: number): void {
  const servers = Array.from({ length: count }, (_, index) => name(`n${index}.nothing`, victim))
  met.refer(name('sub', met.zone), servers)
}
