/** Where does resolution start when nothing is known? The thirteen root servers as IANA publishes them (named.root,
 *  last changed 2023-11-27 with b.root-servers.net), RFC 9609 §2; or those of a hints file. */

import { ServerAddress } from './io/address.ts'
import { equalNames, type Name, nameFromText } from './wire/name.ts'
import { parseZoneText } from './wire/text.ts'
import { Type } from './wire/types.ts'

export interface RootHint {
  name: Name
  /** 4 or 16 octets each. */
  addresses: Uint8Array[]
}

const published: [letter: string, ipv4: string, ipv6: string][] = [
  ['a', '198.41.0.4', '2001:503:ba3e::2:30'],
  ['b', '170.247.170.2', '2801:1b8:10::b'],
  ['c', '192.33.4.12', '2001:500:2::c'],
  ['d', '199.7.91.13', '2001:500:2d::d'],
  ['e', '192.203.230.10', '2001:500:a8::e'],
  ['f', '192.5.5.241', '2001:500:2f::f'],
  ['g', '192.112.36.4', '2001:500:12::d0d'],
  ['h', '198.97.190.53', '2001:500:1::53'],
  ['i', '192.36.148.17', '2001:7fe::53'],
  ['j', '192.58.128.30', '2001:503:c27::2:30'],
  ['k', '193.0.14.129', '2001:7fd::1'],
  ['l', '199.7.83.42', '2001:500:9f::42'],
  ['m', '202.12.27.33', '2001:dc3::35'],
]

export const ROOT_HINTS: readonly RootHint[] = published.map(([letter, ...addresses]) =>
  rootHint(`${letter}.root-servers.net.`, addresses),
)

/** A hint from text. Addresses that are none are a programmer's mistake: throws. */
export function rootHint(nameText: string, addressTexts: string[]): RootHint {
  return { name: nameFromText(nameText), addresses: addressTexts.map(addressOctets) }
}

/** The hints in a master file like IANA's named.root: NS records of the root and the servers' addresses. An empty list
 *  means that it holds none. Throws WireError 'bad-text', with the line, when the file cannot be read as records. */
export function parseRootHints(text: string): RootHint[] {
  const records = parseZoneText(text)
  return records
    .filter((record) => record.type === Type.NS && record.owner.length === 1)
    .map((ns) => ({
      name: ns.rdata,
      addresses: records
        .filter((record) => (record.type === Type.A || record.type === Type.AAAA) && equalNames(record.owner, ns.rdata))
        .map((record) => record.rdata),
    }))
    .filter((hint) => hint.addresses.length > 0)
}

function addressOctets(text: string): Uint8Array {
  const address = ServerAddress.fromText(text)
  if (address === undefined) throw new Error(`not an address: ${text}`)
  return address.octets
}
