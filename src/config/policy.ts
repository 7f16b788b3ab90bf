/** The sections about who is served and what else than the world's own data is answered. Part of schema.ts. */

import * as z from 'zod'
import {
  addresses,
  addressesByName,
  anySettings,
  choiceOrNone,
  choicesOf,
  domainNameOrNone,
  files,
  flagOrNone,
  names,
  neededAddress,
  neededSubnet,
  neededText,
  number,
  pins,
  rrTypes,
  secondsOrNone,
  servers,
  subnets,
  tags,
  textOrNone,
} from './policy-kinds.ts'
import {
  type Complain,
  choice,
  flag,
  group,
  list,
  milliseconds,
  path as pathOrNone,
  seconds,
  section,
  settingInfo,
  whole,
} from './settings.ts'

const DAY = 86_400

/** What becomes of a query a rule is about. */
export const VERDICTS = [
  'empty',
  'nxdomain',
  'redirect',
  'refused',
  'servfail',
  'drop',
  'truncate',
  'pass',
  'log',
] as const
export type Verdict = (typeof VERDICTS)[number]

const RULE_TAGS = 'The rule is for clients of views with one of these tags; without tags, for all.'

const VERDICTS_TEXT =
  '`empty`: the name is there and has no data but what the rule gives it; `nxdomain`: it does not exist; `redirect`: every name has the ' +
  'data of the rule; `refused`, `servfail`: that RCODE; `drop`: no answer at all; `truncate`: over UDP, an empty answer ' +
  'that makes the client come again over TCP; `pass`: no rule further up applies; `log`: as `pass`, and the log tells who asked.'

const viewSchema = group('Clients, and what holds for them.', {
  subnets: subnets({
    about: 'Where the clients are. Of several views the one with the longest prefix wins, then the first.',
    otherwise: 'any',
    example: '192.0.2.0/24',
  }),
  'dst-subnet': subnets({
    about: 'Which of our addresses they ask.',
    otherwise: 'any',
  }),
  protocols: choicesOf(['udp', 'tcp', 'udp53', 'tcp53'], {
    about: 'How they ask. `udp53` and `tcp53` are other words for `udp` and `tcp`.',
    otherwise: 'any',
  }),
  tags: tags({ about: 'Words that rules elsewhere go by.', example: 'malware' }),
  answer: choiceOrNone(['allow', 'refused', 'noanswer'], {
    about: '`allow`: they are served; `refused`: they get REFUSED; `noanswer`: they get nothing at all.',
    otherwise: '`allow`',
  }),
  options: section('What is done otherwise for them.', {
    minimize: flagOrNone({ about: 'As `options/minimize`.', otherwise: 'as for everybody' }),
    dns64: flagOrNone({
      about: 'False: DNS64 does nothing for them, where it is on for others.',
      otherwise: 'as for everybody',
    }),
    fallback: flagOrNone({ about: 'False: `fallback` does nothing for them.', otherwise: 'as for everybody' }),
    'price-factor': number({
      about: 'How much their queries count where rates are limited; 0: nothing.',
      fallback: 1,
      min: 0,
      max: 1000,
    }),
    'cache-partition': whole({
      about:
        'The part of the cache that they use. Nothing learned for one partition is used in another: neither answers nor ' +
        'delegations, proofs or failures. Views with other `forward` rules than others need one of their own. Clients of no view use 0.',
      fallback: 0,
      min: 0,
      max: 254,
    }),
  }),
})

export const viewsSchema = list(viewSchema, {
  about:
    'Who is served, and how. Clients of no view are served if they are local: of this machine, of private and link-local ' +
    'addresses and of the subnets of our interfaces (RFC 5358).',
  fallback: [],
})

