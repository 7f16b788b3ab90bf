import { expect } from 'chai'
import { DEFAULT_ALGORITHM_POLICY } from '../../src/dnssec/keys.ts'
import { type TrustAnchor, TrustAnchors } from '../../src/dnssec/trust-anchors.ts'
import { asVerdict, ChainOfTrust, type ZoneTrust } from '../../src/layers/chain-of-trust.ts'
import { isLater, Signatures } from '../../src/layers/signatures.ts'
import { enterCut } from '../../src/layers/zone-cut.ts'
import { Ledger } from '../../src/ledger.ts'
import { Request, subKey } from '../../src/request.ts'
import { defaultSettings } from '../../src/settings.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Ede, Rcode, Type, typeText } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { sets } from '../support/messages.ts'
import { SeededRandom } from '../support/random.ts'
import { SignedZone } from '../support/signed-zone.ts'
import { requestFor } from '../support/stepping.ts'

const org = new SignedZone('org.', '')
const example = new SignedZone('example.org.', '')
const ORG = nameFromText('org.')
const EXAMPLE = nameFromText('example.org.')

/** The set that `text` says, signed by the zone that it is in. */
function signed(text: string, by: SignedZone): RRset {
  const [set] = sets(text)
  return { ...set, signatures: [by.signature(set)] }
}

const keySet = (zone: SignedZone): RRset => {
  const set = { ...sets(`${nameToText(zone.apex)} NS a.`)[0], type: Type.DNSKEY, rdatas: [zone.key.rdata] }
  return { ...set, signatures: [zone.signature(set)] }
}

/** A sub-request as it has ended. */
function ended(name: string, outcome: Partial<Request>): Request {
  const request = new Request({ name: nameFromText(name), type: Type.DS, class: 1 }, requestFor(name).wishes, ledger())
  return Object.assign(request, outcome)
}

const ledger = () => new Ledger(defaultSettings.limits, 'enforce', 0)

function world(anchors: TrustAnchor[] = [org.anchor()], suspended: string[] = []) {
  const clock = new ManualClock()
  const inForce = { current: new TrustAnchors(anchors, suspended.map(nameFromText)) }
  const options = { clock, policy: DEFAULT_ALGORITHM_POLICY, maxIterations: 50, anchors: () => inForce.current }
  const chain = new ChainOfTrust(options, new Signatures(options))
  chain.followAnchors()
  return { clock, inForce, chain }
}

const wanted = (request: Request) =>
  request.takeWanted().map(({ name, type }) => `${nameToText(name)} ${typeText(type)}`)

/** For a name of example.org: the sub-requests that have ended, by type. */
function requestWith(found: Partial<Record<'DS' | 'DNSKEY', Partial<Request>>>, zone = EXAMPLE): Request {
  const request = requestFor('www.example.org.')
  for (const [type, outcome] of Object.entries(found))
    request.find(subKey(zone, Type[type as 'DS']), ended(nameToText(zone), outcome))
  return request
}

const DS = { security: 'secure' as const, answer: sets(example.ds) }
const KEYS = { security: 'secure' as const, answer: [keySet(example)] }
const denial = (nsec: string) => ({ security: 'secure' as const, authority: [signed(nsec, org)] })

