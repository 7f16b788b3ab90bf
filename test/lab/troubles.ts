/** Which troubles the lab has in stock: for each a zone below trouble.com, the behaviour of its servers
 *  (misbehaving.ts), what to ask, and what a resolver may make of it. */

import type { BehaviourName } from './misbehaving.ts'
import type { World } from './world.ts'

export interface Trouble {
  behaviour: BehaviourName
  /** What the servers do, for people. */
  about: string
  origin: string
  /** Zone text below SOA and NS: what sound servers would know. */
  body: string
  /** Where the misbehaving servers listen. */
  addresses: string[]
  qname: string
  qtype: string
  /** Response codes that are sound, the best first. */
  rcodes: string[]
  /** RDATA of the last RRset of a NOERROR answer. */
  answer: string[]
  /** To be asked afterwards: names in victim.com whose true answer the servers tried to replace. */
  unharmed: string[]
}

/** Never to be seen in an answer: what the poison says. */
export const POISON_ADDRESS = '198.18.255.66'
/** What victim.com truly says of any name in it. */
export const VICTIM_ADDRESS = '198.18.66.250'

interface Stock {
  about: string
  rcodes: string[]
  /** Name in the zone, `www` when absent, and its type, A when absent. */
  ask?: string
  body?: string
  answer?: string[]
  servers?: number
  poisons?: boolean
}

const fine = ['NOERROR']
const fails = ['SERVFAIL']
const either = ['NOERROR', 'SERVFAIL']

const stock: Record<BehaviourName, Stock> = {
  sound: { about: 'nothing wrong: to compare the others with', rcodes: fine },

  'lame-refused': { about: 'REFUSED to all', rcodes: fails },
  'lame-servfail': { about: 'SERVFAIL to all', rcodes: fails },
  'lame-upward': { about: 'a referral to the root', rcodes: fails },
  'lame-not-authoritative': { about: 'the right answer without AA', rcodes: either },
  'lame-notauth': { about: 'NOTAUTH to all', rcodes: fails },
  'half-lame': { about: 'one of two servers answers REFUSED', rcodes: fine, servers: 2 },

  mute: { about: 'never answers', rcodes: fails },
  'mute-udp': { about: 'answers over TCP only', rcodes: either },
  'half-mute': { about: 'one of two servers never answers', rcodes: fine, servers: 2 },
  slow: { about: 'answers after 300 ms', rcodes: fine },
  'very-slow': { about: 'answers after 1200 ms', rcodes: fine },

  truncating: { about: 'truncates everything over UDP, TCP is fine', rcodes: fine },
  'truncating-mute-tcp': { about: 'truncates everything over UDP, is mute over TCP', rcodes: fails },
  'tcp-closes': { about: 'truncates over UDP, closes TCP connections at the first question', rcodes: fails },
  'tcp-trickles': { about: 'truncates over UDP, sends an octet every 10 ms over TCP', rcodes: fine },

  'edns-dropped': { about: 'drops queries with EDNS', rcodes: either },
  'edns-formerr': { about: 'FORMERR, without OPT, to queries with EDNS', rcodes: fine },
  'edns-notimp': { about: 'NOTIMP, without OPT, to queries with EDNS', rcodes: either },
  'edns-badvers': { about: 'BADVERS to EDNS version 0', rcodes: either },
  'edns-ignored': { about: 'answers as if there were no EDNS', rcodes: fine },
  'edns-oversize': {
    about: 'UDP answers beyond the EDNS size, without TC',
    rcodes: either,
    ask: 'big TXT',
    body: bigText(8),
    answer: [],
  },

  'wrong-id-first': { about: 'an answer with a wrong ID, then the right one', rcodes: fine },
  'wrong-question': { about: 'answers another question than was asked', rcodes: fails },
  'wrong-type': { about: 'repeats the question with another type', rcodes: fails },
  'lower-case': { about: 'repeats the question in lower case', rcodes: fine },
  'no-question': { about: 'leaves the question section empty', rcodes: either },
  'wrong-port': { about: 'answers from another port, TCP is closed', rcodes: fails },
  'garbage-first': { about: 'random octets, then the right answer', rcodes: either },
  'not-a-response': { about: 'answers with QR=0, over TCP too', rcodes: fails },
  'pointer-loop': { about: 'a compression pointer to itself in the answer', rcodes: fails },
  'cut-short': { about: 'a packet that ends within a record', rcodes: fails },
  'trailing-garbage': { about: 'octets after the end of the message', rcodes: either },

  'poison-answer': { about: 'adds www.victim.com A to the answer section', rcodes: fine, poisons: true },
  'poison-authority': {
    about: 'adds NS of victim.com, trouble.com and com to the authority section',
    rcodes: fine,
    poisons: true,
  },
  'poison-additional': {
    about: "adds addresses of victim.com's servers and hosts to the additional section",
    rcodes: fine,
    poisons: true,
  },
  'poison-cname': {
    about: 'a CNAME to victim.com, with a false address of its target beside it',
    rcodes: fine,
    body: 'www CNAME aliased.victim.com.',
    answer: [VICTIM_ADDRESS],
    poisons: true,
  },
  'poison-referral': { about: 'a referral to victim.com in place of an answer', rcodes: fails, poisons: true },
  'poison-dname': {
    about: 'a DNAME above its own zone: trouble.com DNAME victim.com',
    rcodes: ['SERVFAIL', 'NXDOMAIN', 'NOERROR'],
    answer: [],
    poisons: true,
  },

  'referral-self': { about: 'refers to itself, for its own zone', rcodes: fails },
  'referral-up': { about: 'refers to trouble.com, its parent', rcodes: fails },
  'referral-ping-pong': { about: 'two servers that each refer to the other', rcodes: fails, servers: 2 },
  'referral-deep': {
    about: 'a referral for each of sixty labels, one after the other',
    rcodes: either,
    ask: `${'d.'.repeat(60)}www`,
    body: '* A 198.18.66.1',
    answer: [],
  },
  'referral-glueless-endless': {
    about: 'glueless referrals to names that need another glueless referral',
    rcodes: fails,
    ask: 'www.x1',
  },
  nxns: { about: 'refers to 40 names in victim.com, none of which exists', rcodes: fails, ask: 'www.sub' },
  'nxns-tcp': { about: 'truncates, then refers to 1000 names in victim.com over TCP', rcodes: fails, ask: 'www.sub' },
  'cname-endless': { about: 'each alias leads to the next, without end', rcodes: either, ask: 'c1', answer: [] },
  'cname-loop': { about: 'an alias of itself', rcodes: either, answer: [], body: 'www CNAME www' },

  'nxdomain-for-empty': {
    about: 'NXDOMAIN for empty non-terminals: breaks minimised questions',
    rcodes: ['NOERROR', 'NXDOMAIN'],
    ask: 'www.below.empty',
    body: 'www.below.empty A 198.18.66.1',
  },
  'refuses-minimised': {
    about: 'REFUSED for names without data',
    rcodes: fine,
    ask: 'www.below.empty',
    body: 'www.below.empty A 198.18.66.1',
  },
  'nodata-without-soa': { about: 'NOERROR with all sections empty', rcodes: either, ask: 'nothing', answer: [] },
  'nxdomain-foreign-soa': { about: 'NXDOMAIN with the SOA of com', rcodes: ['NXDOMAIN', 'SERVFAIL'], ask: 'nothing' },
  'aaaa-servfail': { about: 'SERVFAIL for AAAA', rcodes: fails, ask: 'www AAAA' },
  'aaaa-mute': { about: 'no answer for AAAA', rcodes: fails, ask: 'www AAAA' },
  'many-records': { about: 'three thousand addresses', rcodes: either, answer: [] },
  'ttl-negative': { about: 'TTLs with the top bit set (RFC 2181 §8)', rcodes: fine },
}

