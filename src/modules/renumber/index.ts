/** Replaces addresses in answers by others, where a network is numbered otherwise seen from inside. The answer is then no
 *  longer what the zone signed: it loses its signatures and AD. */

import { isInSubnet, parseSubnet, type Subnet } from '../../config/policy-kinds.ts'
import type { Config } from '../../config/schema.ts'
import { addressFromText } from '../../wire/ip-address.ts'
import type { RRset } from '../../wire/rrset.ts'
import { Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

interface Renumbering {
  source: Subnet
  destination: Uint8Array
}

export const renumber = (config: Config['network']['address-renumbering']) =>
  defineModule({
    name: 'renumber',
    about: 'Replaces addresses in answers by others.',
    metrics: { renumbered: 'Answers with an address replaced' },
    start: () =>
      config.map(
        ({ source, destination }): Renumbering => ({
          source: parseSubnet(source) as Subnet,
          destination: addressFromText(destination) as Uint8Array,
        }),
      ),
    answer(request, { state, count }) {
      if (request.source === 'local') return 'pass'
      const answer = request.answer.map((set) => renumbered(set, state))
      if (answer.every((set, at) => set === request.answer[at])) return 'pass'
      count('renumbered')
      request.answer = answer
      request.security = 'insecure'
      return 'pass'
    },
  })

/** The set itself when nothing in it is to be replaced. */
function renumbered(set: RRset, rules: readonly Renumbering[]): RRset {
  if (set.type !== Type.A && set.type !== Type.AAAA) return set
  const rdatas = set.rdatas.map((octets) => replaced(octets, rules))
  return rdatas.every((octets, at) => octets === set.rdatas[at]) ? set : { ...set, rdatas, signatures: [] }
}

function replaced(octets: Uint8Array, rules: readonly Renumbering[]): Uint8Array {
  const rule = rules.find(
    ({ source, destination }) => destination.length === octets.length && isInSubnet(octets, source),
  )
  if (rule === undefined) return octets
  const { source, destination } = rule
  return octets.map((octet, at) => {
    const fixed = Math.min(8, Math.max(0, source.bits - at * 8))
    const mask = (0xff << (8 - fixed)) & 0xff
    return (destination[at] & mask) | (octet & ~mask & 0xff)
  })
}
