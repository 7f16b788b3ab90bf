/** What does the cache hold for a name? For people to read. */

import { type Name, nameToText } from '../wire/name.ts'
import { type RRset, rrset } from '../wire/rrset.ts'
import { recordToText } from '../wire/text.ts'
import { Class, Type, typeText } from '../wire/types.ts'
import {
  decodeDelegation,
  decodeDenial,
  decodeExpansion,
  decodeFailure,
  decodeRRset,
  expiresMsOf,
  rankOf,
  Shape,
  securityOf,
  shapeOf,
  storedMsOf,
} from './entry.ts'
import { KeyMaker, Kind, ownerRange } from './keys.ts'
import { Rank } from './rank.ts'
import type { Store } from './store.ts'
import { secondsLeft } from './time.ts'

/** An entry as it stands in the store, also when its time is over. */
export interface InspectedEntry {
  kind: 'rrset' | 'nodata' | 'nxdomain' | 'delegation' | 'failure'
  partition: number
  name: string
  /** Of an RRset, of what is denied, of the question that failed. */
  type?: string
  security?: string
  /** Where it stood in the message it came with: RFC 2181 §5.4.1. */
  rank?: string
  /** Seconds; negative: for so long it has been over. */
  ttl: number
  /** Seconds since it was stored. */
  age: number
  /** As in a zone file, in full. */
  records: string[]
}

type Readable = Pick<Store, 'range' | 'get'>

export function inspectName(store: Readable, partition: number, name: Name, nowMs: number): InspectedEntry[] {
  const keys = new KeyMaker(partition)
  const found: InspectedEntry[] = []
  const add = (entry: Uint8Array, details: Pick<InspectedEntry, 'kind' | 'records'> & Partial<InspectedEntry>) => {
    const [ttl, age] = [expiresMsOf(entry) - nowMs, nowMs - storedMsOf(entry)].map((ms) => Math.round(ms / 1000))
    found.push({ partition, name: nameToText(name), ttl, age, ...details })
  }
  for (const { key, value } of store.range(...ownerRange(partition, Kind.RRSET, name))) {
    const type = (key[key.length - 2] << 8) | key[key.length - 1]
    const isDenial = shapeOf(value) === Shape.NODATA
    const security = securityOf(value)
    const rank = rankText(rankOf(value))
    const set = isDenial ? undefined : decodeRRset(value, name, type, ttlOf(value, nowMs))
    const sets = isDenial ? denialSets(value, nowMs) : set && [set, ...decodeExpansion(value, set.ttl, 0)]
    if (sets !== undefined)
      add(value, { kind: isDenial ? 'nodata' : 'rrset', type: typeText(type), security, rank, records: texts(sets) })
  }
  const nameError = store.get(keys.named(Kind.NXDOMAIN, name))?.slice()
  if (nameError !== undefined)
    add(nameError, {
      kind: 'nxdomain',
      security: securityOf(nameError),
      rank: rankText(rankOf(nameError)),
      records: texts(denialSets(nameError, nowMs) ?? []),
    })
  const cut = store.get(keys.named(Kind.DELEGATION, name))?.slice()
  const delegation = cut && decodeDelegation(cut, name)
  if (cut !== undefined && delegation !== undefined)
    add(cut, {
      kind: 'delegation',
      records: delegation.nameservers.flatMap((server) => [
        ...texts([rrset(name, Type.NS, ttlOf(cut, nowMs), [server.name])]),
        ...server.addresses.map(({ octets, untilMs }) =>
          texts([
            rrset(server.name, octets.length === 4 ? Type.A : Type.AAAA, Math.max(0, secondsLeft(untilMs, nowMs)), [
              octets,
            ]),
          ]).join(''),
        ),
      ]),
    })
  for (const { key, value } of store.range(...ownerRange(partition, Kind.FAILURE, name))) {
    const failure = decodeFailure(value)
    if (failure === undefined || failure.expiresMs <= nowMs) continue
    const type = typeText((key[key.length - 2] << 8) | key[key.length - 1])
    add(value, { kind: 'failure', type, ttl: secondsLeft(failure.expiresMs, nowMs), records: [failure.text] })
  }
  return found
}

function denialSets(entry: Uint8Array, nowMs: number): RRset[] | undefined {
  return decodeDenial(entry, ttlOf(entry, nowMs), Math.max(0, Math.floor((nowMs - storedMsOf(entry)) / 1000)))
}

function ttlOf(entry: Uint8Array, nowMs: number): number {
  return Math.max(0, secondsLeft(expiresMsOf(entry), nowMs))
}

function rankText(rank: number): string {
  return (
    Object.entries(Rank)
      .find(([, value]) => value === rank)?.[0]
      .toLowerCase() ?? ''
  )
}

function texts(sets: readonly RRset[]): string[] {
  return sets.flatMap(({ owner, ttl, type, rdatas, signatures }) => [
    ...rdatas.map((rdata) => recordToText(owner, ttl, Class.IN, type, rdata)),
    ...signatures.map((rdata) => recordToText(owner, ttl, Class.IN, Type.RRSIG, rdata)),
  ])
}
