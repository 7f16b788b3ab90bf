/** A thousand zones as they are found everywhere: web, mail, a few services, now and then a rare type or a wildcard. */

import { ordinarySigning } from './signing.ts'
import { dataAddress, type World } from './world.ts'

const first = `anchor bosun capstan davit ensign fathom gaff halyard inboard jib keel lanyard mast nautical oar painter
  quay rigging sail tiller unmoor vang wharf yawl zephyr ballast cleat dinghy fender galley hatch jetty ketch locker
  mainsail outhaul pennant rudder shroud topsail`.split(/\s+/)
const second =
  `bend hitch loop splice whipping lashing noose toggle eye turn knot coil seizing sling stopper crown braid
  plait bight wall rose button mat net web cord rope line twine warp hawser cable strop strand fid spike thimble shackle
  swivel ring`.split(/\s+/)

const tlds = ['com.', 'net.', 'org.', 'cz.', 'info.', 'com.', 'org.', 'xn--j1amh.']
const hostings = ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d']

/** One record of a rarer type in each zone, in turn; types that all four servers read from text. */
const rareRecords = [
  'HINFO "PDP-11" "TOPS-20"',
  'NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" .',
  'LOC 50 5 11.000 N 14 26 13.000 E 200.00m 10m 10000m 10m',
  'SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789',
  'CERT PKIX 12345 8 AQIDBAUGBwgJ',
  'TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971',
  'URI 10 1 "https://example.org/path"',
  'EUI64 00-00-5e-ef-10-00-00-2a',
  'OPENPGPKEY AQIDBAUGBwgJCgsMDQ4P',
  'RP admin.example.org. contact.example.org.',
  'AFSDB 1 afs.example.org.',
  'DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=',
  'TYPE65400 \\# 6 0102deadbeef',
]

export function addOrdinaryZones(world: World, count: number): void {
  const random = seededRandom(1987)
  for (let index = 0; index < count; index++) addOrdinaryZone(world, index, random)
}

/** The name of the zone with that number, for questions that want one of the thousand. */
export function ordinaryName(index: number): string {
  const stem = `${first[index % first.length]}-${second[Math.floor(index / first.length) % second.length]}`
  return `${stem}.${tlds[index % tlds.length]}`
}

function addOrdinaryZone(world: World, index: number, random: (below: number) => number): void {
  const origin = ordinaryName(index)
  const neighbour = ordinaryName((index * 7 + 3) % 1000)
  const hosts = [hostings[index % 4]]
  if (index % 5 === 0) hosts.push(hostings[(index + 1) % 4])
  const address = () => dataAddress(0x100 + index * 16 + random(16))
  const lines = [
    ...Array.from({ length: 1 + random(4) }, (_, member) => `@ A ${dataAddress(0x100 + index * 16 + member)}`),
    `@ MX 10 mail`,
    `@ MX 20 mail.${neighbour}`,
    `@ TXT "v=spf1 mx -all" "zone number ${index}"`,
    `_dmarc TXT "v=DMARC1; p=reject; rua=mailto:postmaster@${origin.slice(0, -1)}"`,
    `mail 300 A ${address()}`,
    `mail AAAA 2001:db8:${(index + 1).toString(16)}::25`,
    index % 3 === 0 ? 'www CNAME @' : index % 3 === 1 ? `www 60 A ${address()}` : `www CNAME mail.${neighbour}`,
    'shop CNAME www',
    '_sip._tcp SRV 10 60 5060 mail',
    `host.in.the.middle A ${address()}`,
    `rare ${rareRecords[index % rareRecords.length]}`,
  ]
  if (index % 2 === 0) lines.push(`@ AAAA 2001:db8:${(index + 1).toString(16)}::1`, '@ CAA 0 issue "ca.example.org"')
  if (index % 3 === 0) lines.push('@ HTTPS 1 . alpn=h2,h3')
  if (index % 4 === 0) lines.push(`*.users A ${address()}`, '*.users MX 5 mail')
  if (index % 6 === 0) lines.push('api SVCB 1 mail port=8443 alpn=h2')
  const options = index % 7 === 0 ? withOwnNames(world, origin, hosts, lines) : {}
  world.zone(origin, hosts, lines.join('\n'), { ...options, signing: ordinarySigning(index) })
  for (const question of ordinaryQuestions(index)) if (random(3) === 0) world.ask(question.replace('@', origin))
}

/** NS names inside the zone itself, so that its delegation carries glue. */
function withOwnNames(world: World, origin: string, hosts: string[], lines: string[]): { nameservers: string[] } {
  const nameservers: string[] = []
  for (const [number, address] of hosts.flatMap((host) => world.hosts.get(host)!.addresses).entries()) {
    const nsName = `ns${number + 1}.${origin}`
    world.nameserver(nsName, address)
    nameservers.push(nsName)
    lines.push(...world.addressLines(nsName))
  }
  return { nameservers }
}

function ordinaryQuestions(index: number): string[] {
  const rareType = rareRecords[index % rareRecords.length].split(' ')[0]
  return [
    ...['A', 'AAAA', 'MX', 'TXT', 'NS', 'SOA', 'CAA', 'HTTPS', 'DS'].map((qtype) => `@ ${qtype}`),
    ...['www.@ A', 'www.@ AAAA', 'shop.@ A', 'shop.@ CNAME', 'mail.@ A', 'mail.@ AAAA', '_sip._tcp.@ SRV'],
    ...['nothing.@ A', 'the.middle.@ A', 'host.in.the.middle.@ A', 'below.www.@ A', '_dmarc.@ TXT'],
    ...['any-one.users.@ A', 'a.b.users.@ MX', 'api.@ SVCB', `rare.@ ${rareType}`, 'rare.@ A'],
  ]
}

/** Mulberry32: small, and the same numbers at every run. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
