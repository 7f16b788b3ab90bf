/** The sections about what the service keeps an eye on while it runs: how much clients ask, what happens most often, its
 *  own health. Part of schema.ts. */

import { familyOf, parseInterface } from './listen.ts'
import { wholeOrNone } from './policy-kinds.ts'
import { type Complain, choice, flag, line, milliseconds, seconds, section, whole } from './settings.ts'

const DAY = 86_400

export const monitoringSchema = section(
  'What monitoring systems can read: figures for Prometheus at `/metrics`, and whether all is well at `/healthz` and `/readyz`.',
  {
    metrics: choice(['off', 'manager-only', 'lazy', 'always'], {
      about:
        '`lazy`: whenever the figures are asked for, all workers are asked for theirs; `always`: they are not, and what they ' +
        'tell each second will do; `manager-only`: only what the supervisor knows by itself is told; `off`: nothing, and no port is opened.',
      fallback: 'lazy',
    }),
    interface: line({
      about:
        'The address and port at which they are told, over HTTP, to everybody who can reach it. If another program has the ' +
        'port, the service starts without when none is named here, and not at all when one is.',
      max: 64,
      otherwise: '`127.0.0.1@9153`',
      example: '192.0.2.53@9153',
    }),
  },
  tellsSomewhere,
)

export const rateLimitingSchema = section(
  'Limits for clients over UDP, where anybody can pretend to be anybody. They hold for all workers together.',
  {
    enable: flag({ about: 'Limit them.', fallback: false }),
    'rate-limit': wholeOrNone({
      about:
        'Queries a second that one address is answered in the long run. An IPv4 /24 may have 32 times as many, a /20 256 ' +
        'times, an /18 768 times; an IPv6 /64 twice as many, a /56 3 times, a /48 4 times, a /32 64 times.',
      otherwise: 'none: with `enable` it must be given',
      example: 1000,
      min: 1,
      max: 1_000_000,
    }),
    'instant-limit': whole({
      about: 'Queries at once that one address is answered; networks as with `rate-limit`.',
      fallback: 50,
      min: 1,
      max: 1_000_000,
    }),
    capacity: whole({
      about: 'Addresses and networks of which account can be kept at the same time; some 30 octets of memory each.',
      fallback: 524_288,
      min: 1024,
      max: 2 ** 26,
    }),
    slip: whole({
      about:
        'Of so many queries over the limit, one gets an empty answer with TC, upon which an honest client comes again over ' +
        'TCP; the others get none. 1: all of them get it, 0: none.',
      fallback: 2,
      min: 0,
      max: 100,
    }),
    'log-period': seconds({
      about: 'Least time between two lines of the log about queries over the limit, in each worker. 0s: no line.',
      fallback: 0,
      min: 0,
      max: DAY,
    }),
    'dry-run': flag({ about: 'Count and log what would be limited, and limit nothing.', fallback: false }),
  },
  namesRate,
)

export const clientLimitsSchema = section('What one client may hold of a worker: an IPv4 address, or an IPv6 /56.', {
  outstanding: whole({
    about:
      'Queries of one client that may wait for other servers, in each worker; the next gets SERVFAIL with an Extended DNS Error ' +
      '(RFC 8914). Not for our own machine, nor for clients of views with `price-factor: 0`.',
    fallback: 1000,
    min: 1,
    max: 1_000_000,
  }),
  'outstanding-with-cookie': whole({
    about: 'The same for queries with a DNS cookie of ours (RFC 7873), in whose name nobody else can ask.',
    fallback: 10_000,
    min: 1,
    max: 1_000_000,
  }),
  'discard-timeout': milliseconds({
    about:
      'An answer over UDP that comes after so long is not sent: the client has asked again, and letting answers pile up only ' +
      'serves an attack (DNSBomb). The cache has it then. Not for our own machine.',
    fallback: 1900,
    min: 10,
    max: 60_000,
  }),
})

export const statsSchema = section(
  'What is asked most, who asks most, and what fails most: `bowline stats` and `bowline top` tell.',
  {
    enable: flag({ about: 'Keep account of it.', fallback: false }),
    size: whole({
      about:
        'Names and clients of which account is kept, in each worker. What is asked in more than one of so many queries is told for certain.',
      fallback: 1000,
      min: 10,
      max: 100_000,
    }),
    window: seconds({
      about: 'Counting begins anew after so long; what was counted before is told for as long again.',
      fallback: 3600,
      min: 10,
      max: 7 * DAY,
    }),
  },
)

export const watchdogSchema = section(
  'Each worker looks now and then whether queries reach it and its resolver answers; the supervisor replaces one that fails.',
  {
    enable: flag({ about: 'Look.', fallback: true }),
    interval: milliseconds({ about: 'Time between two looks.', fallback: 10_000, min: 100, max: 3_600_000 }),
    failures: whole({
      about: 'After so many looks in a row that found something wrong, the worker is replaced.',
      fallback: 3,
      min: 1,
      max: 100,
    }),
  },
)

function tellsSomewhere({ interface: text }: { interface?: string | undefined }, complain: Complain): void {
  if (text === undefined) return
  const { host, port } = parseInterface(text) ?? {}
  if (host === undefined || port === undefined || familyOf(host) === undefined)
    complain(
      [['interface']],
      'an address and a port, as in 127.0.0.1@9153',
      'write the address in numbers and the port after an @',
    )
}

function namesRate(limits: { enable: boolean; 'rate-limit'?: number | undefined }, complain: Complain): void {
  if (limits.enable && limits['rate-limit'] === undefined)
    complain([['enable']], 'true only with rate-limit', 'add rate-limit, as in rate-limit: 1000')
}
