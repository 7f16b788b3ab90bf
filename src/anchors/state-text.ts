/** The file in which managed trust anchors are kept between runs (RFC 5011 §2.4 wants them to last): text that people can
 *  read, and any program that wants a zone file with anchors. Trusted keys are records; those that are not trusted, yet or
 *  any more, stand in comments. */

import type { KeyState, ManagedKey, ManagedZone } from '../dnssec/rfc5011.ts'
import { WireError } from '../wire/error.ts'
import { equalNames, type Name, nameToText } from '../wire/name.ts'
import { parseZoneText, rdataToText, type ZoneRecord } from '../wire/text.ts'
import { Type } from '../wire/types.ts'

const HEAD = '; Trust anchors, kept by Bowline (RFC 5011).'
/** A file of ours without it was cut off. */
const END = '; End of trust anchors.'
const STATES: readonly KeyState[] = ['add-pending', 'valid', 'missing', 'revoked', 'removed']
const STATE = /;\s*(?<state>[a-z-]+) since (?<since>\S+?)(?: until (?<until>\S+))?$/

export function composeAnchorState({ zone, ds, keys }: ManagedZone): string {
  const owner = nameToText(zone)
  const lines = [
    HEAD,
    ...ds.map((rdata) => `${owner} DS ${rdataToText(Type.DS, rdata)}`),
    ...keys.map((key) => keyLine(owner, key)),
    END,
  ]
  return `${lines.join('\n')}\n`
}

function keyLine(owner: string, { rdata, state, sinceMs, untilMs }: ManagedKey): string {
  const record = `${owner} DNSKEY ${rdataToText(Type.DNSKEY, rdata)}`
  const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`
  const isTrusted = state === 'valid' || state === 'missing'
  return `${isTrusted ? '' : '; '}${record} ; ${state} since ${new Date(sinceMs).toISOString()}${until}`
}

/** Reads what composeAnchorState wrote, or a plain zone file of DS and DNSKEY records, which are trusted from `nowMs` on.
 *  Throws WireError 'bad-text' when it cannot be read, is of several zones, holds nothing or is cut off. */
export function parseAnchorState(text: string, nowMs: number): ManagedZone {
  const lines = text.split('\n').map((line) => line.trim())
  const isOurs = lines[0] === HEAD
  if (isOurs && !lines.includes(END)) throw new WireError('bad-text', 'the end is missing')
  const found: { record: ZoneRecord; key: Omit<ManagedKey, 'rdata'> }[] = []
  if (isOurs) for (const line of lines.slice(1, lines.indexOf(END))) if (line !== '') found.push(parseLine(line, nowMs))
  if (!isOurs) for (const record of parseZoneText(text)) found.push({ record, key: { state: 'valid', sinceMs: nowMs } })

  const anchors = found.filter(({ record }) => record.type === Type.DS || record.type === Type.DNSKEY)
  const zone: Name | undefined = anchors[0]?.record.owner
  if (zone === undefined) throw new WireError('bad-text', 'there is no DS or DNSKEY record')
  if (anchors.some(({ record }) => !equalNames(record.owner, zone)))
    throw new WireError('bad-text', 'there are records of several zones')
  return {
    zone,
    ds: anchors.filter(({ record }) => record.type === Type.DS).map(({ record }) => record.rdata),
    keys: anchors
      .filter(({ record }) => record.type === Type.DNSKEY)
      .map(({ record, key }) => ({ rdata: record.rdata, ...key })),
  }
}

function parseLine(line: string, nowMs: number): { record: ZoneRecord; key: Omit<ManagedKey, 'rdata'> } {
  const comment = STATE.exec(line)?.groups
  const text = line.replace(STATE, '').replace(/^;\s*/, '')
  const [record, ...more] = parseZoneText(`${text}\n`)
  if (record === undefined || more.length > 0) throw new WireError('bad-text', `not a record: ${line.slice(0, 60)}`)
  if (comment === undefined) return { record, key: { state: 'valid', sinceMs: nowMs } }
  const state = STATES.find((known) => known === comment.state)
  const sinceMs = Date.parse(comment.since)
  const untilMs = comment.until === undefined ? undefined : Date.parse(comment.until)
  if (state === undefined || Number.isNaN(sinceMs) || Number.isNaN(untilMs ?? 0))
    throw new WireError('bad-text', `not a state of a key: ${line.slice(-60)}`)
  return { record, key: { state, sinceMs, ...(untilMs !== undefined && { untilMs }) } }
}