const ruleSchema = group(
  'One rule, for the names it names.',
  {
    name: names({ about: 'The names the rule is for.', example: 'ads.example.org' }),
    subtree: choiceOrNone(VERDICTS, {
      about: `What becomes of queries for them and all names below. ${VERDICTS_TEXT}`,
    }),
    exact: choiceOrNone(VERDICTS, { about: 'What becomes of queries for exactly them, in the same words.' }),
    block: rrTypes({
      about: 'Record types that they and all names below have none of, whatever the world says; others are looked up.',
      example: 'AAAA',
    }),
    address: addresses({ about: 'Addresses the names have.', example: '192.0.2.1' }),
    file: files({
      about:
        'Files with more of it, one line each, `#` begins a comment: with `subtree` or `exact` names, else an address and the names ' +
        'that have it, as in /etc/hosts.',
    }),
    records: textOrNone({
      about: 'Records the names have, as in a zone file.',
      example: 'mail.example.org. MX 10 mx.example.org.',
    }),
    tags: tags({ about: RULE_TAGS }),
    ttl: secondsOrNone({ about: 'TTL of what the rule gives.', otherwise: 'that of `local-data/ttl`', max: 7 * DAY }),
    nodata: flagOrNone({
      about: 'Types that the rule gives no data for have none. False: they are looked up.',
      otherwise: 'that of `local-data/nodata`',
    }),
    message: textOrNone({
      about: 'Tells clients why, in an Extended DNS Error (RFC 8914) and a TXT record beside the answer.',
    }),
  },
  saysSomething,
)

export const localDataSchema = section('Names that are answered from here and not from the world.', {
  ttl: seconds({ about: 'TTL of this data.', fallback: 300, min: 0, max: 7 * DAY }),
  nodata: flag({
    about: 'Types that are not given for a name have no data. False: they are looked up.',
    fallback: true,
  }),
  addresses: addressesByName({
    about: 'Addresses of names; the reverse names (PTR) come with them.',
    example: '{printer.example.org: 192.0.2.9}',
  }),
  'addresses-files': files({ about: 'Files like /etc/hosts with more of them.', example: '/etc/hosts' }),
  records: textOrNone({ about: 'Records, as in a zone file.', example: 'example.org. TXT "here"' }),
  rules: list(ruleSchema, {
    about: 'Rules. The one for the longest name wins; of several for one name, the first that applies.',
    fallback: [],
  }),
})

const forwardServer = group(
  'A server, and how to speak to it.',
  {
    address: servers({
      about: 'Its addresses.',
      otherwise: 'none: it must be given',
      example: '192.0.2.53@5353',
    }),
    transport: choice(['udp', 'tcp', 'tls'], {
      about:
        '`tcp`: TCP only; `udp`: UDP, and TCP where that does not do; `tls`: DNS over TLS (RFC 7858), port 853 unless another is ' +
        'given, and nothing else: a server that does not show to be the one that is meant is sent nothing (RFC 8310 §5).',
      fallback: 'udp',
    }),
    hostname: domainNameOrNone({
      about: 'For `tls`: the name that the certificate of the server must be for.',
      otherwise: 'none: `pin-sha256` decides',
      example: 'dns.example.net',
    }),
    'ca-file': pathOrNone({
      about: 'A PEM file with those that may have signed the certificate for `hostname`, and nobody else.',
      otherwise: 'those that Node.js trusts',
      example: '/etc/ssl/certs/ca-certificates.crt',
    }),
    'pin-sha256': pins({
      about:
        'For `tls`: public keys, one of which the certificate of the server must hold (RFC 7858 §4.2); who signed it, and for how ' +
        'long, does not matter then. Beside `hostname`, both must be right.',
      otherwise: 'none: `hostname` decides',
      example: '"OLzhpgEZsWqJu6Lc1aRPGqjXVGGoG+gM44Cok/rAUqM="',
    }),
  },
  showsIdentity,
)

const SERVERS_ALLOWED =
  'a list of addresses, each with a port after an @ if it is not 53, or with transport and more beside it'

const SERVER_ALLOWED =
  'an address, with a port after an @ if it is not the usual one, or a map with address, transport and more'

/** Servers as plain addresses or with more said about them. */
function listOfServers(about: string) {
  const plain = servers({ about })
  const item = z.union([plain, forwardServer]).register(settingInfo, {
    about,
    allowed: SERVER_ALLOWED,
    remedy: () => 'write the address in numbers, as in 192.0.2.53 or 2001:db8::53@5353; host names are not looked up',
  })
  return z.union([plain, z.array(item).min(1)])
}

/** `recurse`, or servers. */
function forwardServers({ about }: { about: string }) {
  return z
    .union([z.literal('recurse'), ...listOfServers(about).options])
    .transform((written) => (written === 'recurse' ? written : plainServers(written)))
    .register(settingInfo, {
      about,
      otherwise: 'none: it must be given',
      example: '["192.0.2.53", "2001:db8::53@5353"]',
      allowed: `\`recurse\`, or ${SERVERS_ALLOWED}`,
      remedy: () => 'write addresses in numbers, as in [192.0.2.53], or recurse',
    })
}

