/** Where does trust begin, and where has an operator suspended it? RFC 4035 §4.4 (anchors), RFC 7646 (negative anchors),
 *  and the two root keys published by IANA. */

import { isBelow, type Name, nameFromText, nameKey, parentName, ROOT } from '../wire/name.ts'
import { parseZoneText } from '../wire/text.ts'
import { Type } from '../wire/types.ts'
import { type Ds, dsMatches, parseDs, usableDs } from './ds.ts'
import { type AlgorithmPolicy, type DnsKey, isRevoked, parseDnsKey, supportsAlgorithm } from './keys.ts'

export interface TrustAnchor {
  zone: Name
  /** RDATA of DS and of DNSKEY records; either kind may be empty. */
  ds: Uint8Array[]
  keys: Uint8Array[]
}

/** KSK-2017 (in use since 2018-10-11) and KSK-2024 (to sign from 2026-10-11), https://data.iana.org/root-anchors/. */
const ROOT_KEYS = `
. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
`

export const ROOT_ANCHORS: readonly TrustAnchor[] = parseTrustAnchors(ROOT_KEYS)

/** Anchors from DS and DNSKEY records in zone file form, one per zone. Other records are passed over. Throws WireError
 *  'bad-text' when the text cannot be read as records. */
export function parseTrustAnchors(text: string): TrustAnchor[] {
  const anchors = new Map<string, TrustAnchor>()
  for (const { owner, type, rdata } of parseZoneText(text)) {
    if (type !== Type.DS && type !== Type.DNSKEY) continue
    const anchor = anchors.get(nameKey(owner)) ?? { zone: owner, ds: [], keys: [] }
    anchors.set(nameKey(owner), anchor)
    if (type === Type.DS) anchor.ds.push(rdata)
    else anchor.keys.push(rdata)
  }
  return [...anchors.values()]
}

/** The keys of `keys` that the anchor vouches for. */
export function anchoredKeys(anchor: TrustAnchor, keys: readonly DnsKey[]): DnsKey[] {
  const ds = anchor.ds.map(parseDs).filter((record): record is Ds => record !== undefined)
  return keys.filter((key) => {
    if (isRevoked(key)) return false
    if (anchor.keys.some((rdata) => Buffer.compare(rdata, key.rdata) === 0)) return true
    return ds.some((record) => dsMatches(record, anchor.zone, key))
  })
}

/** Whether any part of the anchor is of an algorithm and digest that we can check; without, the zone is insecure to us. */
export function isUsable(anchor: TrustAnchor, policy: AlgorithmPolicy): boolean {
  if (usableDs(anchor.ds, policy).length > 0) return true
  return anchor.keys.some((rdata) => supportsAlgorithm(parseDnsKey(rdata)?.algorithm ?? 0, policy))
}

/** The tags of the keys that the anchor is about. */
export function anchorTags({ ds, keys }: TrustAnchor): number[] {
  const tags = [...ds.map(parseDs), ...keys.map(parseDnsKey)].map((record) =>
    record === undefined ? undefined : 'tag' in record ? record.tag : record.keyTag,
  )
  return [...new Set(tags.filter((tag) => tag !== undefined))].sort((a, b) => a - b)
}

const ROOT_KEY = nameKey(ROOT)

/** Anchors and negative anchors, found by name. Replaced as a whole when they change. */
export class TrustAnchors {
  readonly anchors: readonly TrustAnchor[]
  readonly #byZone: ReadonlyMap<string, TrustAnchor>
  readonly #negative: ReadonlySet<string>

  constructor(anchors: readonly TrustAnchor[], negative: readonly Name[] = []) {
    this.anchors = anchors
    this.#byZone = new Map(anchors.map((anchor) => [nameKey(anchor.zone), anchor]))
    this.#negative = new Set(negative.map(nameKey))
  }

  /** The anchor for exactly this zone. */
  at(zone: Name): TrustAnchor | undefined {
    return this.#byZone.get(nameKey(zone))
  }

  /** Whether data at `name` can be secure at all: an anchor at or above it, and no closer negative one (RFC 7646 §2). */
  covers(name: Name): boolean {
    return this.#closest(name) === 'anchor'
  }

  /** Whether the closest anchor at or above `name` is a negative one. */
  isSuspended(name: Name): boolean {
    return this.#closest(name) === 'negative'
  }

  /** Whether an anchor lies below `zone`: an island of security in what may be an unsigned sea (RFC 4035 §2). */
  hasIslandBelow(zone: Name): boolean {
    return this.anchors.some((anchor) => isBelow(anchor.zone, zone))
  }

  /** Of two at one name, the negative anchor counts. */
  #closest(name: Name): 'anchor' | 'negative' | undefined {
    if (this.#negative.size === 0 && this.#byZone.has(ROOT_KEY)) return 'anchor' // as nearly everywhere
    for (let ancestor = name; ; ancestor = parentName(ancestor)) {
      const key = nameKey(ancestor)
      if (this.#negative.has(key)) return 'negative'
      if (this.#byZone.has(key)) return 'anchor'
      if (ancestor.length === 1) return undefined
    }
  }
}

/** The anchors in force, for all who go by them. */
export interface AnchorsInForce {
  current: TrustAnchors
}

/** From a list of names as text. Throws WireError 'bad-text'. */
export function negativeAnchors(names: readonly string[]): Name[] {
  return names.map(nameFromText)
}
