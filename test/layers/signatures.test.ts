import { expect } from 'chai'
import { proveNoData } from '../../src/dnssec/denial.ts'
import { DEFAULT_ALGORITHM_POLICY, type DnsKey, parseDnsKey } from '../../src/dnssec/keys.ts'
import { isLater, isProof, Signatures, signerOf } from '../../src/layers/signatures.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { sets } from '../support/messages.ts'
import { SignedZone } from '../support/signed-zone.ts'
import { requestFor } from '../support/stepping.ts'

const zone = new SignedZone('example.org.', '')
const keys = [parseDnsKey(zone.key.rdata) as DnsKey]
const other = new SignedZone('example.net.', '')

/** The set that `text` says, signed by the zone. */
function signed(text: string, by = zone): RRset {
  const [set] = sets(text)
  return { ...set, signatures: [by.signature(set)] }
}

function signatures() {
  const clock = new ManualClock()
  return { clock, found: new Signatures({ clock, policy: DEFAULT_ALGORITHM_POLICY, maxIterations: 50 }) }
}

describe('Signatures.verify', () => {
  it('verifies a set once, whoever asks', () => {
    const { found } = signatures()
    const set = signed('www.example.org. A 192.0.2.1')
    const [one, two] = [requestFor('www.example.org.'), requestFor('www.example.org.')]
    expect(found.holds(set)).to.equal(false)
    expect(found.verify(one, set, zone.apex, keys)).to.deep.equal({ security: 'secure' })
    expect(found.verify(two, set, zone.apex, keys)).to.deep.equal({ security: 'secure' })
    expect([one, two].map(({ ledger }) => ledger.used('signatures'))).to.deep.equal([1, 0])
    expect(found.holds(set)).to.equal(true)
  })

  it('counts by algorithm what was verified', () => {
    const checks = { good: {}, failed: {} }
    const found = new Signatures({
      clock: new ManualClock(),
      policy: DEFAULT_ALGORITHM_POLICY,
      maxIterations: 50,
      checks,
    })
    const [request, { algorithm }] = [requestFor('www.example.org.'), keys[0]]
    found.verify(request, signed('www.example.org. A 192.0.2.1'), zone.apex, keys)
    const set = signed('www.example.org. A 192.0.2.1')
    found.verify(request, { ...set, rdatas: [Uint8Array.of(192, 0, 2, 2)] }, zone.apex, keys)
    found.verify(
      requestFor('www.example.org.', { signatures: 0 }),
      signed('a.example.org. A 192.0.2.1'),
      zone.apex,
      keys,
    )
    expect(checks).to.deep.equal({ good: { [algorithm]: 1 }, failed: { [algorithm]: 1 } })
  })

  it('lets a set live no longer than its signature says (RFC 4035 §5.3.3)', () => {
    const { clock, found } = signatures()
    const set = signed('www.example.org. A 192.0.2.1')
    set.ttl = 7200
    found.verify(requestFor('www.example.org.'), set, zone.apex, keys)
    expect(set.ttl).to.equal(3600) // the original TTL
    const late = signed('www.example.org. A 192.0.2.1')
    clock.advance((30 * 86_400 - 100) * 1000)
    found.verify(requestFor('www.example.org.'), late, zone.apex, keys)
    expect(late.ttl).to.equal(100)
  })

  it('remembers what failed, and why', () => {
    const { clock, found } = signatures()
    const set = signed('www.example.org. A 192.0.2.1')
    clock.advance(31 * 86_400 * 1000)
    const verdict = found.verify(requestFor('www.example.org.'), set, zone.apex, keys)
    expect(verdict).to.deep.include({ security: 'bogus', reason: 'signature expired', offBySeconds: 86_400 })
    const again = requestFor('www.example.org.')
    expect(found.verify(again, set, zone.apex, keys)).to.equal(verdict)
    expect(again.ledger.used('signatures')).to.equal(0)
    const holding = signed('mail.example.org. A 192.0.2.1', other)
    expect(found.firstFailure([holding, set])).to.equal(verdict)
    expect(found.firstFailure([holding])).to.equal(undefined)
  })

  it('does not hold the budget of one request against the next', () => {
    const { found } = signatures()
    const set = signed('www.example.org. A 192.0.2.1')
    const poor = requestFor('www.example.org.', { signatures: 0 })
    expect(found.verify(poor, set, zone.apex, keys)).to.deep.include({ security: 'bogus', reason: 'limit reached' })
    expect(found.verify(requestFor('www.example.org.'), set, zone.apex, keys)).to.deep.equal({ security: 'secure' })
  })

  it('lets others have their turn after some in a row (KeyTrap)', () => {
    const { found } = signatures()
    const request = requestFor('www.example.org.')
    const hosts = Array.from({ length: 9 }, (_, i) => signed(`w${i}.example.org. A 192.0.2.1`))
    const outcomes = hosts.map((set) => found.verify(request, set, zone.apex, keys))
    expect(outcomes.map(isLater)).to.deep.equal([...Array(8).fill(false), true])
    expect(outcomes[8]).to.equal('pause')
    request.ledger.noteTurn()
    expect(found.verify(request, hosts[8], zone.apex, keys)).to.deep.equal({ security: 'secure' })
  })

  it('knows from which wildcard a set was expanded', () => {
    const { found } = signatures()
    const source = signed('*.example.org. A 192.0.2.1')
    const set = { ...source, owner: nameFromText('www.example.org.') }
    for (const each of [set, source]) found.verify(requestFor('www.example.org.'), each, zone.apex, keys)
    expect(nameToText(found.wildcardOf(set)!)).to.equal('example.org.')
    expect(found.wildcardOf(source)).to.equal(undefined)
  })
})

