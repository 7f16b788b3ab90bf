import { expect } from 'chai'
import fc from 'fast-check'
import type { Delegation } from '../../src/cache/delegation.ts'
import {
  decodeDelegation,
  decodeDenial,
  decodeExpansion,
  decodeFailure,
  decodeRRset,
  decodeServer,
  decodeZone,
  type EntryHead,
  encodeDelegation,
  encodeDenial,
  encodeFailure,
  encodeRRset,
  encodeServer,
  encodeZone,
  expiresMsOf,
  leaseUntilMsOf,
  rankOf,
  Shape,
  securityOf,
  shapeOf,
  storedMsOf,
} from '../../src/cache/entry.ts'
import { Rank } from '../../src/cache/rank.ts'
import { nameFromText, ROOT } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import { TEST_EPOCH_MS } from '../support/clock.ts'

const owner = nameFromText('www.example.org')
const head: EntryHead = {
  security: 'secure',
  rank: Rank.ANSWER,
  storedMs: TEST_EPOCH_MS,
  expiresMs: TEST_EPOCH_MS + 300_000,
}

/** Every way to read an entry; the results do not matter. */
function decodeAll(entry: Uint8Array): void {
  shapeOf(entry)
  expiresMsOf(entry)
  decodeRRset(entry, owner, Type.A, 300)
  decodeExpansion(entry, 300, 10)
  decodeDenial(entry, 300, 10)
  decodeDelegation(entry, owner)
  decodeFailure(entry)
  decodeServer(entry)
  decodeZone(entry, owner, 300)
  leaseUntilMsOf(entry)
}

const blocks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 })
const names = fc.constantFrom('.', 'org', 'example.org', 'WWW.Example.org', `${'x'.repeat(63)}.org`).map(nameFromText)
const sets: fc.Arbitrary<RRset> = fc
  .record({
    owner: names,
    type: fc.nat(0xffff),
    ttl: fc.integer({ min: 1, max: 300 }),
    rdatas: blocks,
    signatures: blocks,
  })
  .map((fields) => rrset(fields.owner, fields.type, fields.ttl, fields.rdatas, fields.signatures))
const times = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const delegations: fc.Arbitrary<Delegation> = fc.record({
  zone: names,
  leaseUntilMs: fc.constant(head.expiresMs),
  signed: fc.constantFrom('yes' as const, 'no' as const, 'unknown' as const),
  nameservers: fc.array(
    fc.record({
      name: names,
      addresses: fc.array(
        fc.record({
          octets: fc.oneof(
            fc.uint8Array({ minLength: 4, maxLength: 4 }),
            fc.uint8Array({ minLength: 16, maxLength: 16 }),
          ),
          untilMs: times,
        }),
        { maxLength: 5 },
      ),
    }),
    { maxLength: 14 },
  ),
})

