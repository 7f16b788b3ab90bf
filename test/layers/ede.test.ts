/** Every Extended DNS Error is used where it applies, RFC 8914: what a client is told when something is wrong. */

import { expect } from 'chai'
import { composeResponse } from '../../src/answer.ts'
import { DEFAULT_LIMITS, Ledger } from '../../src/ledger.ts'
import { Request } from '../../src/request.ts'
import { defaultSettings, type Settings } from '../../src/settings.ts'
import { composeQuery } from '../../src/wire/compose.ts'
import { parseQuery } from '../../src/wire/message.ts'
import { nameFromText, prependLabel } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Class, type Ede, Flag, Rcode, Type } from '../../src/wire/types.ts'
import { composeScript, readScript, type ScriptMessage } from '../scenarios/message.ts'
import { gist, ROOT_ADDRESS, type Server, Story, silent } from '../scenarios/own/story.ts'
import { TEST_EPOCH_MS } from '../support/clock.ts'
import { SignedZone, type SignedZoneOptions, zoneKey } from '../support/signed-zone.ts'

const CHILD = '192.0.2.1'
const NOW = TEST_EPOCH_MS / 1000
const BODY = 'www A 192.0.2.80\nalso A 192.0.2.81\n* A 192.0.2.82'

interface WorldOptions extends SignedZoneOptions {
  root?: SignedZoneOptions
  settings?: Partial<Settings>
  /** Stands in for the child's server. */
  server?: (child: SignedZone) => Server
  /** Changes the root's reply. */
  fromRoot?: (reply: ScriptMessage) => ScriptMessage
  /** In place of the DS record of the child; '' for none. */
  ds?: string
}

/** The signed root and one signed zone below it, example. */
function world({ root: rootOptions, settings, server, fromRoot, ds, ...options }: WorldOptions = {}): Story {
  const child = new SignedZone('example.', BODY, options)
  const root = new SignedZone('.', `example NS ns.example.\nns.example A ${CHILD}\n${ds ?? child.ds}`, rootOptions)
  const atRoot: Server = ({ query }) => ({ packets: [composeScript((fromRoot ?? same)(root.answer(query)))] })
  return new Story(
    { [ROOT_ADDRESS]: atRoot, [CHILD]: server?.(child) ?? child.server() },
    { settings: { validate: true, trustAnchors: [root.anchor()], ...settings } },
  )
}

function same<T>(value: T): T {
  return value
}

/** Only when the set is of this type. */
function at(type: number, change: (signatures: Uint8Array[]) => Uint8Array[]) {
  return (set: RRset, signatures: Uint8Array[]) => (set.type === type ? change(signatures) : signatures)
}

function damaged(signature: Uint8Array): Uint8Array {
  const octets = Buffer.from(signature)
  octets[octets.length - 1] ^= 1
  return octets
}

/** Rcode or AD, then the codes and texts as they came. */
function verdict(story: Story, name = 'www.example.', type = 'A', flags: number = Flag.RD | Flag.AD): string[] {
  const answer = story.ask(name, type, flags)
  return [`${gist(answer)[0]}${answer.flags & Flag.AD ? ' AD' : ''}`, ...(answer.edes ?? [])]
}

