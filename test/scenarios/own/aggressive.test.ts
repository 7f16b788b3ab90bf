import { expect } from 'chai'
import { proveExpansion, proveNoData, proveNoName, readProofs } from '../../../src/dnssec/denial.ts'
import { ServerAddress } from '../../../src/io/address.ts'
import { parseReply } from '../../../src/wire/message.ts'
import { nameFromText, nameToText } from '../../../src/wire/name.ts'
import { rrsigFields } from '../../../src/wire/rrset.ts'
import { rdataToText } from '../../../src/wire/text.ts'
import { Class, Flag, Rcode, Type, typeText } from '../../../src/wire/types.ts'
import type { DenialKind } from '../../lab/signer.ts'
import { SeededRandom } from '../../support/random.ts'
import { SignedWorld } from '../../support/signed-world.ts'
import { composeScript } from '../message.ts'
import { always, ROOT_ADDRESS, Story } from './story.ts'

const nsec: DenialKind = { kind: 'nsec' }
const nsec3 = (iterations: number, optOut = false): DenialKind => ({
  kind: 'nsec3',
  iterations,
  salt: Uint8Array.of(0xab, 0xcd),
  optOut,
})

const names = `
  @ NS ns.invalid-host.
  @ MX 10 mail
  alpha A 192.0.2.1
  mail A 192.0.2.2
  mail AAAA 2001:db8::2
  zulu TXT "last"
  a.b.deep A 192.0.2.3
  alias CNAME alpha
  *.wild A 192.0.2.7
  here.wild A 192.0.2.8
  *.pointer CNAME alpha
  old DNAME wild
  unsigned NS ns.invalid-host.`

function world(denial: DenialKind, aggressiveNsec = true): Story {
  const host = `
    @ NS ns.invalid-host.
    invalid-host NS ns.invalid-host.
    ns.invalid-host A 192.0.2.53`
  const made = new SignedWorld({
    '.': { body: host, denial: nsec },
    'org.': { body: '@ NS ns.invalid-host.', denial: nsec3(0, true) },
    'example.org.': { body: names, denial },
    'unsigned.example.org.': { body: '@ NS ns.invalid-host.', denial: nsec },
  })
  const server = made.server()
  worlds.set(denial, made)
  return new Story(
    { [ROOT_ADDRESS]: server, '192.0.2.53': server },
    { settings: { validate: true, trustAnchors: made.anchors, reorderRrset: false, aggressiveNsec } },
  )
}
const worlds = new Map<DenialKind, SignedWorld>()

/** The reply to a client that wants proofs. */
function ask(story: Story, name: string, type: number = Type.A) {
  const question = { name: nameFromText(name), type, class: Class.IN }
  let answer: Uint8Array | undefined
  const packet = composeScript({
    id: 7,
    flags: Flag.RD,
    rcode: 0,
    question,
    answer: [],
    authority: [],
    additional: [],
    edns: { udpSize: 4096, version: 0, do: true },
  })
  const client = { overUdp: false, address: Uint8Array.of(127, 0, 0, 1), port: 40_000 }
  story.core.handle(packet, client, (response) => {
    answer = response?.slice()
  })
  story.settle()
  if (story.faults.length > 0) throw new Error(story.faults.join('\n'))
  return parseReply(answer!)
}

type Answered = ReturnType<typeof ask>

/** Whether a client that validates would believe this denial. */
function isProven({ rcode, authority, question }: Answered): boolean {
  const soa = authority.find((set) => set.type === Type.SOA)!
  const sets = authority.filter((set) => set.type !== Type.SOA)
  if (soa.signatures.length === 0 || sets.some((set) => set.signatures.length === 0)) return false
  const signer = rrsigFields(soa.signatures[0]).signer
  const proofs = readProofs(sets, signer, 50, () => true)
  const { name, type } = question!
  const verdict = rcode === Rcode.NXDOMAIN ? proveNoName(proofs, name) : proveNoData(proofs, name, type)
  return verdict.security === 'secure'
}

const summary = ({ rcode, answer }: Pick<Answered, 'rcode' | 'answer'>) => [
  rcode,
  ...answer.flatMap((set) =>
    set.rdatas.map(
      (rdata) => `${nameToText(set.owner).toLowerCase()} ${typeText(set.type)} ${rdataToText(set.type, rdata)}`,
    ),
  ),
]

/** Asks for names below a wildcard until one is answered without asking anybody. */
function firstAnsweredAlone(story: Story, encloser: string): [name: string, reply: Answered] {
  for (let i = 0; i < 100; i++) {
    story.news()
    const reply = ask(story, `n${i}.${encloser}`)
    if (story.news().length === 0) return [`n${i}.${encloser}`, reply]
  }
  throw new Error('everything was asked for')
}