describe('ChainOfTrust.trustIn', () => {
  it('is none where no anchor is above, or an operator has switched validation off', () => {
    const { chain } = world([org.anchor()], ['example.org.'])
    const request = requestFor('www.example.net.')
    expect(chain.trustIn(request, nameFromText('example.net.'))).to.deep.equal({ kind: 'insecure', why: '' })
    expect(chain.trustIn(request, EXAMPLE)).to.deep.equal({ kind: 'insecure', why: '' })
    expect(wanted(request)).to.deep.equal([])
  })

  it('is in the keys of the zone, once they and what vouches for them are known', () => {
    const { chain } = world()
    const first = requestFor('www.example.org.')
    expect([chain.trustIn(first, EXAMPLE), wanted(first)]).to.deep.equal(['wait', ['example.org. DS']])
    const second = requestWith({ DS })
    expect([chain.trustIn(second, EXAMPLE), wanted(second)]).to.deep.equal(['wait', ['example.org. DNSKEY']])
    const trust = chain.trustIn(requestWith({ DS, DNSKEY: KEYS }), EXAMPLE) as ZoneTrust & { kind: 'secure' }
    expect([trust.kind, trust.keys.map(({ tag }) => tag)]).to.deep.equal(['secure', [example.key.tag]])
  })

  it('asks for no DS at an anchor, nor where the cut was seen to be signed', () => {
    const { chain } = world()
    const request = requestFor('www.example.org.')
    expect([chain.trustIn(request, ORG), wanted(request)]).to.deep.equal(['wait', ['org. DNSKEY']])
    atCut(request, 'yes')
    expect([chain.trustIn(request, EXAMPLE), wanted(request)]).to.deep.equal(['wait', ['example.org. DNSKEY']])
    atCut(request, 'no')
    expect(chain.trustIn(request, EXAMPLE)).to.deep.equal({ kind: 'insecure', why: '' })
  })

  it('lasts as long as the keys do, and the anchors stay', () => {
    const { clock, inForce, chain } = world()
    chain.trustIn(requestWith({ DS, DNSKEY: KEYS }), EXAMPLE)
    clock.advance(3_599_000)
    expect((chain.trustIn(requestFor('www.example.org.'), EXAMPLE) as ZoneTrust).kind).to.equal('secure')
    clock.advance(1000)
    expect(chain.trustIn(requestFor('www.example.org.'), EXAMPLE)).to.equal('wait')
    chain.trustIn(requestWith({ DS, DNSKEY: KEYS }), EXAMPLE)
    inForce.current = new TrustAnchors([org.anchor()], [])
    expect((chain.trustIn(requestFor('www.example.org.'), EXAMPLE) as ZoneTrust).kind).to.equal('secure')
    chain.followAnchors()
    expect(chain.trustIn(requestFor('www.example.org.'), EXAMPLE)).to.equal('wait')
  })

  it('fails with the link above it, for the same reason', () => {
    const { chain } = world()
    const broken = {
      security: 'bogus' as const,
      rcode: Rcode.SERVFAIL,
      edes: [{ code: Ede.SIGNATURE_EXPIRED, text: 'why' }],
    }
    for (const found of [{ DS: broken }, { DS, DNSKEY: broken }]) {
      const request = requestWith(found)
      expect(chain.trustIn(request, EXAMPLE)).to.deep.equal({ kind: 'bogus', reason: 'signature expired' })
      expect(request.edes).to.deep.equal(broken.edes)
    }
    const silent = { security: 'indeterminate' as const, rcode: Rcode.SERVFAIL }
    expect(chain.trustIn(requestWith({ DS: silent }), EXAMPLE)).to.deep.equal({
      kind: 'bogus',
      reason: 'delegation unproven',
    })
  })

  it('is none where there are no keys, or it would need itself', () => {
    const { chain } = world()
    const none = { security: 'secure' as const, answer: [] }
    const why = { kind: 'bogus', reason: 'no key for signature' }
    expect(chain.trustIn(requestWith({ DS, DNSKEY: none }), EXAMPLE)).to.deep.equal(why)
    const own = new Request({ name: ORG, type: Type.DNSKEY, class: 1 }, requestFor('org.').wishes, ledger())
    expect(chain.trustIn(own, ORG)).to.deep.equal(why)
  })
})

