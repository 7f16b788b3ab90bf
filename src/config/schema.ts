/** Every setting of a configuration file: what it is called, what it means, what it may be and what it is when left out.
 *
 *  The names are those of Knot Resolver 6's YAML wherever it has the setting. Error messages, `bowline config schema` and
 *  docs/configuration.md are made from this file (`npm run docs:config` rewrites the page). */

import type * as z from 'zod'
import { DNS_PORT, familyOf, parseInterface } from './listen.ts'
import { LOG_GROUPS } from './log-groups.ts'
import { clientLimitsSchema, monitoringSchema, rateLimitingSchema, statsSchema, watchdogSchema } from './operations.ts'
import {
  cookiesSchema,
  dns64Schema,
  fallbackSchema,
  forwardSchema,
  localDataSchema,
  modulesSchema,
  renumberingSchema,
  viewsSchema,
} from './policy.ts'
import { domainName, names, zoneUrl } from './policy-kinds.ts'
import {
  type Complain,
  choice,
  choices,
  flag,
  group,
  interfaces,
  line,
  lineOrFalse,
  list,
  milliseconds,
  neededPath,
  path,
  port,
  seconds,
  section,
  size,
  sizeOrAuto,
  sources,
  switchable,
  texts,
  whole,
} from './settings.ts'
import { workersSetting } from './workers.ts'

const KIB = 1024
const MIB = 1024 ** 2
const GIB = 1024 ** 3
const DAY = 86_400

/** One record; whether its data is right is found out where records are understood. */
const ANCHOR = /^[!-~]+[ \t]+(\d+[ \t]+)?(IN[ \t]+)?(DS|DNSKEY)[ \t]+[ \t!-~]+$/i
const DOMAIN_NAME = /^(\.|([!-~]+))$/

const anchorFile = group('A file with trust anchors.', {
  file: neededPath({
    about:
      'DS or DNSKEY records of one zone, in the form of a zone file. Unless read-only, it need not be there yet if it is ' +
      'for the root zone, and the service writes to it.',
    example: '/var/lib/bowline/root.keys',
  }),
  'read-only': flag({
    about:
      'The anchors stay as they are in the file. Otherwise the service follows the changes of the zone’s keys (RFC 5011) and ' +
      'keeps them there.',
    fallback: false,
  }),
})

const prefilledZone = group(
  'A signed zone of which the cache holds a copy.',
  {
    origin: domainName({ about: 'The name of the zone; `.` is the root.', example: '.' }),
    url: zoneUrl({
      about:
        'Where the zone is to be had: `https://…`, a file (a path, or `file:///…`), or `axfr://` and the address of a name ' +
        'server that hands it out (RFC 5936), with a port after an `@` if it is not 53. Only what the zone’s owner has signed is ' +
        'taken, and if the zone has a digest (ZONEMD, RFC 8976), the copy must be whole. Over AXFR from a zone without digest, ' +
        'its delegations are not taken, which nobody has signed.',
      example: 'https://www.internic.net/domain/root.zone',
    }),
    'refresh-interval': seconds({
      about: 'How often the zone is fetched again. What differs is written, what is no more is removed.',
      fallback: DAY,
      min: 60,
      max: 30 * DAY,
    }),
    'ca-file': path({
      about: 'Certificates in PEM form, one of which must have signed that of the web server.',
      otherwise: 'those that come with Node',
      example: '/etc/ssl/certs/ca-certificates.crt',
    }),
  },
  namesCaForHttps,
)

const listener = group(
  'Addresses on which clients are served.',
  {
    interface: interfaces({
      about:
        'One address or a list of addresses, each with or without `@port`. `0.0.0.0` and `::` are all addresses of their family; ' +
        'the name of a network interface stands for its addresses.',
    }),
    port: port({
      about: 'Port of the interfaces, which then name none themselves.',
      otherwise: `${DNS_PORT}`,
      example: '5300',
    }),
    kind: choice(['dns'], { about: 'What is spoken there. `dns`: DNS over UDP and TCP.', fallback: 'dns' }),
  },
  namesPortOnce,
)