export const TROUBLE_DOMAIN = 'trouble.com.'

export function addTroubles(world: World): void {
  world.zone(TROUBLE_DOMAIN, ['tld-d', 'hosting-d'], 'www A 198.18.66.0', { ask: ['www.trouble.com.'] })
  world.host('victim', 'typescript', {
    'ns1.victim.com.': world.address('67.1'),
    'ns2.victim.com.': world.address('67.2'),
  })
  const own = [...world.addressLines('ns1.victim.com.'), ...world.addressLines('ns2.victim.com.')]
  world.zone(
    'victim.com.',
    ['victim'],
    `${own.join('\n')}\n* A ${VICTIM_ADDRESS}\nnothing TXT "nothing is below this name"`,
    {
      ask: ['www.victim.com.', 'anything.victim.com.'],
    },
  )
  for (const [index, [behaviour, trouble]] of (Object.entries(stock) as [BehaviourName, Stock][]).entries())
    addTrouble(world, behaviour, trouble, index)
}

function addTrouble(world: World, behaviour: BehaviourName, trouble: Stock, index: number): void {
  const origin = `${behaviour}.${TROUBLE_DOMAIN}`
  const address = `198.18.66.${index}`
  const body = trouble.body?.replace('198.18.66.1', address) ?? `www A ${address}`
  const addresses = Array.from({ length: trouble.servers ?? 1 }, (_, server) =>
    world.address(`66.${index * 2 + 1 + server}`),
  )
  const nameservers = addresses.map((_, server) => `ns${server + 1}.${origin}`)
  for (const [server, nsName] of nameservers.entries()) world.nameserver(nsName, addresses[server])
  const glue = nameservers.flatMap((nsName) => world.addressLines(nsName))
  const zone = world.zone(origin, [], `${glue.join('\n')}\n${body}`, { nameservers, fate: 'moot' })
  const [label, qtype = 'A'] = (trouble.ask ?? 'www').split(' ')
  world.troubles.push({
    behaviour,
    about: trouble.about,
    origin,
    body: zone.body,
    addresses,
    qname: `${label}.${origin}`,
    qtype,
    rcodes: trouble.rcodes,
    answer: trouble.answer ?? [address],
    unharmed: trouble.poisons ? ['www.victim.com.', `after-${behaviour}.victim.com.`] : [],
  })
}

function bigText(strings: number): string {
  return `big TXT ${Array.from({ length: strings }, (_, index) => `"${String(index).repeat(250)}"`).join(' ')}`
}
