/** AAAA records for hosts that have none, made of their A records: for clients with IPv6 only behind a translator.
 *  RFC 6147; the addresses by RFC 6052; ipv4only.arpa, by which clients learn the prefix, by RFC 7050 and RFC 8880. */

import { isInSubnet, parseSubnet, type Subnet } from '../../config/policy-kinds.ts'
import type { Config } from '../../config/schema.ts'
import type { Request, Step } from '../../request.ts'
import { equalNames, nameFromText } from '../../wire/name.ts'
import { parseSoa, type RRset, rrset } from '../../wire/rrset.ts'
import { Rcode, Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'
import { isSpecialAddress } from '../special-addresses.ts'
import { addressOfReverse, embed, extract, reverseOfIpv4 } from './translate.ts'

const WELL_KNOWN_PREFIX = '64:ff9b::/96'
/** RFC 6147 §5.1.4: never an address of a host. */
const ALWAYS_EXCLUDED = '::ffff:0:0/96'
/** Seconds; RFC 6147 §5.1.7, where a denial has no SOA to tell. */
const TTL_WITHOUT_SOA = 600
const REVERSE_TTL = 3600

/** RFC 7050 §2.2 and §8.2. */
const IPV4ONLY = nameFromText('ipv4only.arpa.')
const IPV4ONLY_ADDRESSES = [Uint8Array.of(192, 0, 0, 170), Uint8Array.of(192, 0, 0, 171)]
const IPV4ONLY_TTL = 86_400

interface Translation {
  prefixes: readonly Subnet[]
  excluded: readonly Subnet[]
  reverseTtl: number
}

export const dns64 = (config: Config['dns64']) =>
  defineModule({
    name: 'dns64',
    about: 'Makes AAAA records of A records.',
    metrics: {
      synthesised: 'Answers with AAAA records made of A records',
      reverse: 'Reverse names led to those of IPv4',
    },
    start(): Translation {
      const { prefix, 'exclude-subnets': excluded, 'reverse-ttl': reverseTtl } = config
      const subnets = (texts: readonly string[]) => texts.map((text) => parseSubnet(text) as Subnet)
      return {
        prefixes: subnets(prefix.length > 0 ? prefix : [WELL_KNOWN_PREFIX]),
        excluded: subnets(excluded.length > 0 ? excluded : [ALWAYS_EXCLUDED]),
        reverseTtl: reverseTtl ?? REVERSE_TTL,
      }
    },
    begin(request, { state, count }) {
      if (isOffFor(request)) return 'pass'
      if (equalNames(request.qname, IPV4ONLY)) return answerIpv4Only(request, state)
      if (request.qtype !== Type.PTR) return 'pass'
      if (leadToIpv4(request, state)) count('reverse')
      return 'pass'
    },
    answer(request, { state, count }) {
      // A failure is none that there are no AAAA records, as RFC 6147 §5.1.2 has it: the README says why.
      if (request.qtype !== Type.AAAA || request.rcode !== Rcode.NOERROR || isOffFor(request)) return 'pass'
      if (leaveOutExcluded(request, state.excluded)) return 'pass'
      const finding = request.need(request.sname, Type.A)
      if (finding === undefined) return 'wait'
      if (finding.rcode !== Rcode.NOERROR) return 'pass' // what does not validate is no ground to build on
      const made = finding.answer.flatMap((set) => synthesise(set, request, state))
      if (made.length === 0) return 'pass'
      count('synthesised')
      request.answer = [...request.answer, ...finding.answer.filter((set) => set.type !== Type.A), ...made]
      request.authority = []
      request.security = 'insecure' // nobody has signed this
      return 'pass'
    },
  })

/** Clients that validate by themselves would find it forged: RFC 6147 §5.5 (3). */
function isOffFor(request: Request): boolean {
  return request.wishes.cd || request.view?.options.dns64 === false
}

/** True when AAAA records are left that the client can use. */
function leaveOutExcluded(request: Request, excluded: readonly Subnet[]): boolean {
  const isUsable = (octets: Uint8Array) => !excluded.some((subnet) => isInSubnet(octets, subnet))
  const sets = request.answer.filter((set) => set.type === Type.AAAA)
  if (sets.every((set) => set.rdatas.every(isUsable))) return sets.length > 0
  request.answer = request.answer.flatMap((set) => {
    if (set.type !== Type.AAAA) return [set]
    const rdatas = set.rdatas.filter(isUsable)
    return rdatas.length === 0 ? [] : [{ ...set, rdatas, signatures: [] }]
  })
  request.security = 'insecure'
  return request.answer.some((set) => set.type === Type.AAAA)
}

function synthesise(set: RRset, request: Request, { prefixes }: Translation): RRset[] {
  if (set.type !== Type.A) return []
  const rdatas = prefixes.flatMap((prefix) =>
    set.rdatas.filter((ipv4) => mayTranslate(ipv4, prefix)).map((ipv4) => embed(ipv4, prefix)),
  )
  if (rdatas.length === 0) return []
  return [rrset(set.owner, Type.AAAA, Math.min(set.ttl, denialTtl(request)), rdatas)]
}

/** RFC 6052 §3.1: private addresses must not be reached by the well-known prefix. */
function mayTranslate(ipv4: Uint8Array, prefix: Subnet): boolean {
  return !isWellKnown(prefix) || !isSpecialAddress(ipv4)
}

function isWellKnown({ octets, bits }: Subnet): boolean {
  return bits === 96 && octets[1] === 0x64 && octets[2] === 0xff && octets[3] === 0x9b && octets[0] === 0
}

/** How long it is known that there is no AAAA record. */
function denialTtl({ authority }: Request): number {
  const soa = authority.find((set) => set.type === Type.SOA)
  return soa === undefined ? TTL_WITHOUT_SOA : Math.min(soa.ttl, parseSoa(soa.rdatas[0]).minimum)
}

function answerIpv4Only(request: Request, { prefixes }: Translation): Step {
  const { qname, qtype } = request
  if (qtype === Type.A)
    return request.answerWith(Rcode.NOERROR, [rrset(qname, qtype, IPV4ONLY_TTL, IPV4ONLY_ADDRESSES)])
  if (qtype !== Type.AAAA) return 'pass'
  const rdatas = prefixes.flatMap((prefix) => IPV4ONLY_ADDRESSES.map((ipv4) => embed(ipv4, prefix)))
  return request.answerWith(Rcode.NOERROR, [rrset(qname, qtype, IPV4ONLY_TTL, rdatas)])
}

/** RFC 6147 §5.3.1: the reverse name of a translated address is an alias of that of the IPv4 address. */
function leadToIpv4(request: Request, { prefixes, reverseTtl }: Translation): boolean {
  const ipv6 = addressOfReverse(request.qname)
  if (ipv6 === undefined) return false
  for (const prefix of prefixes) {
    const ipv4 = extract(ipv6, prefix)
    if (ipv4 === undefined) continue
    const target = reverseOfIpv4(ipv4)
    request.answer.push(rrset(request.qname, Type.CNAME, reverseTtl, [target]))
    request.judge('insecure')
    request.sname = target
    return true
  }
  return false
}
