/** A few signed zones for stories, with whole chains of NSEC or NSEC3, behind one server of our own: one zone below the
 *  other, each vouched for by the one above. */

import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { parseZoneText, rdataToText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { Authority } from '../lab/authority.ts'
import { type DenialKind, signZone } from '../lab/signer.ts'
import { dsRdata, zoneKey } from '../lab/zone-keys.ts'
import { type Server, zoneFile } from '../scenarios/own/story.ts'
import { TEST_EPOCH_MS } from './clock.ts'

const NOW_SECONDS = TEST_EPOCH_MS / 1000
const HOUR = 3600

export interface SignedWorldZone {
  /** Records relative to the origin; SOA, keys and what delegates to the zones below are there already. */
  body: string
  denial: DenialKind
}

export class SignedWorld {
  readonly authority: Authority
  readonly anchors: readonly TrustAnchor[]

  /** `zones` by origin, the topmost first; each is in the one named before it that it is below. */
  constructor(zones: Record<string, SignedWorldZone>) {
    const origins = Object.keys(zones)
    const delegations = new Map(origins.map((origin) => [origin, [] as string[]]))
    for (const [i, origin] of origins.entries()) {
      const parent = origins.slice(0, i).findLast((above) => above === '.' || origin.endsWith(`.${above}`))
      if (parent === undefined) continue
      delegations
        .get(parent)!
        .push(`${origin} NS ns.invalid-host.`, `${origin} DS ${rdataToText(Type.DS, dsOf(origin))}`)
    }
    this.authority = new Authority(
      origins.map((origin) => ({ origin, records: () => signed(origin, zones[origin], delegations.get(origin)!) })),
    )
    this.anchors = [{ zone: nameFromText(origins[0]), ds: [dsOf(origins[0])], keys: [] }]
  }

  server(): Server {
    return ({ packet, protocol }) => {
      const reply = this.authority.respond(packet, protocol === 'udp' ? 'udp' : 'tcp')
      return { packets: reply === undefined ? [] : [reply.slice()] }
    }
  }
}

function signed(origin: string, { body, denial }: SignedWorldZone, delegations: string[]) {
  const key = keyOf(origin)
  const lines = [body, ...delegations, `@ DNSKEY ${rdataToText(Type.DNSKEY, key.rdata)}`]
  return signZone(parseZoneText(zoneFile(origin, lines.join('\n'))), {
    apex: nameFromText(origin),
    keys: [key],
    denial,
    inception: NOW_SECONDS - HOUR,
    expiration: NOW_SECONDS + 14 * 24 * HOUR,
  })
}

function keyOf(origin: string) {
  return zoneKey(origin, DnssecAlgorithm.ED25519, 'csk')
}

function dsOf(origin: string): Uint8Array {
  return dsRdata(origin, keyOf(origin), 2)
}