describe('Extended DNS Errors (RFC 8914)', () => {
  it('none where all is well', () => expect(verdict(world())).to.deep.equal(['NOERROR AD']))

  describe('of validation', () => {
    it('1: no algorithm of the DS set is known: insecure', () => {
      expect(verdict(world({ algorithm: 200 }))).to.deep.equal(['NOERROR', 'Unsupported DNSKEY Algorithm: '])
    })

    it('2: no digest of the DS set is known: insecure', () => {
      expect(verdict(world({ digest: 99 }))).to.deep.equal(['NOERROR', 'Unsupported DS Digest Type: '])
    })

    it('5: whether the zone is signed cannot be found out', () => {
      const story = world({ fromRoot: refuseDs, ds: '' })
      expect(verdict(story)).to.deep.equal([
        'SERVFAIL',
        'No Reachable Authority: . 198.41.0.4 REFUSED',
        'DNSSEC Indeterminate: delegation unproven: www.example. A',
      ])
    })

    it('6: a signature is wrong', () => {
      expect(verdict(world({ sign: at(Type.A, (list) => list.map(damaged)) }))).to.deep.equal([
        'SERVFAIL',
        `DNSSEC Bogus: signature wrong, key tag ${zoneKey('example.').tag}: www.example. A`,
      ])
    })

    it('6: a signature is of another zone than it says', () => {
      const story = world({ alter: (draft, set) => (set.type === Type.A ? { ...draft, labels: 0 } : draft) })
      expect(verdict(story)[1]).to.match(/^DNSSEC Bogus: too few labels in signature/)
    })

    it('7: a signature has expired, by minutes or by days', () => {
      const expired = (seconds: number) =>
        world({ alter: (draft, set) => (set.type === Type.A ? { ...draft, expiration: NOW - seconds } : draft) })
      expect(verdict(expired(300))[1]).to.match(/^Signature Expired: signature expired 5 min ago, key tag \d+: www/)
      expect(verdict(expired(30))[1]).to.match(/signature expired 30 s ago/)
      expect(verdict(expired(20 * 3600))[1]).to.match(/signature expired 20 h ago/)
    })

    it('8: a signature is not yet valid', () => {
      const story = world({ alter: (draft, set) => (set.type === Type.A ? { ...draft, inception: NOW + 600 } : draft) })
      expect(verdict(story)[1]).to.match(
        /^Signature Not Yet Valid: signature not yet valid for another 10 min, key tag/,
      )
    })

    it('9: no key is as the DS record says', () => {
      const other = new SignedZone('example.', '', { flags: 256 })
      expect(verdict(world({ ds: other.ds }))).to.deep.equal([
        'SERVFAIL',
        'DNSKEY Missing: key set not vouched for: example. DNSKEY',
      ])
    })

    it('9: the key of a signature is not there', () => {
      const story = world({ alter: (draft, set) => (set.type === Type.A ? { ...draft, keyTag: 7 } : draft) })
      expect(verdict(story)[1]).to.equal('DNSKEY Missing: no key for signature, key tag 7: www.example. A')
    })

    it('10: signatures are missing', () => {
      const story = world({ sign: at(Type.A, () => []) })
      expect(verdict(story)).to.deep.equal(['SERVFAIL', 'RRSIGs Missing: signature missing: www.example. A'])
    })

    it('11: the key is no zone key', () => {
      expect(verdict(world({ flags: 1 }))[1]).to.match(
        /^No Zone Key Bit Set: key is no zone key, key tag \d+: example\./,
      )
    })

    it('12: an absence is not proven', () => {
      const server = (child: SignedZone): Server => withoutProofs(child)
      expect(verdict(world({ server }), 'www.example.', 'TXT')).to.deep.equal([
        'SERVFAIL',
        'NSEC Missing: denial missing: www.example. TXT',
      ])
    })

    it('12: what came from a wildcard lacks the proof that there is nothing closer', () => {
      const answer = (child: SignedZone): Server => {
        return ({ query }) => ({ packets: [composeScript(expanded(child, query))] })
      }
      expect(verdict(world({ server: answer }), 'any.example.')[1]).to.match(/^NSEC Missing: /)
    })

    it('25: a signature ends before it begins', () => {
      const alter: WorldOptions['alter'] = (draft, set) =>
        set.type === Type.A ? { ...draft, inception: NOW + 60, expiration: NOW + 30 } : draft
      expect(verdict(world({ alter }))[1]).to.match(/^Signature Expired before Valid: /)
    })

    it('27: a denial costs more than we pay: insecure', () => {
      const server = (child: SignedZone): Server => withCostlyProofs(child)
      expect(verdict(world({ server }), 'www.example.', 'TXT')).to.deep.equal([
        'NOERROR',
        'Unsupported NSEC3 Iterations Value: ',
      ])
    })

    it('33: validation is switched off there, also when the answer is remembered', () => {
      const settings = { negativeTrustAnchors: [nameFromText('example.')] }
      const story = world({ settings, sign: at(Type.A, (list) => list.map(damaged)) })
      for (let i = 0; i < 2; i++) expect(verdict(story)).to.deep.equal(['NOERROR', 'Negative Trust Anchor: '])
    })

    it('say nothing to a client that validates by itself (CD)', () => {
      const story = world({ sign: at(Type.A, (list) => list.map(damaged)) })
      expect(verdict(story, 'www.example.', 'A', Flag.RD | Flag.CD)).to.deep.equal(['NOERROR'])
    })

    it('name the link of the chain that failed, once', () => {
      const story = world({ sign: at(Type.DNSKEY, (list) => list.map(damaged)) })
      expect(verdict(story)).to.deep.equal([
        'SERVFAIL',
        `DNSSEC Bogus: signature wrong, key tag ${zoneKey('example.').tag}: example. DNSKEY`,
      ])
    })

    it('0: the budget is used up, and which', () => {
      const story = world({ settings: { limits: { ...DEFAULT_LIMITS, signatures: 2 } } })
      expect(verdict(story)).to.deep.equal(['SERVFAIL', 'Other Error: limit on signatures reached'])
    })
  })

  describe('of what was found bogus a moment ago', () => {
    const broken = { sign: at(Type.A, (list) => list.map(damaged)) }

    it('13: the reason as it was then, beside it', () => {
      const story = world(broken)
      const [rcode, reason] = verdict(story)
      story.news()
      expect(verdict(story)).to.deep.equal([rcode, reason, 'Cached Error: '])
      expect(story.news()).to.deep.equal([])
    })

    it('does not keep a client with CD from asking', () => {
      const story = world(broken)
      verdict(story)
      expect(verdict(story, 'www.example.', 'A', Flag.RD | Flag.CD)).to.deep.equal(['NOERROR'])
    })

    it('is asked for again after 5 s, then 10, 20, 40, 60 s and no longer', () => {
      const story = world(broken)
      verdict(story)
      for (const seconds of [5, 10, 20, 40, 60, 60]) {
        story.elapse(seconds - 1)
        story.news()
        verdict(story)
        expect(story.news(), `${seconds - 1} s later`).to.deep.equal([])
        story.elapse(2)
        verdict(story)
        expect(story.news(), `${seconds + 1} s later`).not.to.deep.equal([])
      }
    })

    it('is gone when it has been mended', () => {
      let isBroken = true
      const story = world({ sign: (_set, list) => (isBroken ? list.map(damaged) : list), root: { sign: undefined } })
      expect(verdict(story)[0]).to.equal('SERVFAIL')
      isBroken = false
      story.elapse(6)
      expect(verdict(story)).to.deep.equal(['NOERROR AD'])
    })
  })

  describe('of servers', () => {
    it('22 and 23: none can be reached', () => {
      const [rcode, unreachable, why] = verdict(world({ server: () => silent }))
      expect(rcode).to.equal('SERVFAIL')
      expect(unreachable).to.equal('No Reachable Authority: example.')
      expect(why).to.equal(`Network Error: ${CHILD} timeout`)
    })

    it('22: they refuse to answer', () => {
      const refusing: Server = ({ query }) => ({ packets: [composeScript({ ...refusal(query) })] })
      expect(verdict(world({ server: () => refusing }))).to.deep.equal([
        'SERVFAIL',
        `No Reachable Authority: example. ${CHILD} REFUSED`,
      ])
    })

    it('22: nobody knows where they are', () => {
      const root = new SignedZone('.', 'example NS ns.example.')
      const story = new Story({ [ROOT_ADDRESS]: root.server() }, { settings: { validate: false } })
      expect(verdict(story)[1]).to.match(/^No Reachable Authority: example\. /)
    })
  })

  describe('of queries', () => {
    it('20: recursion is not desired', () => {
      expect(verdict(world(), 'www.example.', 'A', 0)[1]).to.match(/^Not Authoritative: /)
    })

    it('21: the type is none of data', () => {
      expect(verdict(world(), 'example.', 'AXFR')).to.deep.equal(['NOTIMP', 'Not Supported: '])
    })

    it('21: the class or the opcode is none we serve', () => {
      const question = { name: nameFromText('example.'), type: Type.A, class: Class.HS }
      const edns = { udpSize: 1232, version: 0, do: false }
      const query = { id: 1, flags: Flag.RD, rcode: 0, question, answer: [], authority: [], additional: [], edns }
      const [ofClass] = world().sendPacket(composeScript(query))
      expect([ofClass.rcode, ofClass.edes]).to.deep.equal([Rcode.REFUSED, ['Not Supported: ']])
      const notify = { ...query, flags: 4 << 11, question: { ...question, class: Class.IN } }
      const [ofOpcode] = world().sendPacket(composeScript(notify))
      expect([ofOpcode.rcode, ofOpcode.edes]).to.deep.equal([Rcode.NOTIMP, ['Not Supported: ']])
    })

    it('30: the type stands in proofs only', () => {
      expect(verdict(world(), 'example.', 'TYPE128')).to.deep.equal(['FORMERR', 'Invalid Query Type: '])
    })

    it('14: the service is about to end', () => {
      const story = world({ server: () => silent })
      const answers = story.send('www.example.')
      story.clock.advance(100)
      story.core.close()
      expect(answers[0].edes).to.deep.equal(['Not Ready: shutting down'])
    })
  })

  it('are four at most, and their texts short', () => {
    const question = { name: nameFromText('www.example.'), type: Type.A, class: Class.IN }
    const request = new Request(question, { rd: true, cd: false, ad: false, do: false }, ledger())
    for (let code = 0; code < 10; code++) request.addEde(code as Ede, 'x'.repeat(500))
    const packet = new Uint8Array(512)
    const edns = { udpSize: 4096, do: false }
    const query = parseQuery(packet.subarray(0, composeQuery(packet, { id: 1, flags: Flag.RD, question, edns })))
    const buffer = new Uint8Array(4096)
    const octets = composeResponse(buffer, request, { query, overUdp: true, settings: defaultSettings })
    const { edes } = readScript(buffer.subarray(0, octets))
    expect(edes).to.have.length(4)
    for (const ede of edes!) expect(ede.length).to.be.at.most(160)
  })
})