/** As in a forward rule; none unless they are given. */
function fallbackServers({ about }: { about: string }) {
  return listOfServers(about)
    .transform(plainServers)
    .prefault([])
    .register(settingInfo, {
      about,
      otherwise: 'none',
      example: '["192.0.2.53"]',
      allowed: SERVERS_ALLOWED,
      remedy: () => 'write addresses in numbers, as in [192.0.2.53]',
    })
}

type Written = z.output<ReturnType<typeof listOfServers>>

function plainServers(written: Written): ForwardServer[] {
  return written.flatMap((server, index): ForwardServer[] => {
    const identity = { hostname: undefined, 'ca-file': undefined, 'pin-sha256': [] }
    const plainly = (address: string) => ({ index, address, transport: 'udp' as const, ...identity })
    if (typeof server === 'string') return [plainly(server)]
    if (Array.isArray(server)) return server.map(plainly)
    return server.address.map((address) => ({ ...identity, ...server, index, address }))
  })
}

export interface ForwardServer {
  /** Its place in the list as written. */
  index: number
  /** With its port, if that is not the usual one. */
  address: string
  transport: 'udp' | 'tcp' | 'tls'
  hostname: string | undefined
  'ca-file': string | undefined
  'pin-sha256': string[]
}

const forwardRule = group(
  'A part of the name space and its servers.',
  {
    subtree: names({
      about: 'The names at and below which the rule applies, but for those with a rule further down.',
      otherwise: 'none: it must be given',
      example: 'corp.example',
    }),
    servers: forwardServers({
      about:
        'Who is asked. `recurse`: nobody in particular; the names are resolved from the root, an exception from a rule ' +
        'further up.',
    }),
    tags: tags({
      about:
        'The rule is for clients of views with one of these tags, and goes before one without tags for the same subtree; ' +
        'without tags, for all. Views for which other rules hold than for others need an `options/cache-partition` of their own.',
    }),
    options: section('What the servers are.', {
      authoritative: flag({
        about:
          'They hold the zone itself and are asked like any authoritative server; the zones they delegate are asked in turn. ' +
          'False: they resolve for us.',
        fallback: false,
      }),
      dnssec: flag({
        about: 'Validate what they say. False: nothing at or below the subtree is validated.',
        fallback: true,
      }),
    }),
  },
  namesSubtree,
)

export const forwardSchema = list(forwardRule, {
  about: 'Parts of the name space for which given servers are asked, instead of those the zones name.',
  fallback: [],
})

export const dns64Schema = section(
  'Addresses for hosts with IPv6 only that reach IPv4 through a translator: AAAA records made of A records (RFC 6147).',
  {
    enable: flag({ about: 'Make them.', fallback: false }),
    prefix: subnets({
      about: 'The prefix of the translator, 32, 40, 48, 56, 64 or 96 bits long (RFC 6052 §2.2), or several.',
      otherwise: '`64:ff9b::/96`',
      example: '2001:db8:64::/96',
    }),
    'reverse-ttl': secondsOrNone({
      about: 'TTL of the aliases that lead from reverse names in the prefix to those of IPv4.',
      otherwise: '1h',
      max: 7 * DAY,
    }),
    'exclude-subnets': subnets({
      about: 'AAAA records with these addresses count as none (RFC 6147 §5.1.4).',
      otherwise: '`::ffff:0:0/96`',
    }),
  },
  translatesWholeBytes,
)

export const cookiesSchema = section(
  'DNS cookies (RFC 7873): a client that shows one of ours again is where it says it is, and a server that shows one got our query.',
  {
    enable: flag({ about: 'Answer those of clients.', fallback: true }),
    upstream: flag({
      about:
        'Show them to the servers that are asked, so that their replies cannot be forged. Not where queries leave from several ' +
        'addresses: a cookie is for one.',
      fallback: true,
    }),
    'secret-file': pathOrNone({
      about: 'A file with 32 or more random characters, the same on all servers behind one address.',
      otherwise: 'none: the servers of this service share a secret of their own',
      example: '/etc/bowline/cookie.secret',
    }),
  },
)

