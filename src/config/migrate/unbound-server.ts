/** The settings of Unbound's `server:`, one by one: what each is in Bowline, why it is not needed, or what to do instead.
 *  What they mean is in unbound.conf(5). */

import ipaddr from 'ipaddr.js'
import { parseSize, sizeText, timeText } from '../units.ts'
import { takeManagedAnchors } from './anchor-file.ts'
import type { Draft } from './draft.ts'
import type { Attribute } from './unbound-text.ts'

type Rule = (draft: Draft, from: Attribute) => void

/** Seen together with others, in unbound-clients.ts, unbound-zones.ts or unbound-names.ts. */
const together: Rule = () => {}

const notNeeded = (why: string): Rule => {
  return (draft, from) => draft.notNeeded(from, why)
}

const notThere = (instead: string): Rule => {
  return (draft, from) => draft.leaveOut(from, instead)
}

/** Nothing is to be done if it has the value `harmless`: that is how Bowline does it. */
const unless = (harmless: string, otherwise: Rule, why = 'it is always so'): Rule => {
  return (draft, from) => (from.values[0] === harmless ? draft.notNeeded(from, why) : otherwise(draft, from))
}

const flag = (path: string, note?: string): Rule => {
  return (draft, from) =>
    ['yes', 'no'].includes(from.values[0])
      ? draft.take(from, path, from.values[0] === 'yes', note)
      : draft.leaveOut(from, 'write yes or no')
}

/** A whole number; not one: `then` is not asked. */
const counted = (then: (draft: Draft, from: Attribute, count: number) => void): Rule => {
  return (draft, from) =>
    /^\d{1,15}$/.test(from.values[0])
      ? then(draft, from, Number(from.values[0]))
      : draft.leaveOut(from, 'write a whole number')
}

const whole = (path: string) => counted((draft, from, count) => draft.take(from, path, count))
const seconds = (path: string) => counted((draft, from, count) => draft.take(from, path, timeText(count * 1_000_000)))

const text = (path: string, note?: string): Rule => {
  return (draft, from) => draft.take(from, path, from.value, note)
}

/** Octets in `4m`: Unbound's units have no B, and no G in capitals. */
export function octetsOf(written: string): number | undefined {
  return parseSize(/^\d+$/.test(written) ? `${written}B` : written.replace(/b$/i, '').toUpperCase())
}

/** What the caches may hold together is what the one cache may hold. */
const partOfCache: Rule = (draft, from) => {
  const octets = octetsOf(from.value)
  if (octets === undefined) return draft.leaveOut(from, 'write a number and k, m or g')
  const before = parseSize(String(draft.document.getIn(['cache', 'size-max']) ?? '0B')) ?? 0
  draft.take(from, 'cache/size-max', sizeText(before + octets), `${from.name} ${from.value}: all share one cache`)
}

const verbosity = counted((draft, from, level) =>
  draft.take(from, 'logging/level', ['err', 'notice', 'info'][level] ?? 'debug'),
)

const moduleConfig: Rule = (draft, from) => {
  const modules = from.values.flatMap((value) => value.split(/\s+/)).filter((name) => name !== '')
  const unknown = modules.filter((name) => !['dns64', 'validator', 'iterator', 'respip', 'cachedb'].includes(name))
  if (modules.includes('dns64')) draft.take(from, 'dns64/enable', true)
  if (!modules.includes('validator')) draft.take(from, 'dnssec/enable', false)
  if (unknown.length > 0) draft.leaveOut(from, `there is nothing like ${unknown.join(', ')}; modules: docs/modules.md`)
  else if (modules.join(' ') === 'validator iterator') draft.notNeeded(from, 'it is always so')
}

const nsid: Rule = (draft, from) => {
  const told = from.value.startsWith('ascii_')
    ? from.value.slice('ascii_'.length)
    : Buffer.from(from.value, 'hex').toString('latin1')
  if (/^[\x20-\x7e]+$/.test(told)) draft.take(from, 'nsid', told)
  else draft.leaveOut(from, 'it is text here: write nsid with letters and digits')
}

/** Unbound limits the announced size, and what it sends over UDP, apart; the lower one counts. */
const maxUdpSize = counted((draft, from, size) => {
  const announced = parseSize(String(draft.document.getIn(['network', 'edns-buffer-size', 'downstream']) ?? '1232B'))
  if (size >= (announced ?? 0)) return draft.notNeeded(from, 'no more is sent over UDP than is announced')
  draft.take(from, 'network/edns-buffer-size/downstream', `${size}B`)
})