export const configSchema = section('The configuration of Bowline.', {
  version: whole({
    about: 'Version of the configuration format. There is one so far.',
    fallback: 1,
    min: 1,
    max: 1,
  }),
  rundir: path({
    about:
      'Folder for the files of the running service: control socket, sockets between the processes. It is made if missing. ' +
      'Relative paths elsewhere in the configuration start here. Two services on one machine need two of it.',
    otherwise: '`/run/bowline` for root, else `$XDG_STATE_HOME/bowline`, which is usually `~/.local/state/bowline`',
    example: '/run/bowline',
  }),
  hostname: line({
    about: 'Name of this server, told to clients that ask for `hostname.bind` or `id.server` in class CH (RFC 4892).',
    max: 253,
    otherwise: 'the name of the machine',
    example: 'resolver1.example.org',
  }),
  nsid: lineOrFalse({
    about:
      'What clients that send the EDNS option NSID are told (RFC 5001), so that they can tell the servers of an anycast ' +
      'address apart. `{worker}` stands for the number of the worker that answers. `false`: the option is not answered.',
    max: 128,
    example: 'resolver1',
  }),
  user: line({
    about:
      'The user as which the service runs when root starts it. Of the rights of root it keeps the one to use ports under 1024, ' +
      'so that workers can be added later.',
    max: 32,
    otherwise: 'the user who starts it',
    example: 'bowline',
  }),
  workers: workersSetting({
    about:
      'Worker processes that answer queries. `auto`: at most as many as the service may use CPUs, fewer while they have little ' +
      'to do. With `min` and `max` their number stays in between.',
  }),
  'drain-timeout': milliseconds({
    about: 'What is in flight may take so long when a worker leaves or the service stops.',
    fallback: 10_000,
    min: 0,
    max: 300_000,
  }),
  management: section(
    'How the running service is managed.',
    {
      'unix-socket': path({
        about: 'The unix socket on which the supervisor takes commands, from its own user and from root.',
        fallback: 'control.sock',
      }),
      group: line({
        about:
          'Members of this group may use the socket, too: they may see everything and scale, restart, reload and stop, ' +
          'but not change settings.',
        max: 32,
        otherwise: 'none',
        example: 'bowline',
      }),
      interface: line({
        about:
          'An address and port on which commands are taken over TCP, from those whom `access-file` names. An address other ' +
          'than a loopback one needs `tls`.',
        max: 64,
        otherwise: 'none: commands are taken on the unix socket only',
        example: '127.0.0.1@9154',
      }),
      'access-file': path({
        about:
          'Who may do what over TCP: a line each, with a role (`read`, `operate`, `configure`) and either `sha256:` and the ' +
          'SHA-256 hash of a token in hexadecimal digits, or `cn:` and the common name in a certificate.',
        otherwise: 'none',
        example: '/etc/bowline/access',
      }),
      tls: section('Certificates for commands over TCP.', {
        'cert-file': path({
          about: 'Our certificate and those between it and its root, in PEM form.',
          otherwise: 'none: no TLS',
          example: '/etc/bowline/control.crt',
        }),
        'key-file': path({
          about: 'Its private key, in PEM form.',
          otherwise: 'none: no TLS',
          example: '/etc/bowline/control.key',
        }),
        'client-ca-file': path({
          about: 'The root of the certificates that clients show. Without it they show none, and use tokens.',
          otherwise: 'none',
          example: '/etc/bowline/clients.crt',
        }),
      }),
    },
    guardsTcp,
  ),
  monitoring: monitoringSchema,
  network: section(
    'How Bowline speaks with clients and with other servers.',
    {
      'do-ipv4': flag({ about: 'Ask authoritative servers over IPv4.', fallback: true }),
      'do-ipv6': flag({ about: 'Ask authoritative servers over IPv6.', fallback: true }),
      'out-interface-v4': sources(4, {
        about:
          'Source addresses of queries sent over IPv4. Of several, and of a prefix, each query takes one at random.',
        otherwise: 'chosen by the system',
      }),
      'out-interface-v6': sources(6, {
        about:
          'Source addresses of queries sent over IPv6. Of several, and of a prefix, each query takes one at random.',
        otherwise: 'chosen by the system',
      }),
      'edns-buffer-size': section(
        'The largest UDP message that is announced by EDNS (RFC 6891 §6.2.3). Larger ones travel as fragments, which get lost and can be forged.',
        {
          upstream: size({ about: 'Announced to authoritative servers.', fallback: 1232, min: 512, max: 65_535 }),
          downstream: size({
            about: 'Announced to clients, and the most that is sent to them over UDP.',
            fallback: 1232,
            min: 512,
            max: 65_535,
          }),
        },
      ),
      listen: list(
        listener,
        {
          about: 'Where clients are served.',
          fallback: [{ interface: ['127.0.0.1@5300', '::1@5300'] }],
        },
        listensOnce,
      ),
      'udp-spread-by': choice(['client', 'query'], {
        about:
          'What decides which worker gets a query over UDP. `client`: addresses and ports of both ends, so that a socket of a ' +
          'client always meets the same worker. `query`: the id of the query, for clients with few sockets, such as a load ' +
          'balancer in front; the same question of several clients may then be asked by several workers.',
        fallback: 'client',
      }),
      'edns-tcp-keepalive': flag({
        about: 'Tell clients over TCP that ask for it how long an idle connection is kept (RFC 7828).',
        fallback: true,
      }),
      'address-renumbering': renumberingSchema,
    },
    asksSomewhere,
  ),
  cache: section(
    'The cache, which all workers share and which outlives restarts.',
    {
      storage: path({
        about: 'Folder of the cache file. It is made if missing; a service needs one of its own.',
        otherwise: '`/var/cache/bowline` for root, else `$XDG_CACHE_HOME/bowline`, which is usually `~/.cache/bowline`',
        example: '/var/cache/bowline',
      }),
      'size-max': sizeOrAuto({
        about:
          'The most the cache file may grow to. `auto`: half of the memory that the service may use, which is that of the ' +
          'machine or what its control group allows.',
        fallback: 100 * MIB,
        min: MIB,
        max: 1024 * GIB,
      }),
      'ttl-min': seconds({
        about: 'Records are kept at least this long, whatever their TTL says.',
        fallback: 5,
        min: 0,
        max: 3600,
      }),
      'ttl-max': seconds({
        about: 'Records are kept no longer than this, whatever their TTL says.',
        fallback: DAY,
        min: 1,
        max: 7 * DAY,
      }),
      prefetch: section('What is asked again before it has to be.', {
        expiring: flag({
          about:
            'Names asked for in the last tenth of their time, and before, are asked for again, so that no client waits for ' +
            'them. At most one such question for 20 of clients.',
          fallback: true,
        }),
      }),
      prefill: list(
        prefilledZone,
        {
          about:
            'Zones that are taken into the cache as a whole, such as the root zone (RFC 8806): what they have need not be asked ' +
            'for, and what they do not have is denied at once.',
          fallback: [],
        },
        prefillsOnce,
      ),
      'ns-timeout': milliseconds({
        about: 'A server that has not answered is left alone for this long, as long as there are others to ask.',
        fallback: 1000,
        min: 1,
        max: DAY * 1000,
      }),
    },
    clampsInOrder,
  ),
  options: section('How questions are resolved and answered.', {
    minimize: flag({
      about: 'Show each authoritative server only as much of the name as it needs (QNAME minimisation, RFC 9156).',
      fallback: true,
    }),
    'query-case-randomization': flag({
      about:
        'Mix upper and lower case in the names asked for. A forger has to guess it; servers that do not repeat it are remembered.',
      fallback: true,
    }),
    'glue-checking': choice(['normal', 'strict', 'permissive'], {
      about:
        'Which addresses in a referral are believed. `normal`: of name servers inside the zone that refers; `strict`: inside ' +
        'the zone referred to only, others are looked up; `permissive`: all.',
      fallback: 'normal',
    }),
    'query-loopback': flag({
      about:
        'Ask servers whose address is a loopback one. Needed in a lab, where such servers exist; a danger elsewhere.',
      fallback: false,
    }),
    priming: flag({
      about: 'Ask the root servers for the current list of root servers before anything else (RFC 9609).',
      fallback: true,
    }),
    'max-recursions': whole({
      about:
        'Questions that may be on their way to other servers at the same time, in each worker. Beyond, a new one gets SERVFAIL ' +
        'with an Extended DNS Error (RFC 8914); what the cache has is answered as ever, and the same question of several ' +
        'clients counts once.',
      fallback: 10_000,
      min: 1,
      max: 1_000_000,
    }),
    'refuse-no-rd': flag({
      about: 'Refuse queries without the RD flag: they only serve to see what others have asked for.',
      fallback: true,
    }),
    'reorder-rrset': flag({
      about: 'Begin each answer with another record of the set, so that clients spread over the addresses.',
      fallback: true,
    }),
    'rebinding-protection': flag({
      about:
        'Refuse answers with addresses of private or other special networks: a web page from outside could reach hosts ' +
        'inside through such names.',
      fallback: false,
    }),
    'rebinding-allowed': names({
      about: 'Domain names at and below which such addresses are right.',
      example: 'corp.example',
    }),
    'time-jump-detection': flag({
      about: 'Tell the log when the clock of the machine is set while the service runs.',
      fallback: true,
    }),
    'violators-workarounds': flag({
      about: 'Spare a few zones with broken servers what they are known to choke on. The list comes with Bowline.',
      fallback: false,
    }),
    'root-hints-file': path({
      about: 'A file with the names and addresses of the root servers, in the form of a zone file.',
      otherwise: 'the list that comes with Bowline',
      example: '/etc/bowline/root.hints',
    }),
    'upstream-port': whole({
      about: 'The port on which authoritative servers are asked. Other than 53 only in a lab.',
      fallback: 53,
      min: 1,
      max: 65_535,
    }),
    'serve-stale': switchable(
      'Old answers where no new ones are to be had (RFC 8767). `true` by itself is `enable: true`.',
      {
        enable: flag({
          about:
            'Answer with data that has outlived its TTL when its servers do not answer, or not in time. Never with what was ' +
            'found bogus, nor with what the parent zone no longer vouches for.',
          fallback: false,
        }),
        'client-timeout': milliseconds({
          about: 'How long a client waits for a new answer where there is an old one. The search goes on after that.',
          fallback: 1800,
          min: 0,
          max: 60_000,
        }),
        'max-age': seconds({
          about: 'How long after their end answers are still given.',
          fallback: DAY,
          min: 1,
          max: 30 * DAY,
        }),
        'reply-ttl': seconds({ about: 'TTL of such answers.', fallback: 30, min: 1, max: 3600 }),
      },
    ),
    'request-budget': section(
      'What one question of a client may cost, all the questions that follow from it included. The answer of a request ' +
        'that goes over is SERVFAIL with an Extended DNS Error (RFC 8914) that says why.',
      {
        mode: choice(['off', 'shadow', 'enforce'], {
          about: '`enforce`: the request ends; `shadow`: it goes on, and is counted; `off`: nothing is counted.',
          fallback: 'enforce',
        }),
        'upstream-queries': whole({ about: 'Queries sent to other servers.', fallback: 60, min: 1, max: 10_000 }),
        received: size({ about: 'Octets received from them.', fallback: 128 * KIB, min: 4 * KIB, max: GIB }),
        'address-lookups': whole({
          about: 'Names of name servers looked up because no address came with them.',
          fallback: 10,
          min: 0,
          max: 1000,
        }),
        'failed-lookups': whole({ about: 'Such names found to have no address.', fallback: 5, min: 0, max: 1000 }),
        aliases: whole({ about: 'CNAME and DNAME records followed.', fallback: 11, min: 0, max: 100 }),
        depth: whole({ about: 'Questions nested in questions.', fallback: 8, min: 1, max: 100 }),
        signatures: whole({ about: 'Signatures verified.', fallback: 32, min: 1, max: 10_000 }),
        'failed-signatures': whole({ about: 'Signatures found wrong.', fallback: 4, min: 0, max: 1000 }),
        hashes: whole({
          about: 'SHA-1 blocks computed to check proofs of non-existence by NSEC3.',
          fallback: 600,
          min: 0,
          max: 100_000,
        }),
        time: milliseconds({ about: 'Time from question to answer.', fallback: 7000, min: 100, max: 60_000 }),
      },
    ),
  }),
  views: viewsSchema,
  'local-data': localDataSchema,
  forward: forwardSchema,
  fallback: fallbackSchema,
  dns64: dns64Schema,
  cookies: cookiesSchema,
  'rate-limiting': rateLimitingSchema,
  'client-limits': clientLimitsSchema,
  stats: statsSchema,
  watchdog: watchdogSchema,
  modules: modulesSchema,
  dnssec: section('How answers are validated (RFC 4035).', {
    enable: flag({
      about:
        'Validate answers. What proves to be forged or broken is SERVFAIL, except for clients that ask for it with CD.',
      fallback: true,
    }),
    'aggressive-nsec': flag({
      about:
        'Answer from proofs that came with other answers (RFC 8198): a name in the gap between two names of a signed zone ' +
        'does not exist, so nobody need be asked for it.',
      fallback: true,
    }),
    'trust-anchors': texts({
      about: 'Keys that are trusted without proof. Those of a zone take the place of the ones built in for it.',
      what: 'a DS or DNSKEY record as in a zone file',
      pattern: ANCHOR,
      remedy: 'write a whole record in one line: name, type, data',
      example: '. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D',
      otherwise: 'the keys of the root zone, as IANA publishes them',
    }),
    'trust-anchors-files': list(anchorFile, {
      about:
        'Files with more trust anchors. Without any for the root zone, and none in trust-anchors, the keys of the root zone ' +
        'are followed in root.keys in the folder of the cache.',
      fallback: [],
    }),
    'negative-trust-anchors': texts({
      about: 'Domain names at and below which nothing is validated, for as long as their DNSSEC is broken (RFC 7646).',
      what: 'a domain name',
      pattern: DOMAIN_NAME,
      remedy: 'write a name, as in broken.example.org',
      example: 'broken.example.org',
      otherwise: 'none',
    }),
    'signal-query': flag({
      about:
        'Tell the servers of the zones whose anchors are followed, once a day, which keys are trusted here (RFC 8145): the ' +
        'owners of these zones need to know before they change keys.',
      fallback: true,
    }),
    sentinel: flag({
      about:
        'Answer questions for root-key-sentinel-is-ta-NNNNN and root-key-sentinel-not-ta-NNNNN as RFC 8509 says, so that ' +
        'clients can find out whether a key of the root zone is trusted here.',
      fallback: true,
    }),
    'time-skew-detection': flag({
      about:
        'Compare the clock with the times of the signatures of the root zone, every hour, and tell the log when it is outside of ' +
        'them, and by how much.',
      fallback: true,
    }),
    'log-bogus': flag({
      about:
        'Write an event to the log for each answer that fails validation, at most ten a second. `bowline top bogus` works ' +
        'without it.',
      fallback: false,
    }),
    'allow-sha1': flag({
      about:
        'Accept signatures and DS records made with SHA-1 (algorithms 5 and 7, digest type 1). Without, zones that have ' +
        'nothing better count as unsigned (RFC 9905).',
      fallback: true,
    }),
    'nsec3-max-iterations': whole({
      about:
        'Zones whose NSEC3 records ask for more iterations count as unsigned: proofs of non-existence would cost too much ' +
        '(RFC 9276).',
      fallback: 50,
      min: 0,
      max: 500,
    }),
  }),
  logging: section('The log: one line of JSON for each event.', {
    level: choice(['crit', 'err', 'warning', 'notice', 'info', 'debug'], {
      about: 'Events of this level and the levels before it are written.',
      fallback: 'notice',
    }),
    groups: choices(LOG_GROUPS, {
      about: 'Of these parts of the resolver, all events are written, whatever the level.',
    }),
    target: choice(['stderr', 'stdout'], { about: 'Where the lines go.', fallback: 'stderr' }),
  }),
})