export const fallbackSchema = section('Servers to ask when resolution has failed.', {
  enable: flag({ about: 'Ask them.', fallback: false }),
  servers: fallbackServers({ about: 'Resolvers to ask, written as in `forward[]/servers`.' }),
  after: milliseconds({
    about: 'Ask them also when resolution takes longer than this, at the next step of it.',
    fallback: 3000,
    min: 100,
    max: 10_000,
  }),
})

export const renumberingSchema = list(
  group('A subnet and what it is replaced by.', {
    source: neededSubnet({ about: 'Addresses in answers that are replaced.', example: '10.10.10.0/24' }),
    destination: neededAddress({
      about: 'Its leading bits replace those of the source; the others stay.',
      example: '192.168.1.0',
    }),
  }),
  {
    about:
      'Addresses in answers that are replaced by others, where a network is numbered otherwise from the inside. Such answers ' +
      'are no longer what the zone signed.',
    fallback: [],
  },
)

export const modulesSchema = list(
  group('A module from elsewhere.', {
    from: neededText({
      about: 'Its folder or file (a path with a slash in it), or the npm package it comes in.',
      example: '/etc/bowline/modules/hello',
    }),
    config: anySettings({ about: 'Its settings.' }),
    'call-time': milliseconds({
      about: 'Time that one call of the module may take; meanwhile the worker serves nobody else.',
      fallback: 50,
      min: 1,
      max: 10_000,
    }),
    'wait-time': milliseconds({
      about: 'Time that the module may make a query wait.',
      fallback: 2000,
      min: 1,
      max: 60_000,
    }),
    faults: whole({
      about: 'Times that it may throw, or take longer, before a worker switches it off.',
      fallback: 3,
      min: 1,
      max: 1_000_000,
    }),
  }),
  {
    about:
      'Modules beside the built-in ones (docs/modules.md). A change of them or of their files takes effect on reload.',
    fallback: [],
  },
)

function saysSomething(
  rule: {
    name: string[]
    subtree?: string | undefined
    exact?: string | undefined
    block: string[]
    address: string[]
    file: string[]
    records?: string | undefined
  },
  complain: Complain,
): void {
  const verdict = rule.subtree ?? rule.exact
  const gives = rule.address.length > 0 || rule.records !== undefined
  if (rule.block.length > 0 && (verdict !== undefined || gives || rule.file.length > 0))
    complain([['block']], 'block with nothing but name, tags, ttl and message', 'make two rules of it')
  if (verdict === undefined && !gives && rule.file.length === 0 && rule.block.length === 0)
    complain([['name']], 'subtree, exact, block, address, file or records beside it', 'say what the rule does')
  if (rule.name.length === 0 && rule.file.length === 0 && rule.records === undefined)
    complain([['subtree'], ['exact'], ['block'], ['address']], 'only with name or file', 'add name')
  if (verdict === 'redirect' && !gives)
    complain([['subtree'], ['exact']], 'redirect only with address or records', 'say what the names are to have')
}

function showsIdentity(
  server: { transport: string; hostname?: string | undefined; 'ca-file'?: string | undefined; 'pin-sha256': string[] },
  complain: Complain,
): void {
  const { transport, hostname, 'ca-file': caFile, 'pin-sha256': pinned } = server
  if (transport !== 'tls' && (hostname !== undefined || caFile !== undefined || pinned.length > 0))
    complain([['hostname'], ['ca-file'], ['pin-sha256']], 'only with transport tls', 'add transport: tls')
  else if (transport === 'tls' && hostname === undefined && pinned.length === 0)
    complain(
      [['transport']],
      'tls with hostname or pin-sha256, by which the server is known',
      'add hostname, the name its certificate is for',
    )
  else if (caFile !== undefined && hostname === undefined)
    complain([['ca-file']], 'only with hostname', 'add hostname, the name the certificate is for')
}

function namesSubtree(rule: { subtree: string[] }, complain: Complain): void {
  if (rule.subtree.length === 0) complain([['subtree']], 'a domain name, or a list of them', 'add subtree')
}

const TRANSLATED_BITS = [32, 40, 48, 56, 64, 96]

function translatesWholeBytes(dns64: { prefix: string[] }, complain: Complain): void {
  for (const [index, text] of dns64.prefix.entries())
    if (!text.includes(':') || !TRANSLATED_BITS.includes(Number(text.split('/')[1])))
      complain(
        [['prefix', index], ['prefix']],
        'an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (RFC 6052 §2.2)',
        'write the prefix of your translator, as in 64:ff9b::/96',
      )
}
