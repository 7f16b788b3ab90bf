/** What this worker's clients may do, as the configuration has it: how much may wait, and how much they may ask. Of the
 *  latter all workers keep one table, in a file of `rundir` that each maps into its memory. */

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../src/config/schema.ts'
import { ServerAddress } from '../src/io/address.ts'
import type { Log } from '../src/io/log.ts'
import { systemRandom } from '../src/io/random.ts'
import { mapFile } from '../src/io/shared-memory.ts'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { type LimitedEvent, RateLimiter } from '../src/modules/rate-limiting/index.ts'
import { RateTable, tableOctets } from '../src/modules/rate-limiting/table.ts'
import type { View } from '../src/modules/views/choose.ts'
import { NO_VIEW, ViewTable } from '../src/modules/views/table.ts'
import { type ClientLimitOptions, DEFAULT_CLIENT_LIMITS } from './client-limits.ts'
import type { Resolver } from './serve.ts'

/** Counts up when what is in the file changes its meaning. */
const FILE = 'rate-limits-1'

type Surroundings = Pick<Resolver, 'isGoodCookie'> & { views: readonly View[]; log: Log }

export function clientLimits(config: Config, { views, isGoodCookie }: Surroundings): ClientLimitOptions {
  const limits = config['client-limits']
  return {
    ...DEFAULT_CLIENT_LIMITS,
    maxWaiting: limits.outstanding,
    maxWaitingWithCookie: Math.max(limits.outstanding, limits['outstanding-with-cookie']),
    isGoodCookie,
    priceOf: pricesOf(views),
  }
}

/** undefined: clients are not limited. */
export function openRateLimiter(config: Config, { views, log, isGoodCookie }: Surroundings): RateLimiter | undefined {
  const limits = config['rate-limiting']
  const rateLimit = limits['rate-limit']
  if (!limits.enable || rateLimit === undefined) return undefined
  const seed = systemRandom.u16() * 0x10000 + systemRandom.u16()
  return new RateLimiter({
    table: new RateTable(
      sharedTable(config.rundir, limits.capacity, log),
      limits.capacity,
      { rateLimit, instantLimit: limits['instant-limit'] },
      seed,
    ),
    slip: limits.slip,
    dryRun: limits['dry-run'],
    logPeriodMs: limits['log-period'] * 1000,
    udpSize: config.network['edns-buffer-size'].downstream,
    priceOf: pricesOf(views),
    isGoodCookie,
    onEvent: (event) => tell(log, event),
  })
}

export function reportLimits({ counts }: RateLimiter, counters: Counters): void {
  counters.set(Counter.RATE_DROPPED, counts.dropped)
  counters.set(Counter.RATE_TRUNCATED, counts.truncated)
  counters.set(Counter.RATE_COOKIE, counts.cookie)
  counters.set(Counter.RATE_DRY_RUN, counts.dryRun)
}

/** The file's name says how long it is, so that workers with another capacity have another. */
function sharedTable(rundir: string, capacity: number, log: Log): ArrayBuffer {
  const name = `${FILE}-${capacity}`
  mkdirSync(rundir, { recursive: true, mode: 0o700 })
  for (const other of readdirSync(rundir))
    if (other.startsWith('rate-limits-') && other !== name) rmSync(join(rundir, other), { force: true })
  const shared = mapFile(join(rundir, name), tableOctets(capacity))
  if (shared !== undefined) return shared
  log.warning(
    { event: 'rate-limits-apart' },
    `no file can be shared in ${rundir}: rate limits hold for each worker and not for all together`,
  )
  return new ArrayBuffer(tableOctets(capacity))
}

/** What the views say; undefined where they say nothing of prices, which then need not be looked up. */
function pricesOf(views: readonly View[]): ((address: Uint8Array, destination?: Uint8Array) => number) | undefined {
  const prices = views.map(({ options }) => options.priceFactor ?? 1)
  if (prices.every((price) => price === 1)) return undefined
  const table = new ViewTable(views)
  return (address, destination) => {
    const view = table.find(address, destination, true)
    return view === NO_VIEW ? 1 : prices[view]
  }
}

function tell(log: Log, { address, prefixBits, dryRun, limited }: LimitedEvent): void {
  const client = new ServerAddress(address, 0).hostText
  log.notice(
    { event: 'rate-limited', client, prefix: prefixBits, dryRun, limited },
    `${client} or others of its /${prefixBits} ask more than rate-limiting allows${dryRun ? ' (dry run)' : ''}`,
  )
}
