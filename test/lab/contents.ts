/** What do a zone's servers hold? The world's text of it, signed where it is to be: once for all servers, when the first
 *  of them asks. Whatever the world wants wrong with a zone is done here. */

import { nameFromText } from '../../src/wire/name.ts'
import { parseZoneText, recordToText, type ZoneRecord } from '../../src/wire/text.ts'
import { signZone } from './signer.ts'
import { signingPlan } from './signing.ts'
import { type Zone, zoneText } from './world.ts'

export class Contents {
  private readonly nowSeconds: number
  private readonly known = new Map<string, ZoneRecord[]>()

  constructor(nowSeconds: number) {
    this.nowSeconds = nowSeconds
  }

  /** The zone as one of its hosts has it. */
  records(zone: Zone, host: string): ZoneRecord[] {
    const isTampered = zone.tampering !== undefined && (zone.tampering.hosts?.includes(host) ?? true)
    const key = `${zone.origin} ${isTampered}`
    let records = this.known.get(key)
    if (records === undefined) this.known.set(key, (records = this.make(zone, isTampered)))
    return records
  }

  /** The same as a master file. */
  text(zone: Zone, host: string): string {
    if (zone.signing === undefined) return zoneText(zone)
    const lines = this.records(zone, host).map((found) =>
      recordToText(found.owner, found.ttl, found.class, found.type, found.rdata),
    )
    return `${lines.join('\n')}\n`
  }

  private make(zone: Zone, isTampered: boolean): ZoneRecord[] {
    const apex = nameFromText(zone.origin)
    const plain = parseZoneText(zoneText(zone), apex)
    if (zone.signing === undefined) return plain
    const tampering = isTampered ? zone.tampering : undefined
    const plan = signingPlan(zone.origin, zone.signing, this.nowSeconds)
    const signed = signZone(plain, tampering?.plan?.(plan) ?? plan)
    return tampering?.records?.(signed) ?? signed
  }
}