for (const [kind, denial] of Object.entries({ NSEC: nsec, NSEC3: nsec3(0), 'NSEC3 with iterations': nsec3(10) })) {
  describe(`Aggressive use of ${kind} (RFC 8198)`, () => {
    it('a flood of random names of a signed zone costs a handful of upstream queries', () => {
      const story = world(denial)
      const random = new SeededRandom(5)
      let proven = 0
      for (let i = 0; i < 500; i++) {
        const reply = ask(story, `${random.u16().toString(36)}${random.u16().toString(36)}.example.org`)
        expect(reply.rcode).to.equal(Rcode.NXDOMAIN)
        expect(reply.flags & Flag.AD).to.not.equal(0)
        if (isProven(reply)) proven++
      }
      expect(proven).to.equal(500)
      expect(story.asked.length).to.be.below(40)
    })

    it('never says anything else than the servers would', () => {
      const story = world(denial)
      const { authority } = worlds.get(denial)!
      const random = new SeededRandom(11)
      const labels = [
        'alpha',
        'mail',
        'zulu',
        'deep',
        'b',
        'a',
        'wild',
        'here',
        'pointer',
        'alias',
        'x',
        'm',
        'old',
        '*',
      ]
      const types = [Type.A, Type.AAAA, Type.TXT, Type.MX, Type.NS, Type.DS, Type.SOA, Type.CNAME, Type.DNAME]
      const pick = <T>(list: T[]) => list[random.u16() % list.length]
      for (let i = 0; i < 1500; i++) {
        const depth = random.u16() % 4
        const name = `${Array.from({ length: depth }, () => `${pick(labels)}.`).join('')}example.org.`
        const type = pick(types)
        const reply = ask(story, name, type)
        const truth = authority.answer(nameFromText(name), type, true)
        expect(summary(reply), `${name} ${typeText(type)}`).to.deep.equal(summary(truth))
        expect(reply.flags & Flag.AD, `${name} ${typeText(type)}`).to.not.equal(0)
        if (reply.answer.length === 0) expect(isProven(reply), `${name} ${typeText(type)}`).to.equal(true)
        if (random.u16() % 50 === 0) story.elapse(random.u16() % 400)
      }
      const { cache } = story.core.counters
      expect(cache.synthesisedNxdomain, 'NXDOMAIN').to.be.above(0)
      expect(cache.synthesisedNodata, 'NODATA').to.be.above(0)
      expect(cache.synthesisedWildcard, 'wildcard').to.be.above(0)
    })

    it('answers from a wildcard once it is known, with what proves it', () => {
      const story = world(denial)
      const [name, reply] = firstAnsweredAlone(story, 'wild.example.org')
      expect(summary(reply)).to.deep.equal([Rcode.NOERROR, `${name}. A 192.0.2.7`])
      expect(reply.flags & Flag.AD).to.not.equal(0)
      const signed = reply.answer[0].signatures.map((rdata) => rrsigFields(rdata).labels)
      expect(signed).to.deep.equal([3])
      const proofs = readProofs(reply.authority, nameFromText('example.org'), 50, () => true)
      const expansion = proveExpansion(proofs, reply.question!.name, nameFromText('wild.example.org'))
      expect(expansion.security).to.equal('secure')
    })

    it('follows an alias made from a wildcard', () => {
      const [name, reply] = firstAnsweredAlone(world(denial), 'pointer.example.org')
      expect(summary(reply).slice(1)).to.deep.equal([
        `${name}. CNAME alpha.example.org.`,
        'alpha.example.org. A 192.0.2.1',
      ])
    })

    it('forgets what a name was denied by when that name is cleared', () => {
      const story = world(denial)
      for (let i = 0; i < 60; i++) ask(story, `n${i}.example.org`)
      story.news()
      ask(story, 'n1x.example.org')
      expect(story.news()).to.deep.equal([])
      story.cache.purge(nameFromText('n1y.example.org'))
      ask(story, 'n1y.example.org')
      expect(story.news()).to.have.length(1)
    })

    it('can be switched off', () => {
      const story = world(denial, false)
      for (let i = 0; i < 20; i++) ask(story, `n${i}.example.org`)
      expect(story.asked.length).to.be.above(20)
    })
  })
}

describe('Aggressive use of denials: what it must not do', () => {
  it('says nothing of a zone whose gaps are opt-out (RFC 5155 §6)', () => {
    const story = world(nsec)
    for (let i = 0; i < 20; i++) ask(story, `n${i}.org`)
    expect(story.core.counters.cache.synthesisedNxdomain).to.equal(0)
  })

  it('says nothing of names in a zone below', () => {
    const story = world(nsec)
    for (let i = 0; i < 60; i++) ask(story, `u${i.toString(36)}.example.org`)
    ask(story, 'zzzz.example.org')
    story.news()
    ask(story, 'name.unsigned.example.org')
    expect(story.news().length).to.be.above(0)
  })

  it('says nothing of names that an operator sends elsewhere', () => {
    const forwarder = ServerAddress.fromText('192.0.2.99', 53)!
    const made = new SignedWorld({
      '.': {
        body: '@ NS ns.invalid-host.\nns.invalid-host A 192.0.2.53\nalpha A 192.0.2.1\nzulu A 192.0.2.2',
        denial: nsec,
      },
    })
    const rule = {
      subtree: nameFromText('internal'),
      servers: [{ address: forwarder, tcp: false }],
      authoritative: false,
      dnssec: false,
    }
    const story = new Story(
      { [ROOT_ADDRESS]: made.server(), '192.0.2.99': always({ ra: true, answer: ['www.internal. 60 IN A 10.0.0.1'] }) },
      { settings: { validate: true, trustAnchors: made.anchors, forward: [rule] } },
    )
    expect(ask(story, 'bravo').rcode).to.equal(Rcode.NXDOMAIN)
    expect(ask(story, 'ins').rcode, 'by the same gap').to.equal(Rcode.NXDOMAIN)
    expect(story.core.counters.cache.synthesisedNxdomain).to.equal(1)
    expect(summary(ask(story, 'www.internal'))).to.deep.equal([Rcode.NOERROR, 'www.internal. A 10.0.0.1'])
  })

  it('lasts no longer than the SOA lets a denial last (RFC 9077)', () => {
    const story = world(nsec)
    ask(story, 'm1.example.org')
    story.elapse(290)
    story.news()
    expect(ask(story, 'm2.example.org').authority.every((set) => set.ttl <= 10)).to.equal(true)
    expect(story.news()).to.deep.equal([])
    story.elapse(11)
    ask(story, 'm3.example.org')
    expect(story.news().length).to.be.above(0)
  })
})