describe('ChainOfTrust.judgeKeys (RFC 4035 §5.2)', () => {
  it('believes keys that an anchor vouches for, and others that these have signed', () => {
    const { chain } = world()
    const request = requestFor('www.example.org.')
    expect(chain.judgeKeys(request, keySet(org))).to.deep.equal({ security: 'secure' })
    expect((chain.trustIn(requestFor('org.'), ORG) as ZoneTrust).kind).to.equal('secure')
  })

  it('believes no keys that nobody vouches for', () => {
    const { chain } = world([{ ...example.anchor(), zone: ORG }])
    const verdict = chain.judgeKeys(requestFor('www.example.org.'), keySet(org))
    expect(verdict).to.deep.include({ security: 'bogus', reason: 'key set not vouched for' })
  })

  it('takes an anchor it can do nothing with for no permission to go without', () => {
    const digest = new SignedZone('org.', '', { digest: 99 })
    const { chain } = world([digest.anchor()])
    const verdict = chain.judgeKeys(requestFor('www.example.org.'), keySet(org))
    expect(verdict).to.deep.include({ security: 'bogus', reason: 'trust anchor unusable' })
  })

  it('believes keys that the DS set of the zone above vouches for', () => {
    const { chain } = world()
    const request = requestFor('www.example.org.')
    expect([chain.judgeKeys(request, keySet(example)), wanted(request)]).to.deep.equal(['wait', ['example.org. DS']])
    expect(chain.judgeKeys(requestWith({ DS }), keySet(example))).to.deep.equal({ security: 'secure' })
    const others = { security: 'secure' as const, answer: sets(org.ds.replace(/^org/, 'example.org')) }
    const verdict = chain.judgeKeys(requestWith({ DS: others }), keySet(example))
    expect(verdict).to.deep.include({ security: 'bogus', reason: 'key set not vouched for' })
  })

  it('says of keys in an unsigned zone that they are that', () => {
    const { chain } = world()
    const unsigned = denial('example.org. NSEC zzz.org. NS RRSIG NSEC')
    expect(chain.judgeKeys(requestWith({ DS: unsigned }), keySet(example))).to.deep.include({ security: 'insecure' })
    const noCut = denial('example.org. NSEC zzz.org. A RRSIG NSEC')
    expect(chain.judgeKeys(requestWith({ DS: noCut }), keySet(example))).to.deep.include({
      reason: 'delegation unproven',
    })
  })
})

describe('ChainOfTrust.delegationAt', () => {
  const kindOf = (found: Partial<Request>) => {
    const outcome = world().chain.delegationAt(requestWith({ DS: found }), EXAMPLE)
    return isLater(outcome) ? outcome : outcome.kind
  }

  it('tells a signed zone, an unsigned one, and a name that is no zone', () => {
    expect(kindOf(DS)).to.equal('secure')
    expect(kindOf(denial('example.org. NSEC zzz.org. NS RRSIG NSEC'))).to.equal('insecure')
    expect(kindOf(denial('example.org. NSEC zzz.org. A RRSIG NSEC'))).to.equal('no-cut')
  })

  it('takes a zone signed in ways unknown to us for unsigned, and says so (RFC 6840 §5.2)', () => {
    const unknown = { security: 'secure' as const, answer: sets(new SignedZone('example.org.', '', { digest: 99 }).ds) }
    const outcome = world().chain.delegationAt(requestWith({ DS: unknown }), EXAMPLE)
    expect(outcome).to.have.property('kind', 'insecure')
    expect(outcome).to.have.property('why').that.is.not.equal('')
  })

  it('hands on that a denial cost more than we pay', () => {
    const costly = { security: 'insecure' as const, edes: [{ code: Ede.UNSUPPORTED_NSEC3_ITERATIONS, text: '' }] }
    const { chain } = world()
    const outcomes = [costly, { security: 'insecure' as const }].map((found) =>
      chain.delegationAt(requestWith({ DS: found }), EXAMPLE),
    )
    expect(outcomes.map((outcome) => !isLater(outcome) && 'why' in outcome && outcome.why !== '')).to.deep.equal([
      true,
      false,
    ])
  })

  it('does not wait for the DS set that is being judged', () => {
    const own = new Request({ name: EXAMPLE, type: Type.DS, class: 1 }, requestFor('org.').wishes, ledger())
    expect(world().chain.delegationAt(own, EXAMPLE)).to.deep.equal({ kind: 'bogus', reason: 'delegation unproven' })
  })
})

describe('asVerdict', () => {
  it('says of data what was found of its zone', () => {
    expect(asVerdict({ kind: 'insecure', why: 'so' })).to.deep.include({ security: 'insecure', why: 'so' })
    expect(asVerdict({ kind: 'bogus', reason: 'signature missing' })).to.deep.include({
      security: 'bogus',
      reason: 'signature missing',
    })
  })
})

/** Its servers are those of example.org, of which the referral said that. */
function atCut(request: Request, signedness: 'yes' | 'no'): void {
  const forbidden = { queryLoopback: false, listening: [] }
  const cutOptions = { settings: defaultSettings, random: new SeededRandom(1), forbidden }
  const cut = { zone: EXAMPLE, leaseUntilMs: Number.POSITIVE_INFINITY, nameservers: [], signed: signedness }
  request.iteration = enterCut(cut, false, 0, cutOptions)
}