/** What may be written in a configuration file. */
export type ConfigInput = NonNullable<z.input<typeof configSchema>>

type Parsed = z.output<typeof configSchema>

/** A whole configuration: every default filled in, times in seconds (`ttl-…`) or milliseconds, sizes in octets, lists
 *  as lists and paths absolute. Plain data that survives JSON. */
export type Config = Parsed & {
  rundir: string
  hostname: string
  management: { 'unix-socket': string }
  cache: { storage: string; 'size-max': number }
}

export type ListenConfig = Config['network']['listen'][number]

function asksSomewhere(network: { 'do-ipv4': boolean; 'do-ipv6': boolean }, complain: Complain): void {
  if (!network['do-ipv4'] && !network['do-ipv6'])
    complain([['do-ipv6']], 'false only while do-ipv4 is true', 'set one of the two to true, or no server can be asked')
}

function guardsTcp(
  management: {
    interface?: string | undefined
    'access-file'?: string | undefined
    tls: { 'cert-file'?: string | undefined; 'key-file'?: string | undefined; 'client-ca-file'?: string | undefined }
  },
  complain: Complain,
): void {
  const { interface: text, tls } = management
  const hasTls = tls['cert-file'] !== undefined && tls['key-file'] !== undefined
  if (!hasTls && Object.values(tls).some((file) => file !== undefined))
    complain([['tls']], 'both cert-file and key-file', 'add the one that is missing')
  if (text === undefined) return
  const host = parseInterface(text)?.port === undefined ? undefined : parseInterface(text)?.host
  if (host === undefined || familyOf(host) === undefined)
    complain(
      [['interface']],
      'an address and a port, as in 127.0.0.1@9154',
      'write the address in numbers and the port after an @',
    )
  else if (!hasTls && !/^(127\.|::1$)/.test(host))
    complain(
      [['interface']],
      'a loopback address, or any with tls',
      'add tls/cert-file and tls/key-file, or write 127.0.0.1',
    )
  if (management['access-file'] === undefined)
    complain([['interface']], 'only with access-file', 'add access-file, or nobody may do anything there')
}