describe('entries as octets', () => {
  it('an RRset comes back as it was', () => {
    fc.assert(
      fc.property(sets, (set) => {
        const entry = encodeRRset(head, set)!.slice()
        expect(decodeRRset(entry, set.owner, set.type, set.ttl)).to.deep.equal(set)
        expect(decodeExpansion(entry, 300, 0)).to.deep.equal([])
      }),
    )
  })

  it('so does one with proofs', () => {
    fc.assert(
      fc.property(sets, fc.array(sets, { minLength: 1, maxLength: 4 }), (set, proofs) => {
        const entry = encodeRRset(head, set, proofs)!.slice()
        expect(decodeRRset(entry, set.owner, set.type, set.ttl)).to.deep.equal(set)
        expect(decodeExpansion(entry, 300, 0)).to.deep.equal(proofs)
      }),
    )
  })

  it('so do denials and delegations', () => {
    fc.assert(
      fc.property(fc.array(sets, { maxLength: 5 }), delegations, (authority, delegation) => {
        for (const kind of ['nodata', 'nxdomain'] as const)
          expect(decodeDenial(encodeDenial(kind, head, authority)!.slice(), 300, 0)).to.deep.equal(authority)
        expect(decodeDelegation(encodeDelegation(head, delegation)!.slice(), delegation.zone)).to.deep.equal(delegation)
      }),
    )
  })

  it('so does what the proofs of a zone have in common', () => {
    const chain = fc.record({ iterations: fc.nat(0xffff), salt: fc.uint8Array({ maxLength: 16 }) })
    fc.assert(
      fc.property(fc.option(blocks), fc.boolean(), fc.array(chain, { maxLength: 2 }), (records, nsec, chains) => {
        const soa = records === null || records.length === 0 ? undefined : rrset(owner, Type.SOA, 300, records)
        const entry = encodeZone(head, { soa, nsec, chains })!.slice()
        expect(decodeZone(entry, owner, 300)).to.deep.equal({ soa, nsec, chains })
      }),
    )
  })

  it('the lease is kept to the second, or for ever', () => {
    const leaseOf = (leaseUntilMs?: number) =>
      leaseUntilMsOf(encodeRRset({ ...head, leaseUntilMs }, rrset(owner, Type.A, 1, []))!)
    expect(leaseOf()).to.equal(Number.POSITIVE_INFINITY)
    expect(leaseOf(TEST_EPOCH_MS + 1999)).to.equal(TEST_EPOCH_MS + 1000)
  })

  it('the head tells shape, trust and times, to the millisecond and beyond 2038', () => {
    fc.assert(
      fc.property(
        times,
        times,
        fc.constantFrom('bogus' as const, 'indeterminate' as const, 'insecure' as const, 'secure' as const),
        fc.constantFrom(...Object.values(Rank)),
        (storedMs, expiresMs, security, rank) => {
          const entry = encodeRRset({ storedMs, expiresMs, security, rank }, rrset(ROOT, 1, 1, []))!
          expect([shapeOf(entry), storedMsOf(entry), expiresMsOf(entry)]).to.deep.equal([
            Shape.RRSET,
            storedMs,
            expiresMs,
          ])
          expect([securityOf(entry), rankOf(entry)]).to.deep.equal([security, rank])
        },
      ),
    )
  })

  it('what was decoded stays as it is, whatever is decoded later', () => {
    const decoded: [RRset, RRset][] = []
    for (let i = 0; i < 2000; i++) {
      const set = rrset(owner, 1, 300, [new Uint8Array(i % 500).fill(i)], [new Uint8Array(90).fill(i + 1)])
      decoded.push([set, decodeRRset(encodeRRset(head, set)!, owner, 1, 300)!])
    }
    for (const [set, copy] of decoded) expect(copy).to.deep.equal(set)
  })

  it('the kinds are not taken for each other', () => {
    const set = rrset(owner, 1, 300, [new Uint8Array(4)])
    expect(decodeDenial(encodeRRset(head, set)!, 300, 0)).to.equal(undefined)
    expect(decodeRRset(encodeDenial('nodata', head, [set])!, owner, 1, 300)).to.equal(undefined)
    expect(decodeServer(encodeFailure(head, { ede: 1, text: 'x', expiresMs: 1, count: 1 }))).to.equal(undefined)
  })

  describe('damaged', () => {
    const entries = fc.oneof(
      sets.map((set) => encodeRRset(head, set)!.slice()),
      sets.map((set) => encodeRRset(head, set, [set])!.slice()),
      fc.array(sets, { maxLength: 3 }).map((authority) => encodeDenial('nxdomain', head, authority)!.slice()),
      delegations.map((delegation) => encodeDelegation(head, delegation)!.slice()),
      fc.constant(encodeFailure(head, { ede: 22, text: 'why', expiresMs: 7, count: 3 }).slice()),
      fc.constant(
        encodeServer(head, {
          srttMs: 1,
          rttvarMs: 1,
          timeouts: 1,
          deadUntilMs: 1,
          ednsBroken: true,
          caseBroken: true,
        }).slice(),
      ),
    )

    it('anywhere, they are never more than undefined or another value', () => {
      fc.assert(
        fc.property(entries, fc.nat(), fc.nat(255), fc.nat(), (entry, place, octet, length) => {
          entry[place % entry.length] = octet
          decodeAll(entry)
          decodeAll(entry.subarray(0, length % (entry.length + 1)))
        }),
        { numRuns: 1000 },
      )
    })

    it('and so is anything else', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(8), (octets, shape) => {
          if (octets.length > 0) octets[0] = shape
          decodeAll(octets)
        }),
        { numRuns: 1000 },
      )
    })

    it('cut short, they are undefined', () => {
      const set = rrset(owner, 1, 300, [new Uint8Array(4), new Uint8Array(4)], [new Uint8Array(20)])
      const whole = encodeRRset(head, set)!.slice()
      for (let end = 0; end < whole.length; end++)
        expect(decodeRRset(whole.subarray(0, end), owner, 1, 300), `${end}`).to.equal(undefined)
      const denial = encodeDenial('nxdomain', head, [set, set])!.slice()
      for (let end = 0; end < denial.length; end++)
        expect(decodeDenial(denial.subarray(0, end), 300, 0), `${end}`).to.equal(undefined)
    })
  })
})
