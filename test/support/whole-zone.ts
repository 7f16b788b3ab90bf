/** Whole signed zones with a digest (ZONEMD), as they come by file or transfer; everything about them can be wrong. */

import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { anchoredKeys } from '../../src/dnssec/trust-anchors.ts'
import { arrangeZone, type Unfit, type Verified, verifyZone, type ZoneCopy } from '../../src/dnssec/zone-copy.ts'
import { digestOf } from '../../src/dnssec/zonemd.ts'
import { equalNames, type Name, nameFromText } from '../../src/wire/name.ts'
import { parseSoa, rrset } from '../../src/wire/rrset.ts'
import { parseZoneText, recordToText, type ZoneRecord } from '../../src/wire/text.ts'
import { Class, Type } from '../../src/wire/types.ts'
import { type DenialKind, type SigningPlan, signSet, signZone } from '../lab/signer.ts'
import { dsRdata, zoneKey } from '../lab/zone-keys.ts'
import { TEST_EPOCH_MS } from './clock.ts'

const ED25519 = 15
const DAY = 86_400

export interface WholeZoneOptions {
  /** POSIX seconds; signatures hold from a day before to ten days after. */
  nowSeconds?: number
  denial?: DenialKind
  /** Hash algorithm of the ZONEMD record; 0: there is none. */
  digest?: number
  /** Changes the digest. */
  alterDigest?: (digest: Uint8Array) => Uint8Array
  alter?: SigningPlan['alter']
}

export class WholeZone {
  readonly origin: Name
  readonly records: ZoneRecord[]
  readonly anchor: TrustAnchor
  readonly nowSeconds: number

  /** `body`: records relative to the origin, SOA and NS of the apex among them. */
  constructor(originText: string, body: string, options: WholeZoneOptions = {}) {
    const { digest = 1, denial = { kind: 'nsec' }, alterDigest = (octets) => octets } = options
    this.nowSeconds = options.nowSeconds ?? TEST_EPOCH_MS / 1000
    this.origin = nameFromText(originText)
    const key = zoneKey(originText, ED25519, 'csk')
    this.anchor = { zone: this.origin, ds: [dsRdata(originText, key, 2)], keys: [] }
    const plan: SigningPlan = {
      apex: this.origin,
      keys: [key],
      denial,
      inception: this.nowSeconds - DAY,
      expiration: this.nowSeconds + 10 * DAY,
      alter: options.alter,
    }
    const own = (type: number, ttl: number, rdata: Uint8Array): ZoneRecord => {
      return { owner: this.origin, ttl, class: Class.IN, type, rdata }
    }
    const plain = [...parseZoneText(body, this.origin), own(Type.DNSKEY, 3600, key.rdata)]
    if (digest === 0) {
      this.records = signZone(plain, plan)
      return
    }
    const soa = plain.find(({ type }) => type === Type.SOA)!
    const head = Buffer.alloc(6)
    head.writeUInt32BE(parseSoa(soa.rdata).serial)
    head.set([1, digest], 4)
    const placeholder = own(Type.ZONEMD, soa.ttl, Buffer.concat([head, Buffer.alloc(48)]))
    const isDigest = ({ owner, type, rdata }: ZoneRecord) =>
      equalNames(owner, this.origin) &&
      (type === Type.ZONEMD || (type === Type.RRSIG && ((rdata[0] << 8) | rdata[1]) === Type.ZONEMD))
    const undigested = signZone([...plain, placeholder], plan).filter((record) => !isDigest(record))
    const copy = arrangeZone(undigested, this.origin) as ZoneCopy
    const zonemd = own(Type.ZONEMD, soa.ttl, Buffer.concat([head, alterDigest(digestOf(copy, digest))]))
    const signatures = signSet(rrset(this.origin, Type.ZONEMD, soa.ttl, [zonemd.rdata]), plan)
    this.records = [...undigested, zonemd, ...signatures.map((rdata) => own(Type.RRSIG, soa.ttl, rdata))]
  }

  /** The DS record that its parent has, or a configuration as trust anchor. */
  dsText(ttl = 0): string {
    return recordToText(this.origin, ttl, Class.IN, Type.DS, this.anchor.ds[0])
  }

  get text(): string {
    return this.records
      .map(({ owner, ttl, class: klass, type, rdata }) => `${recordToText(owner, ttl, klass, type, rdata)}\n`)
      .join('')
  }

  get copy(): ZoneCopy {
    const copy = arrangeZone(this.records, this.origin)
    if ('kind' in copy) throw new Error(copy.reason)
    return copy
  }

  verify(copy = this.copy, nowSeconds = this.nowSeconds): Verified | Unfit {
    return exhaust(
      verifyZone(copy, { nowSeconds, policy: { sha1: true }, vouched: (keys) => anchoredKeys(this.anchor, keys) }),
    )
  }
}

/** What a generator comes to. */
export function exhaust<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