function ledger(): Ledger {
  return new Ledger(DEFAULT_LIMITS, 'enforce', 0)
}

function refusal(query: ScriptMessage): ScriptMessage {
  return { ...query, flags: Flag.QR, rcode: 5, answer: [], authority: [], additional: [] }
}

function refuseDs(reply: ScriptMessage): ScriptMessage {
  if (reply.question!.type === Type.DS) return { ...refusal(reply), edns: reply.edns }
  return { ...reply, authority: reply.authority.filter((record) => record.type === Type.NS) }
}

function withoutProofs(child: SignedZone): Server {
  return ({ query }) => {
    const reply = child.answer(query)
    reply.authority = reply.authority.filter(
      (record) => record.type === Type.SOA || (record.type === Type.RRSIG && record.rdata[1] === Type.SOA),
    )
    return { packets: [composeScript(reply)] }
  }
}

/** NODATA proven by an NSEC3 record of 2000 iterations. */
function withCostlyProofs(child: SignedZone): Server {
  return ({ query }) => {
    const reply = child.answer(query)
    if (reply.answer.length > 0) return { packets: [composeScript(reply)] }
    const owner = prependLabel(Buffer.from('0'.repeat(32)), child.apex)!
    const parameters = [1, 0, 2000 >> 8, 2000 & 255, 0]
    const nsec3 = rrset(owner, Type.NSEC3, 300, [
      Buffer.from([...parameters, 20, ...Buffer.alloc(20, 0xff), 0, 1, 0x40]),
    ])
    const soa = reply.authority.slice(0, 2)
    return { packets: [composeScript({ ...reply, authority: [...soa, ...child.signed(nsec3)] })] }
  }
}

/** The wildcard's records under the asked name, with the wildcard's signature and no proof. */
function expanded(child: SignedZone, query: ScriptMessage): ScriptMessage {
  const { question } = query
  if (question!.type !== Type.A) return child.answer(query)
  const wildcard = child.answer({ ...query, question: { ...question!, name: nameFromText('*.example.') } })
  const answer = wildcard.answer.map((record) => ({ ...record, owner: question!.name }))
  return { ...wildcard, question, answer }
}
