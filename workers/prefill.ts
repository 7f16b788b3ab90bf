/** A process that takes one zone into the cache and ends: fetches a copy, sees whether it is what the zone's owner signed,
 *  and writes what is new. However large or broken a zone is, nobody who answers questions waits for it. */

import { readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { Cache } from '../src/cache/cache.ts'
import { LmdbStore } from '../src/cache/lmdb-store.ts'
import { MemoryStore } from '../src/cache/memory-store.ts'
import type { Config } from '../src/config/schema.ts'
import type { DnsKey } from '../src/dnssec/keys.ts'
import { parseDnsKey } from '../src/dnssec/keys.ts'
import { anchoredKeys, TrustAnchors } from '../src/dnssec/trust-anchors.ts'
import { arrangeZone, type Verified, verifyZone, type ZoneCopy } from '../src/dnssec/zone-copy.ts'
import { systemClock } from '../src/io/clock.ts'
import { systemRandom } from '../src/io/random.ts'
import { SourceAddresses } from '../src/io/source-addresses.ts'
import { SystemTransport } from '../src/io/transport.ts'
import { forwardByPartition } from '../src/partitions.ts'
import { Core } from '../src/resolve.ts'
import type { Settings } from '../src/settings.ts'
import { cacheOptionsFromConfig, settingsFromConfig, transportOptionsFromConfig } from '../src/settings-from-config.ts'
import { equalNames, type Name, nameFromText, nameToText } from '../src/wire/name.ts'
import { Class, Type } from '../src/wire/types.ts'
import { type ImportCounts, importZone } from '../src/zone-import.ts'
import { CACHE_FILE } from './keeper.ts'
import { KeeperLink } from './keeper-link.ts'
import type { PrefillOutcome, StartPrefill } from './messages.ts'
import { fetchZone } from './zone-source.ts'

const KEEPER_WAIT_MS = 5000
/** Entries that may wait for the keeper. */
const MAX_PENDING = 2048
const IDLE_MS = 30_000
/** Below everybody who answers questions. */
const NICENESS = 10
/** Of the cache's size, a zone's text may have so much: it is not to push out everything else. */
const MOST_OF_CACHE = 1 / 2

/** Rejects with the reason when nothing could be taken in. */
export async function prefill({ config, zone, socketPath }: StartPrefill): Promise<PrefillOutcome> {
  const sinceMs = systemClock.monotonicMs()
  const { origin: originText, url, 'ca-file': caFile } = zone
  const origin = nameFromText(originText)
  const settings = settingsFromConfig(config)
  const link = new KeeperLink({ socketPath, clock: systemClock })
  const store = new LmdbStore({
    path: join(config.cache.storage, CACHE_FILE),
    clock: systemClock,
    outlet: link,
    sizeMax: config.cache['size-max'],
  })
  try {
    const { records, isAuthentic } = await fetchZone({
      origin,
      url: /^[a-z]+:/.test(url) ? url : resolve(config.rundir, url),
      ca: caFile === undefined ? undefined : readFileSync(resolve(config.rundir, caFile), 'latin1'),
      maxOctets: config.cache['size-max'] * MOST_OF_CACHE,
      idleMs: IDLE_MS,
      id: systemRandom.u16(),
      sources: new SourceAddresses(transportOptionsFromConfig(config).sourceAddresses ?? [], systemRandom),
    })
    const copy = arrangeZone(records, origin)
    if ('kind' in copy) throw new Error(copy.reason)
    const trust = await findTrust(config, settings, origin)
    const verified = await verify(copy, settings, trust)
    link.start(store) // not before: who is connected has to answer in time when something is cleared
    if (!(await link.connected(KEEPER_WAIT_MS))) throw new Error('the keeper of the cache cannot be reached')
    const counts = await takeForAll(copy, verified, {
      config,
      settings,
      store,
      isAuthentic,
      leaseUntilMs: trust.leaseUntilMs,
    })
    return {
      kind: 'prefilled',
      serial: copy.serial,
      records: copy.records.length,
      signatures: verified.signatures,
      digest: verified.digest.kind === 'verified' ? 'verified' : 'none',
      tookMs: Math.round(systemClock.monotonicMs() - sinceMs),
      leaseMs: Number.isFinite(trust.leaseUntilMs) ? trust.leaseUntilMs - systemClock.wallMs() : undefined,
      ...counts,
    }
  } finally {
    await store.close()
    link.close()
  }
}

interface ZoneTrust {
  /** Those among the zone's keys that are vouched for. */
  vouched(keys: readonly DnsKey[]): readonly DnsKey[]
  /** Until when its parent vouches for the zone itself. */
  leaseUntilMs: number
}

/** By an anchor of its own, or as for any other answer from the zone: by asking for its keys, as if nothing were known yet. */
async function findTrust(config: Config, settings: Settings, origin: Name): Promise<ZoneTrust> {
  const anchors = new TrustAnchors(settings.trustAnchors, settings.negativeTrustAnchors)
  if (anchors.isSuspended(origin)) throw new Error('a negative trust anchor says that the zone is not to be validated')
  const anchor = anchors.at(origin)
  if (anchor !== undefined)
    return { vouched: (keys) => anchoredKeys(anchor, keys), leaseUntilMs: Number.POSITIVE_INFINITY }
  const cache = new Cache(new MemoryStore(), systemClock, cacheOptionsFromConfig(config))
  const surroundings = { clock: systemClock, random: systemRandom }
  const transport = new SystemTransport({ ...surroundings, ...transportOptionsFromConfig(config) })
  const core = new Core({ ...surroundings, cache, transport, settings })
  try {
    const trusted = await new Promise<DnsKey[]>((found, failed) => {
      const wishes = { rd: true, cd: false, ad: true, do: true }
      core.pursue({ name: origin, type: Type.DNSKEY, class: Class.IN }, wishes, {}, ({ answer, security, edes }) => {
        const keySet = answer.find((set) => set.type === Type.DNSKEY && equalNames(set.owner, origin))
        if (security === 'secure' && keySet !== undefined)
          found(keySet.rdatas.map(parseDnsKey).filter((key) => key !== undefined))
        else failed(new Error(`the keys of ${nameToText(origin)} are ${whyNot(security, edes)}`))
      })
    })
    const leaseUntilMs = leaseOf(cache, origin)
    if (leaseUntilMs === undefined) throw new Error(`the delegation of ${nameToText(origin)} is not known`)
    const isTrusted = (key: DnsKey) => trusted.some(({ rdata }) => Buffer.compare(rdata, key.rdata) === 0)
    return { vouched: (keys) => keys.filter(isTrusted), leaseUntilMs }
  } finally {
    core.close()
    await transport.close()
  }
}

/** Servers that have both zones refer nobody to the child; then the parent's word on it is its DS set. */
function leaseOf(cache: Cache, origin: Name): number | undefined {
  const cut = cache.closestDelegation(origin)
  if (cut !== undefined && equalNames(cut.zone, origin)) return cut.leaseUntilMs
  return cache.lookup(origin, Type.DS)?.expiresMs
}

function whyNot(security: string, edes: readonly { text: string }[]): string {
  const reason = edes.map(({ text }) => text).find((text) => text !== '')
  return `not shown to be secure (${reason ?? security})`
}

async function verify(copy: ZoneCopy, settings: Settings, { vouched }: ZoneTrust): Promise<Verified> {
  const nowSeconds = Math.floor(systemClock.wallMs() / 1000)
  const steps = verifyZone(copy, { nowSeconds, policy: { sha1: settings.sha1 }, vouched })
  for (;;) {
    const step = steps.next()
    if (step.done && step.value.kind === 'unfit') throw new Error(step.value.reason)
    if (step.done) return step.value as Verified
    await turn()
  }
}

interface Taking {
  config: Config
  settings: Settings
  store: LmdbStore
  isAuthentic: boolean
  leaseUntilMs: number
}

/** Into each partition of the cache: what the zone's owner has signed is the same for all clients. */
async function takeForAll(copy: ZoneCopy, verified: Verified, options: Taking): Promise<ImportCounts> {
  const sum = { written: 0, unchanged: 0, removed: 0 }
  for (const [partition, forward] of forwardByPartition(options.settings)) {
    const counts = await take(copy, verified, partition, {
      ...options,
      settings: { ...options.settings, forward },
    })
    sum.written += counts.written
    sum.unchanged += counts.unchanged
    sum.removed += counts.removed
  }
  return sum
}

/** No faster than the keeper writes. */
async function take(copy: ZoneCopy, verified: Verified, partition: number, options: Taking): Promise<ImportCounts> {
  const { config, settings, store, isAuthentic, leaseUntilMs } = options
  const steps = importZone(copy, verified, {
    store,
    clock: systemClock,
    cache: { ...cacheOptionsFromConfig(config), partition },
    settings,
    withDelegations: verified.digest.kind === 'verified' || isAuthentic,
    leaseUntilMs,
  })
  for (;;) {
    const step = steps.next()
    await written(store, step.done ? 0 : MAX_PENDING)
    if (step.done) return step.value
  }
}

async function written(store: LmdbStore, pending: number): Promise<void> {
  const sinceMs = systemClock.monotonicMs()
  while (store.stats().pending > pending) {
    if (systemClock.monotonicMs() - sinceMs > IDLE_MS) throw new Error('the keeper of the cache does not keep up')
    await pause(1)
  }
}

/** Should memory run out, this process is the one that the kernel ends: zones may be large, and it can be tried again. */
function beFirstToGo(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // not Linux
  }
}

function runPrefill(): void {
  setPriority(NICENESS)
  beFirstToGo()
  process.on('disconnect', () => process.exit(0))
  process.on('SIGINT', () => {})
  process.once('message', async (message) => {
    const outcome = await prefill(message as StartPrefill).catch(
      (error: Error): PrefillOutcome => ({ kind: 'not-prefilled', reason: error.message }),
    )
    process.send?.(outcome, () => process.exit(0))
  })
}

if (import.meta.main) runPrefill()