function clampsInOrder(cache: { 'ttl-min': number; 'ttl-max': number }, complain: Complain): void {
  if (cache['ttl-min'] > cache['ttl-max'])
    complain([['ttl-min'], ['ttl-max']], 'ttl-min no longer than ttl-max', 'lower ttl-min or raise ttl-max')
}

function namesCaForHttps(zone: { url: string; 'ca-file'?: string | undefined }, complain: Complain): void {
  if (zone['ca-file'] !== undefined && !zone.url.startsWith('https:'))
    complain([['ca-file']], 'only beside a url that begins with https:', 'take it out, or name a web server')
}

function prefillsOnce(zones: { origin: string }[], complain: Complain): void {
  const names = zones.map(({ origin }) => origin.toLowerCase().replace(/(?<=.)\.$/, ''))
  const second = names.findIndex((name, index) => names.indexOf(name) !== index)
  if (second >= 0) complain([[second, 'origin']], 'each zone once', 'take one of the two out')
}

function namesPortOnce(listener: { interface: string[]; port?: number | undefined }, complain: Complain): void {
  const twice =
    listener.port !== undefined && listener.interface.find((text) => parseInterface(text)?.port !== undefined)
  if (twice) complain([['port']], `no port beside ${twice}, which has its own`, 'take it out, or the one after the @')
}

function listensOnce(listeners: { interface: string[]; port?: number | undefined }[], complain: Complain): void {
  const seen = new Set<string>()
  for (const [index, listener] of listeners.entries()) {
    for (const [position, text] of listener.interface.entries()) {
      const { host = text, port } = parseInterface(text) ?? {}
      const key = `${host}@${port ?? listener.port ?? DNS_PORT}`
      if (seen.has(key))
        complain(
          [
            [index, 'interface', position],
            [index, 'interface'],
          ],
          'each address and port once',
          `take one ${key} out`,
        )
      seen.add(key)
    }
  }
}
