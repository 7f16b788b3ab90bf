import { expect } from 'chai'
import { type AnchorEvent, AnchorManager, signalName } from '../../src/anchors/manager.ts'
import { anchorOf, type ManagedZone, unmanaged } from '../../src/dnssec/rfc5011.ts'
import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { type Name, nameFromText, nameToText } from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { Type, typeText } from '../../src/wire/types.ts'
import { ManualClock } from '../support/clock.ts'
import { SeededRandom } from '../support/random.ts'
import { SignedZone, type ZoneKey, zoneKey } from '../support/signed-zone.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const root = nameFromText('.')
const first = zoneKey('first')
const second = zoneKey('second')

class Bench {
  readonly clock = new ManualClock()
  readonly asked: string[] = []
  readonly stored: ManagedZone[] = []
  readonly anchors: (TrustAnchor | undefined)[] = []
  readonly events: AnchorEvent[] = []
  /** What the zone's servers say; undefined: nothing. */
  keys: { all: ZoneKey[]; signers: ZoneKey[] } | undefined = { all: [first], signers: [first] }
  readonly manager: AnchorManager

  constructor(signal = false) {
    const known = unmanaged({ zone: root, ds: [], keys: [first.rdata] }, this.clock.wallMs())
    this.manager = new AnchorManager(known, {
      clock: this.clock,
      random: new SeededRandom(1),
      policy: { sha1: true },
      ask: (name, type, done) => this.ask(name, type, done),
      store: (zone) => void this.stored.push(zone),
      onAnchor: (anchor) => void this.anchors.push(anchor),
      onEvent: (event) => void this.events.push(event),
      signal,
    })
    this.manager.start()
  }

  private ask(name: Name, type: number, done: (set: RRset | undefined) => void): void {
    this.asked.push(`${nameToText(name)} ${typeText(type)}`)
    this.clock.after(20, () => done(type === Type.DNSKEY && this.keys ? this.keySet(this.keys) : undefined))
  }

  private keySet({ all, signers }: { all: ZoneKey[]; signers: ZoneKey[] }): RRset {
    const now = this.clock.wallMs() / 1000
    const rdatas = all.map((key) => key.rdata)
    const set = rrset(root, Type.DNSKEY, 172_800, rdatas) // half of it is a day
    const zone = new SignedZone('.', '', {
      alter: (draft) => ({ ...draft, inception: now - 86_400, expiration: now + 20 * 86_400 }),
    })
    set.signatures = signers.map((key) => zone.signature(set, key))
    return set
  }
}

describe('AnchorManager', () => {
  it('looks at the keys at once, then each half TTL (RFC 5011 §2.3)', () => {
    const bench = new Bench()
    bench.clock.advance(1000)
    expect(bench.asked).to.deep.equal(['. DNSKEY'])
    bench.clock.advance(DAY_MS - 2000)
    expect(bench.asked).to.have.length(1)
    bench.clock.advance(2000)
    expect(bench.asked).to.have.length(2)
    expect(bench.manager.nextRefreshMs).to.be.closeTo(bench.clock.wallMs() + DAY_MS, 2000)
    expect([bench.stored, bench.anchors, bench.events]).to.deep.equal([[], [], []])
  })

  it('tries again after an hour when nobody answers, and says so', () => {
    const bench = new Bench()
    bench.keys = undefined
    bench.clock.advance(HOUR_MS + 1000)
    expect(bench.asked).to.have.length(2)
    expect(bench.events.map(({ kind }) => kind)).to.deep.equal(['unreachable', 'unreachable'])
  })

  it('refuses what is not signed by a trusted key, and says why', () => {
    const bench = new Bench()
    bench.keys = { all: [second], signers: [second] }
    bench.clock.advance(1000)
    expect(bench.events).to.have.length(1)
    expect(bench.events[0].kind === 'refused' && bench.events[0].why.reason).to.equal('key set not vouched for')
    expect(bench.anchors).to.deep.equal([])
  })

  it('keeps each change, tells of it, and puts the new anchor in force', () => {
    const bench = new Bench()
    bench.keys = { all: [first, second], signers: [first] }
    bench.clock.advance(1000)
    expect(changesOf(bench)).to.deep.equal([`${second.tag} unknown → add-pending`])
    expect(bench.stored).to.have.length(1)
    expect(bench.anchors.at(-1)?.keys).to.have.length(1)
    bench.clock.advance(31 * DAY_MS)
    expect(changesOf(bench).at(-1)).to.equal(`${second.tag} add-pending → valid`)
    expect(bench.anchors.at(-1)?.keys).to.have.length(2)
    expect(anchorOf(bench.stored.at(-1)!)?.keys).to.have.length(2)
  })

  it('stops when told', () => {
    const bench = new Bench(true)
    bench.manager.stop()
    bench.clock.advance(3 * DAY_MS)
    expect(bench.asked).to.deep.equal([])
  })

  it('signals once a day which keys are trusted (RFC 8145 §5)', () => {
    const bench = new Bench(true)
    bench.clock.advance(3 * DAY_MS)
    const signals = bench.asked.filter((question) => question.endsWith(' NULL'))
    expect(signals).to.deep.equal(Array(3).fill(`_ta-${first.tag.toString(16).padStart(4, '0')}. NULL`))
  })
})

describe('signalName (RFC 8145 §5.1)', () => {
  const ds = (tag: number) => Uint8Array.of(tag >> 8, tag & 255, 8, 2, 0)

  it('has the tags in hexadecimal, of four digits and in order', () => {
    const anchor = { zone: root, ds: [ds(38_696), ds(20_326), ds(7)], keys: [] }
    expect(nameToText(signalName(anchor)!)).to.equal('_ta-0007-4f66-9728.')
  })

  it('stands below the zone', () => {
    const anchor = { zone: nameFromText('example.'), ds: [ds(20_326)], keys: [] }
    expect(nameToText(signalName(anchor)!)).to.equal('_ta-4f66.example.')
  })

  it('fits into a label, however many there are', () => {
    const anchor = { zone: root, ds: Array.from({ length: 40 }, (_, tag) => ds(tag)), keys: [] }
    expect(signalName(anchor)![0]).to.be.at.most(63)
  })
})

function changesOf(bench: Bench): string[] {
  return bench.events.flatMap((event) =>
    event.kind === 'changed' ? [`${event.change.tag} ${event.change.from} → ${event.change.to}`] : [],
  )
}