describe('Signatures.readProofs', () => {
  const nsec = 'www.example.org. NSEC zzz.example.org. A RRSIG NSEC'

  it('gives what proves something, of what holds', () => {
    const { found } = signatures()
    const request = requestFor('www.example.org.')
    const [good, forged] = [signed(nsec), signed('mail.example.org. NSEC zzz.example.org. A RRSIG NSEC', other)]
    const address = signed('www.example.org. A 192.0.2.1')
    const proofs = found.readProofs(request, [address, forged, good], zone.apex, keys)
    if (isLater(proofs)) throw new Error(proofs)
    expect(proveNoData(proofs, nameFromText('www.example.org.'), Type.MX).security).to.equal('secure')
    expect(proveNoData(proofs, nameFromText('mail.example.org.'), Type.MX).security).to.equal('bogus')
    expect(request.learnedProofs).to.deep.equal({ zone: zone.apex, sets: [good], soa: undefined })
    expect([address, forged, good].map((set) => found.holds(set))).to.deep.equal([false, false, true])
  })

  it('takes no denial that was itself made from a wildcard', () => {
    const { found } = signatures()
    const request = requestFor('www.example.org.')
    const source = signed('*.example.org. NSEC zzz.example.org. A RRSIG NSEC')
    const expanded = { ...source, owner: nameFromText('www.example.org.') }
    const proofs = found.readProofs(request, [expanded], zone.apex, keys)
    if (isLater(proofs)) throw new Error(proofs)
    expect(found.holds(expanded)).to.equal(true)
    expect(proveNoData(proofs, nameFromText('www.example.org.'), Type.MX).security).to.equal('bogus')
    expect(request.learnedProofs).to.equal(undefined)
  })

  it('pauses with the verification', () => {
    const { found } = signatures()
    const request = requestFor('www.example.org.')
    request.ledger.charge('signatures', 8)
    expect(found.readProofs(request, [signed(nsec)], zone.apex, keys)).to.equal('pause')
  })
})

describe('signerOf', () => {
  const signerText = (set: RRset, cut: string) => {
    const signer = signerOf(set, nameFromText(cut))
    return signer && nameToText(signer)
  }

  it('is a zone at or above the owner, at or below the cut that was asked', () => {
    const set = signed('www.example.org. A 192.0.2.1')
    expect(['example.org.', 'org.', '.', 'www.example.org.', 'net.'].map((cut) => signerText(set, cut))).to.deep.equal([
      'example.org.',
      'example.org.',
      'example.org.',
      undefined,
      undefined,
    ])
    expect(signerText(signed('www.example.org. A 192.0.2.1', other), '.')).to.equal(undefined)
    expect(signerText(sets('www.example.org. A 192.0.2.1')[0], '.')).to.equal(undefined)
  })

  it('is never a zone for its own DS', () => {
    const ds = (owner: string) => signed(`${owner} DS 1 15 2 ${'00'.repeat(32)}`)
    expect(signerText(ds('example.org.'), '.')).to.equal(undefined)
    expect(signerText(ds('sub.example.org.'), '.')).to.equal('example.org.')
  })
})

describe('isProof', () => {
  it('is NSEC and NSEC3', () => {
    const nsec3 = 'aaaa.example.org. NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A'
    const [proof, hashed, soa] = [
      sets('example.org. NSEC example.org. A')[0],
      sets(nsec3)[0],
      sets('example.org. NS a.')[0],
    ]
    expect([proof, hashed, soa].map(isProof)).to.deep.equal([true, true, false])
  })
})