const ednsBufferSize = counted((draft, from, size) => {
  draft.take(from, 'network/edns-buffer-size/upstream', `${size}B`)
  draft.take(from, 'network/edns-buffer-size/downstream', `${size}B`)
})

const outgoing: Rule = (draft, from) =>
  draft.append(from, `network/out-interface-${from.value.includes(':') ? 'v6' : 'v4'}`, from.value)

const serveExpiredTtl = counted((draft, from, seconds) =>
  seconds === 0
    ? draft.take(from, 'options/serve-stale/max-age', '30d', 'at most 30 days')
    : draft.take(from, 'options/serve-stale/max-age', timeText(seconds * 1_000_000)),
)

/** The first of them switches the protection on; which networks it is for cannot be chosen. */
const privateAddress: Rule = (draft, from) => {
  const [address] = from.value.split('/')
  const isPublic = !ipaddr.isValid(address) || ipaddr.parse(address).range() === 'unicast'
  const path = 'options/rebinding-protection'
  const known = draft.document.getIn(path.split('/')) === true
  if (isPublic) draft.leaveOut(from, `${path} is for private and special networks only`)
  else draft.take(from, path, true, known ? undefined : 'it is for all private and special networks, not for a list')
}

const iterations: Rule = (draft, from) => {
  const numbers = from.value.trim().split(/\s+/).map(Number)
  const counts = numbers.filter((_, at) => at % 2 === 1)
  const least = Math.min(...counts)
  if (!Number.isInteger(least)) return draft.leaveOut(from, 'write dnssec/nsec3-max-iterations')
  const same = counts.every((count) => count === least)
  draft.take(from, 'dnssec/nsec3-max-iterations', least, same ? undefined : 'one number for keys of all sizes')
}

const SOCKETS = 'sockets are sized by the service itself'
const LOCKS = 'workers are processes and share no locks'
const ONE_CACHE = 'there is one cache, of cache/size-max'
const DOT = 'clients are not served over TLS or HTTPS yet; put a proxy in front'
const ROOT_FOLDER = 'there is no chroot; the unit for systemd confines the service (docs/running.md)'
const LOG = 'lines of JSON go to standard error, and under systemd to the journal'
const BUDGET = 'options/request-budget bounds what a question may cost'
const HIDE = 'version.bind and id.server are always answered; `hostname` says what is told'
const METRICS = 'figures are at http://127.0.0.1:9153/metrics (docs/metrics.md)'
const ECS = 'there is no EDNS client subnet'
const HOLD_DOWN = 'RFC 5011 says how long keys wait'
const IPSEC = 'there is no IPsec module'
const VIEWS = 'write `views` with `tags`, and `local-data/rules` with the same tags'

