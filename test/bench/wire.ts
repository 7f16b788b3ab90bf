/** `node test/bench/wire.ts`: CPU time of the codec's hot functions on messages as a resolver meets them, in µs a call,
 *  the best of several rounds. Compare numbers of one run only. */

import { composeMessage, type Outgoing } from '../../src/wire/compose.ts'
import { parseQuery, parseReply } from '../../src/wire/message.ts'
import { nameFromText, nameKey } from '../../src/wire/name.ts'
import { MAX_REVERSED, writeReversed } from '../../src/wire/reversed.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { Class, Type } from '../../src/wire/types.ts'

const CALLS = 200_000
const ROUNDS = 5

function measure(what: string, action: () => unknown): void {
  for (let i = 0; i < CALLS; i++) action()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    for (let i = 0; i < CALLS; i++) action()
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / CALLS)
  }
  console.log(`${what.padEnd(40)} ${best.toFixed(3)} µs`)
}

function set(owner: string, type: keyof typeof Type, ...rdatas: string[]): RRset {
  const signature = `${type} 13 3 300 20300101000000 20290101000000 1 example.org. ${'AAAA'.repeat(21)}AA==`
  const wire = rdatas.map((text) => rdataFromText(Type[type], text))
  return rrset(nameFromText(owner), Type[type], 300, wire, [rdataFromText(Type.RRSIG, signature)])
}

const question = { name: nameFromText('www.example.org'), type: Type.A, class: Class.IN }
const edns = { udpSize: 1232, do: true }
const soa = set('example.org', 'SOA', 'ns1.example.org. admin.example.org. 2024010101 7200 900 1209600 300')
const base = { id: 1, flags: 0x8400, rcode: 0, question, edns }
const replies: Record<string, Outgoing> = {
  'one address': { ...base, answer: [set('www.example.org', 'A', '192.0.2.1')] },
  'alias and two addresses': {
    ...base,
    answer: [
      set('www.example.org', 'CNAME', 'web.example.net.'),
      set('web.example.net', 'A', '192.0.2.1', '192.0.2.2'),
    ],
  },
  'referral with glue': {
    ...base,
    authority: [set('example.org', 'NS', 'ns1.example.org.', 'ns2.example.org.')],
    additional: [
      set('ns1.example.org', 'A', '192.0.2.1'),
      set('ns2.example.org', 'A', '192.0.2.2'),
      set('ns1.example.org', 'AAAA', '2001:db8::1'),
    ],
  },
  'name error': { ...base, rcode: 3, authority: [soa] },
}

const buffer = new Uint8Array(4096)
for (const dnssec of [false, true]) {
  for (const [what, reply] of Object.entries(replies)) {
    const options = { limit: 1232, dnssec, truncate: true }
    const packet = buffer.slice(0, composeMessage(buffer, reply, options))
    const label = `${what}${dnssec ? ', signed' : ''} (${packet.length})`
    measure(`parseReply ${label}`, () => parseReply(packet))
    measure(`composeMessage ${label}`, () => composeMessage(buffer, reply, options))
  }
}
const options = [{ code: 10, data: new Uint8Array(8) }]
const query = { ...base, flags: 0x0100, edns: { ...edns, options } }
const packet = buffer.slice(0, composeMessage(buffer, query, { limit: 1232, dnssec: true, truncate: true }))
measure('parseQuery', () => parseQuery(packet))
measure('nameKey', () => nameKey(question.name))
const key = new Uint8Array(MAX_REVERSED)
measure('writeReversed', () => writeReversed(question.name, key, 0))
