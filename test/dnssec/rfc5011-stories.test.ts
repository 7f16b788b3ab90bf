/** Whatever a zone does with its keys, and whatever others put in its place: what RFC 5011 must never let happen. */

import { expect } from 'chai'
import fc from 'fast-check'
import { DEFAULT_ALGORITHM_POLICY } from '../../src/dnssec/keys.ts'
import {
  anchorOf,
  HOLD_DOWN_MS,
  type KeyState,
  type ManagedZone,
  observeKeys,
  unmanaged,
} from '../../src/dnssec/rfc5011.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Type } from '../../src/wire/types.ts'
import { makeKey, NOW, name, REVOKED, SEP, signatureOver, type TestKey, withFlags, ZONE_KEY } from './support.ts'

const DAY_MS = 86_400_000
const zone = name('example.org')
const keys = Array.from({ length: 4 }, () => makeKey(ZONE_KEY | SEP))
const revokedKeys = keys.map((key) => withFlags(key, ZONE_KEY | SEP | REVOKED))

/** What a zone shows at one look: for each key whether it is there, and who signs. */
interface Look {
  days: number
  shown: ('no' | 'yes' | 'revoked')[]
  signs: boolean[]
}

const look: fc.Arbitrary<Look> = fc.record({
  days: fc.oneof({ weight: 8, arbitrary: fc.nat(25) }, { weight: 1, arbitrary: fc.integer({ min: -60, max: -1 }) }),
  shown: fc.tuple(...keys.map(() => fc.constantFrom('no', 'yes', 'yes', 'yes', 'revoked'))) as fc.Arbitrary<
    Look['shown']
  >,
  signs: fc.tuple(...keys.map(() => fc.boolean())) as fc.Arbitrary<boolean[]>,
})

function keySet({ shown, signs }: Look, nowMs: number): RRset {
  const present = shown.map((how, i) => (how === 'no' ? undefined : how === 'yes' ? keys[i] : revokedKeys[i]))
  const set = rrset(
    zone,
    Type.DNSKEY,
    3600,
    present.filter((key) => key !== undefined).map((key) => key.dnsKey.rdata),
  )
  const now = nowMs / 1000
  const times = { inception: now - 3600, expiration: now + 86_400 }
  const signers = present.filter((key, i): key is TestKey => key !== undefined && signs[i])
  set.signatures = signers.map((key) => signatureOver(set, key, zone, times))
  return set
}

const stateOf = (known: ManagedZone, i: number): KeyState | undefined =>
  known.keys.find(({ rdata }) => Buffer.compare(rdata, keys[i].dnsKey.rdata) === 0)?.state

const isTrusted = (state: KeyState | undefined) => state === 'valid' || state === 'missing'

/** Plays a story from the day on which the first key is all that is trusted. */
function play(looks: readonly Look[], visit: (before: ManagedZone, after: ManagedZone, look: Look, at: Turn) => void) {
  let known = unmanaged({ zone, ds: [], keys: [keys[0].dnsKey.rdata] }, NOW * 1000)
  let nowMs = NOW * 1000
  for (const look of looks) {
    nowMs += look.days * DAY_MS
    const observation = observeKeys(known, keySet(look, nowMs), nowMs, DEFAULT_ALGORITHM_POLICY)
    visit(known, observation.zone, look, { nowMs, isObserved: observation.kind === 'observed' })
    known = observation.zone
  }
}

interface Turn {
  nowMs: number
  isObserved: boolean
}

const stories = fc.array(look, { minLength: 1, maxLength: 12 })
const always = (check: (looks: Look[]) => void) => fc.assert(fc.property(stories, check), { numRuns: 300, seed: 1 })

describe('observeKeys, whatever happens (RFC 5011)', () => {
  it('trusts no key before it was seen for the whole hold-down, without a break', () => {
    const firstSeenMs = new Map<number, number>()
    let accepted = 0
    always((looks) => {
      firstSeenMs.clear()
      play(looks, (before, after, { shown }, { nowMs, isObserved }) => {
        keys.forEach((_, i) => {
          if (isObserved && shown[i] !== 'yes') firstSeenMs.delete(i)
          else if (isObserved && !firstSeenMs.has(i)) firstSeenMs.set(i, nowMs)
          if (isTrusted(stateOf(before, i)) || !isTrusted(stateOf(after, i))) return
          accepted++
          expect(isObserved).to.equal(true)
          expect(nowMs - (firstSeenMs.get(i) ?? nowMs)).to.be.at.least(HOLD_DOWN_MS)
        })
      })
    })
    expect(accepted).to.be.greaterThan(5)
  })

  it('never lets a revoked key return', () => {
    let revocations = 0
    always((looks) => {
      const gone = new Set<number>()
      play(looks, (_, after) => {
        keys.forEach((_, i) => {
          const state = stateOf(after, i)
          if (gone.has(i)) expect(state).to.be.oneOf(['revoked', 'removed'])
          if (state !== 'revoked' || gone.has(i)) return
          gone.add(i)
          revocations++
        })
      })
    })
    expect(revocations).to.be.greaterThan(30)
  })

  it('revokes a key for its own signature alone, and only a trusted one', () => {
    always((looks) =>
      play(looks, (before, after, { shown, signs }) => {
        keys.forEach((_, i) => {
          if (stateOf(after, i) !== 'revoked' || stateOf(before, i) === 'revoked') return
          expect([isTrusted(stateOf(before, i)), shown[i], signs[i]]).to.deep.equal([true, 'revoked', true])
        })
      }),
    )
  })

  it('believes nothing else of a set that no key signed which is trusted and still in it', () => {
    always((looks) =>
      play(looks, (before, after, { shown, signs }, { isObserved }) => {
        const byTrusted = keys.some((_, i) => isTrusted(stateOf(before, i)) && shown[i] === 'yes' && signs[i])
        expect(isObserved).to.equal(byTrusted)
        if (isObserved) return
        keys.forEach((_, i) => {
          if (stateOf(after, i) !== 'revoked') expect(stateOf(after, i)).to.equal(stateOf(before, i))
        })
      }),
    )
  })

  it('has an anchor just as long as a key is trusted', () => {
    always((looks) =>
      play(looks, (_, after) => {
        const trusted = keys.filter((_, i) => isTrusted(stateOf(after, i))).map((key) => key.dnsKey.rdata)
        expect(anchorOf(after)?.keys ?? []).to.have.deep.members(trusted)
      }),
    )
  })

  it('does not trust a pending key of which the end of the hold-down was lost', () => {
    const pending: ManagedZone = {
      zone,
      ds: [],
      keys: [
        { rdata: keys[0].dnsKey.rdata, state: 'valid', sinceMs: NOW * 1000 },
        { rdata: keys[1].dnsKey.rdata, state: 'add-pending', sinceMs: NOW * 1000 },
      ],
    }
    const both: Look = { days: 0, shown: ['yes', 'yes', 'no', 'no'], signs: [true, false, false, false] }
    const daysOn = (days: number) => {
      const nowMs = NOW * 1000 + days * DAY_MS
      return stateOf(observeKeys(pending, keySet(both, nowMs), nowMs, DEFAULT_ALGORITHM_POLICY).zone, 1)
    }
    expect([daysOn(0), daysOn(29), daysOn(30)]).to.deep.equal(['add-pending', 'add-pending', 'valid'])
  })
})