export const SERVER: Record<string, Rule> = {
  // Who is served, and where
  interface: together,
  'ip-address': together,
  port: together,
  'access-control': together,
  'interface-automatic': unless('no', notNeeded('answers leave from the address that was asked')),
  'interface-automatic-ports': notThere('name each port with an address in network/listen'),
  'interface-action': notThere('write `views` with `dst-subnet`'),
  'interface-tag': notThere(VIEWS),
  'interface-tag-action': notThere(VIEWS),
  'interface-tag-data': notThere(VIEWS),
  'interface-view': notThere(VIEWS),
  'access-control-tag': notThere(VIEWS),
  'access-control-tag-action': notThere(VIEWS),
  'access-control-tag-data': notThere(VIEWS),
  'access-control-view': notThere(VIEWS),
  'define-tag': notThere(VIEWS),
  'local-zone-tag': notThere(VIEWS),
  'local-zone-override': notThere(VIEWS),
  'ip-transparent': unless('no', notThere('listen on 0.0.0.0 and ::, which need no address to be there')),
  'ip-freebind': unless('no', notThere('listen on 0.0.0.0 and ::, which need no address to be there')),
  'ip-dscp': notThere('there is no such setting'),
  'do-udp': unless('yes', notThere('UDP is always served')),
  'do-tcp': unless('yes', notThere('TCP is always served')),
  'deny-any': notNeeded('ANY over UDP is answered with one HINFO record (RFC 8482)'),
  'answer-cookie': flag('cookies/enable'),
  'cookie-secret-file': notThere('write `cookies/secret-file` with a secret of 32 or more characters'),
  'cookie-secret': notThere('write `cookies/secret-file` with a secret of 32 or more characters'),
  'edns-tcp-keepalive': flag('network/edns-tcp-keepalive'),
  'edns-tcp-keepalive-timeout': notNeeded('clients are told how long idle connections are kept: 10 s'),
  nsid,
  identity: text('hostname'),
  'hide-identity': unless('no', notThere(HIDE)),
  'hide-version': unless('no', notThere(HIDE)),
  'hide-trustanchor': unless('yes', notThere('trustanchor.unbound is not answered')),
  'hide-http-user-agent': unless('yes', notNeeded('it is of no use')),
  'http-user-agent': notNeeded('it is of no use'),
  version: notThere('version.bind tells the version of Bowline'),
  'tls-service-key': notThere(DOT),
  'tls-service-pem': notThere(DOT),
  'ssl-service-key': notThere(DOT),
  'ssl-service-pem': notThere(DOT),
  'tls-port': notThere(DOT),
  'ssl-port': notThere(DOT),
  'tls-additional-port': notThere(DOT),
  'tls-ciphers': notThere(DOT),
  'tls-ciphersuites': notThere(DOT),
  'tls-session-ticket-keys': notThere(DOT),
  'https-port': notThere(DOT),
  'http-endpoint': notThere(DOT),
  'http-notls-downstream': notThere(DOT),
  'http-max-streams': notThere(DOT),
  'http-query-buffer-size': notThere(DOT),
  'http-response-buffer-size': notThere(DOT),
  'http-nodelay': notThere(DOT),
  'quic-port': notThere(DOT),
  'pad-responses': unless('yes', notNeeded('clients are not served over TLS'), 'clients are not served over TLS'),
  'pad-responses-block-size': notNeeded('clients are not served over TLS'),
  'proxy-protocol-port': notThere('there is no PROXY protocol'),

  // Processes, memory, files
  'num-threads': whole('workers'),
  'msg-cache-size': partOfCache,
  'rrset-cache-size': partOfCache,
  'key-cache-size': notNeeded(ONE_CACHE),
  'neg-cache-size': notNeeded(ONE_CACHE),
  'infra-cache-numhosts': notNeeded('what is known of servers has a bound of its own'),
  'infra-host-ttl': notNeeded('what is known of servers ages by itself'),
  'infra-cache-min-rtt': notNeeded('time-outs follow what servers were measured to need'),
  'infra-cache-max-rtt': notNeeded('time-outs follow what servers were measured to need'),
  'infra-keep-probing': notNeeded('servers that do not answer are tried again now and then'),
  'msg-cache-slabs': notNeeded(LOCKS),
  'rrset-cache-slabs': notNeeded(LOCKS),
  'key-cache-slabs': notNeeded(LOCKS),
  'infra-cache-slabs': notNeeded(LOCKS),
  'ip-ratelimit-slabs': notNeeded(LOCKS),
  'ratelimit-slabs': notNeeded(LOCKS),
  'so-rcvbuf': notNeeded(SOCKETS),
  'so-sndbuf': notNeeded(SOCKETS),
  'so-reuseport': notNeeded('workers always share the port'),
  'tcp-mss': notNeeded('the kernel knows'),
  'outgoing-tcp-mss': notNeeded('the kernel knows'),
  'outgoing-range': notNeeded('sockets are opened as they are needed'),
  'outgoing-num-tcp': notNeeded('connections are opened as they are needed, and shared'),
  'incoming-num-tcp': notNeeded('connections are bounded by the memory they take (docs/running.md)'),
  'tcp-connection-limit': notNeeded('64 connections of one address are taken (docs/running.md)'),
  'tcp-idle-timeout': notNeeded('idle connections are closed after 10 s'),
  'tcp-reuse-timeout': notNeeded('connections to servers are kept while they are of use'),
  'max-reuse-tcp-queries': notNeeded('connections to servers are kept while they are of use'),
  'tcp-auth-query-timeout': notNeeded('options/request-budget/time bounds it'),
  'num-queries-per-thread': notNeeded('options/max-recursions is the bound: 10000 in each worker'),
  'jostle-timeout': notNeeded('client-limits keeps places for others'),
  'delay-close': notNeeded('what comes late is dropped'),
  'stream-wait-size': notNeeded('connections are bounded by the memory they take (docs/running.md)'),
  'msg-buffer-size': notNeeded('buffers grow as they are needed'),
  'discard-timeout': counted((draft, from, ms) =>
    draft.take(from, 'client-limits/discard-timeout', timeText(ms * 1000)),
  ),
  'wait-limit': whole('client-limits/outstanding'),
  'wait-limit-cookie': whole('client-limits/outstanding-with-cookie'),
  'wait-limit-netblock': notThere('`views` with `price-factor: 0` are not limited; other numbers are for all'),
  'wait-limit-cookie-netblock': notThere('`views` with `price-factor: 0` are not limited; other numbers are for all'),
  'sock-queue-timeout': notNeeded('what waits in the socket is a twentieth of a second’s worth'),
  username: notNeeded('systemd starts the service as a user of its own; elsewhere `user` names it'),
  chroot: notNeeded(ROOT_FOLDER),
  directory: notNeeded('paths that are relative have been completed with it'),
  pidfile: notNeeded('supervisor.pid in rundir'),
  'use-systemd': notNeeded('it is found out'),
  'do-daemonize': notNeeded('the service stays in the foreground, where systemd wants it'),

  // The log and figures
  verbosity,
  logfile: notNeeded(LOG),
  'use-syslog': notNeeded(LOG),
  'log-identity': notNeeded(LOG),
  'log-time-ascii': notNeeded(LOG),
  'log-time-iso': notNeeded(LOG),
  'log-queries': unless('no', notThere('write a rule of local-data/rules with `name: .` and `subtree: log`')),
  'log-replies': unless('no', notThere('the group `resolv` of logging/groups tells of answers')),
  'log-tag-queryreply': notNeeded(LOG),
  'log-destaddr': notNeeded(LOG),
  'log-thread-id': notNeeded(LOG),
  'log-local-actions': unless('no', notThere('rules with `subtree: log` tell who asks')),
  'log-servfail': unless('no', notThere('`stats/enable` counts what fails, and `bowline top` shows it')),
  'val-log-level': counted((draft, from, level) => draft.take(from, 'dnssec/log-bogus', level > 0)),
  'statistics-interval': notNeeded(METRICS),
  'statistics-cumulative': notNeeded(METRICS),
  'statistics-inhibit-zero': notNeeded(METRICS),
  'extended-statistics': notNeeded(METRICS),
  'shm-enable': notNeeded(METRICS),
  'shm-key': notNeeded(METRICS),

  // Asking other servers
  'do-ip4': flag('network/do-ipv4'),
  'do-ip6': flag('network/do-ipv6'),
  'prefer-ip4': unless('no', notThere('the faster address is asked'), 'the faster address is asked'),
  'prefer-ip6': unless('no', notThere('the faster address is asked'), 'the faster address is asked'),
  'outgoing-interface': outgoing,
  'outgoing-port-permit': notThere('source ports are drawn from 1024 to 65535'),
  'outgoing-port-avoid': notThere('source ports are drawn from 1024 to 65535, but for those that are taken'),
  'edns-buffer-size': ednsBufferSize,
  'max-udp-size': maxUdpSize,
  'udp-connect': notNeeded('sockets are connected where it helps'),
  'udp-upstream-without-downstream': unless('no', notNeeded('UDP is always served')),
  'tcp-upstream': together,
  'tls-upstream': together,
  'ssl-upstream': together,
  'tls-cert-bundle': together,
  'ssl-cert-bundle': together,
  'tls-system-cert': notNeeded('those that Node.js trusts are, unless `ca-file` names others'),
  'tls-win-cert': notNeeded('those that Node.js trusts are, unless `ca-file` names others'),
  'tls-use-sni': unless('yes', notThere('servers are told the name they are to show')),
  'pad-queries': unless('yes', notThere('queries over TLS are always padded (RFC 8467)')),
  'pad-queries-block-size': notNeeded('queries over TLS are padded to 128 octets (RFC 8467)'),
  'root-hints': text('options/root-hints-file'),
  'do-not-query-address': notThere('there is no such setting'),
  'do-not-query-localhost': (draft, from) =>
    from.values[0] === 'no' ? draft.take(from, 'options/query-loopback', true) : draft.notNeeded(from, 'it is so'),
  'target-fetch-policy': notNeeded(BUDGET),
  'max-sent-count': notNeeded(BUDGET),
  'max-query-restarts': notNeeded(BUDGET),
  'max-global-quota': notNeeded(BUDGET),
  'outbound-msg-retry': notNeeded(BUDGET),
  'iter-scrub-ns': notNeeded(BUDGET),
  'iter-scrub-cname': notNeeded(BUDGET),
  'iter-scrub-promiscuous': notNeeded('only what is in bailiwick is believed'),
  'unknown-server-time-limit': notNeeded('time-outs follow what servers were measured to need'),
  'fast-server-permil': notNeeded('the fastest servers are asked most'),
  'fast-server-num': notNeeded('the fastest servers are asked most'),
  'use-caps-for-id': flag('options/query-case-randomization'),
  'caps-exempt': notNeeded('servers that do not repeat the case are remembered'),
  'caps-whitelist': notNeeded('servers that do not repeat the case are remembered'),
  'qname-minimisation': flag('options/minimize'),
  'qname-minimisation-strict': unless(
    'no',
    notThere('where a server denies names wrongly, the whole name is asked for'),
  ),
  'unwanted-reply-threshold': notNeeded('after ten guesses a question goes to TCP'),
  ratelimit: unless('0', notThere(`there is no rate per zone; ${BUDGET}`)),
  'ratelimit-size': notNeeded(BUDGET),
  'ratelimit-factor': notNeeded(BUDGET),
  'ratelimit-backoff': notNeeded(BUDGET),
  'ratelimit-for-domain': notThere(`there is no rate per zone; ${BUDGET}`),
  'ratelimit-below-domain': notThere(`there is no rate per zone; ${BUDGET}`),
  'ip-ratelimit': unless('0', notThere('write `rate-limiting` with `rate-limit`; begin with `dry-run: true`')),
  'ip-ratelimit-cookie': notNeeded('clients that show a cookie are not limited'),
  'ip-ratelimit-size': notNeeded('rate-limiting/capacity'),
  'ip-ratelimit-factor': notNeeded('rate-limiting/slip lets some through'),
  'ip-ratelimit-backoff': notNeeded('rate-limiting counts on'),
  'edns-client-string': notThere('there is no such setting'),
  'edns-client-string-opcode': notThere('there is no such setting'),
  'send-client-subnet': notThere(ECS),
  'client-subnet-zone': notThere(ECS),
  'client-subnet-always-forward': notThere(ECS),
  'min-client-subnet-ipv4': notThere(ECS),
  'min-client-subnet-ipv6': notThere(ECS),
  'max-ecs-tree-size-ipv4': notThere(ECS),
  'max-ecs-tree-size-ipv6': notThere(ECS),
  'max-client-subnet-ipv4': notThere(ECS),
  'max-client-subnet-ipv6': notThere(ECS),

  // What is made of replies
  'cache-max-ttl': seconds('cache/ttl-max'),
  'cache-min-ttl': seconds('cache/ttl-min'),
  'cache-max-negative-ttl': notThere('denials are kept as long as their zone says, three hours at most'),
  'cache-min-negative-ttl': notThere('denials are kept as long as their zone says, cache/ttl-min at least'),
  prefetch: flag('cache/prefetch/expiring'),
  'prefetch-key': unless('no', notThere('keys are asked for when they are needed')),
  'serve-expired': flag('options/serve-stale/enable'),
  'serve-expired-ttl': serveExpiredTtl,
  'serve-expired-reply-ttl': seconds('options/serve-stale/reply-ttl'),
  'serve-expired-client-timeout': counted((draft, from, ms) =>
    draft.take(from, 'options/serve-stale/client-timeout', timeText(ms * 1000)),
  ),
  'serve-expired-ttl-reset': unless('no', notThere('old answers are given up to options/serve-stale/max-age')),
  'serve-original-ttl': unless('no', notThere('answers have the TTL that is left')),
  'rrset-roundrobin': flag('options/reorder-rrset'),
  'minimal-responses': unless('yes', notThere('answers hold what they must')),
  'harden-glue': (draft, from) =>
    draft.take(from, 'options/glue-checking', from.values[0] === 'no' ? 'permissive' : 'normal'),
  'harden-unverified-glue': unless('yes', notThere('options/glue-checking says what is believed')),
  'harden-short-bufsize': unless('yes', notNeeded('no less than 512 octets are taken for the size')),
  'harden-large-queries': notNeeded('large queries are read with care'),
  'harden-dnssec-stripped': unless(
    'yes',
    notThere('`dnssec/negative-trust-anchors` names zones that are not validated'),
  ),
  'harden-below-nxdomain': unless('yes', notThere('what is proven not to exist has nothing below it (RFC 8020)')),
  'harden-referral-path': unless('no', notThere('what leads to a zone is not validated beforehand')),
  'harden-algo-downgrade': unless('no', notThere('one good signature suffices (RFC 6840 §5.11)')),
  'harden-unknown-additional': notNeeded('only what is asked for is kept'),
  'private-address': privateAddress,
  'private-domain': (draft, from) => draft.append(from, 'options/rebinding-allowed', from.value),
  'response-ip': notThere('`options/rebinding-protection` refuses private addresses; others cannot be named'),
  'response-ip-data': notThere('`network/address-renumbering` replaces addresses'),
  'response-ip-tag': notThere(VIEWS),

  // Validation
  'module-config': moduleConfig,
  'trust-anchor': (draft, from) => draft.append(from, 'dnssec/trust-anchors', from.value),
  'trust-anchor-file': (draft, from) =>
    draft.append(from, 'dnssec/trust-anchors-files', { file: from.value, 'read-only': true }),
  'auto-trust-anchor-file': (draft, from) => takeManagedAnchors(draft, from, from.value),
  'trusted-keys-file': notThere('write the keys as records into `dnssec/trust-anchors`'),
  'trust-anchor-signaling': flag('dnssec/signal-query'),
  'root-key-sentinel': flag('dnssec/sentinel'),
  'domain-insecure': (draft, from) => draft.append(from, 'dnssec/negative-trust-anchors', from.value),
  'aggressive-nsec': flag('dnssec/aggressive-nsec'),
  'val-nsec3-keysize-iterations': iterations,
  'val-permissive-mode': unless('no', notThere('`dnssec/negative-trust-anchors` names zones that are not validated')),
  'val-override-date': notThere('the clock of the machine counts'),
  'val-sig-skew-min': notNeeded('dnssec/time-skew-detection tells when the clock is wrong'),
  'val-sig-skew-max': notNeeded('dnssec/time-skew-detection tells when the clock is wrong'),
  'val-max-restart': notNeeded(BUDGET),
  'val-bogus-ttl': notThere('how long failures are kept cannot be chosen'),
  'val-clean-additional': unless('yes', notNeeded('additional records are never taken on trust')),
  'ignore-cd-flag': unless('no', notThere('clients that set CD get what was found')),
  'disable-dnssec-lame-check': unless('no', notNeeded('servers without signatures are found out')),
  'add-holddown': notNeeded(HOLD_DOWN),
  'del-holddown': notNeeded(HOLD_DOWN),
  'keep-missing': notNeeded(HOLD_DOWN),
  'permit-small-holddown': unless('no', notThere(HOLD_DOWN)),
  'zonemd-permissive-mode': unless('no', notThere('cache/prefill takes only zones whose digest is right')),
  ede: unless('yes', notNeeded('Extended DNS Errors are always told'), 'Extended DNS Errors are always told'),
  'ede-serve-expired': notNeeded('Extended DNS Errors are always told'),

  // Names that are answered from here
  'local-zone': together,
  'local-data': together,
  'local-data-ptr': together,
  'unblock-lan-zones': unless('no', notThere('write `forward` with `servers: recurse` for the reverse zones you mean')),
  'insecure-lan-zones': unless('no', notThere('write the zones into dnssec/negative-trust-anchors')),
  'dns64-prefix': (draft, from) => draft.append(from, 'dns64/prefix', from.value),
  'dns64-synthall': unless('no', notThere('AAAA records of a host are given when there are any')),
  'dns64-ignore-aaaa': notThere('write `dns64/exclude-subnets`, or `block: AAAA` for the names in local-data/rules'),
  'ipsecmod-enabled': unless('no', notThere(IPSEC)),
  'ipsecmod-hook': notThere(IPSEC),
  'ipsecmod-strict': notThere(IPSEC),
  'ipsecmod-max-ttl': notThere(IPSEC),
  'ipsecmod-ignore-bogus': notThere(IPSEC),
  'ipsecmod-allow': notThere(IPSEC),
  'ipsecmod-whitelist': notThere(IPSEC),
}
