/** Keeps the trust anchors of the service up to date (RFC 5011), once for all workers: files, questions and log for the
 *  managers of src/anchors. The supervisor serves no client; it asks the zones' servers for their keys a few times a day,
 *  and tells the workers when a file has changed. */

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { isOfRoot, type ManagedFile, managedFiles } from '../src/anchor-files.ts'
import { AnchorLookup } from '../src/anchor-lookup.ts'
import { type AnchorEvent, AnchorManager } from '../src/anchors/manager.ts'
import { composeAnchorState } from '../src/anchors/state-text.ts'
import type { Config } from '../src/config/schema.ts'
import { parseDs } from '../src/dnssec/ds.ts'
import { parseDnsKey } from '../src/dnssec/keys.ts'
import { type ManagedZone, unmanaged } from '../src/dnssec/rfc5011.ts'
import { ROOT_ANCHORS } from '../src/dnssec/trust-anchors.ts'
import type { Clock, Random } from '../src/io/interfaces.ts'
import type { Log } from '../src/io/log.ts'
import { SystemTransport } from '../src/io/transport.ts'
import { settingsFromConfig, transportOptionsFromConfig } from '../src/settings-from-config.ts'
import { nameToText, ROOT } from '../src/wire/name.ts'

export interface TrustAnchorKeeperOptions {
  clock: Clock
  random: Random
  log: Log
  /** Anchors have changed, and are in the files. */
  onChange(): void
  /** When to look for the first time, at the earliest. */
  firstLookMs?: number
}

export interface AnchorState {
  zone: string
  keyTag: number
  /** Of RFC 5011 §4.2, in lower case. */
  state: string
}

/** How long a service has run before it looks for the first time; up to twice as long, so that not all instances of a site
 *  do it together. */
const FIRST_LOOK_MS = 10_000

export class TrustAnchorKeeper {
  readonly #options: TrustAnchorKeeperOptions
  #stop: (() => void) | undefined
  #followed = ''
  #managers: readonly AnchorManager[] = []

  constructor(options: TrustAnchorKeeperOptions) {
    this.#options = options
  }

  /** Follows what `config` says from now on. */
  follow(config: Config): void {
    const { dnssec, network, options, cache } = config
    const concerned = JSON.stringify([dnssec, network, options, cache.storage])
    if (concerned === this.#followed) return
    this.close()
    this.#followed = concerned
    this.#start(config)
  }

  /** The keys that are followed, each with the state it is in. */
  get states(): AnchorState[] {
    return this.#managers.flatMap(({ zone: { zone, ds, keys } }) => {
      const name = nameToText(zone)
      return [
        ...ds.map((rdata) => ({ zone: name, keyTag: parseDs(rdata)?.keyTag ?? 0, state: 'valid' })),
        ...keys.map(({ rdata, state }) => ({ zone: name, keyTag: parseDnsKey(rdata)?.tag ?? 0, state })),
      ]
    })
  }

  close(): void {
    this.#managers = []
    this.#stop?.()
    this.#stop = undefined
    this.#followed = ''
  }

  #start(config: Config): void {
    const { clock, random } = this.#options
    const zones = managedFiles(config, clock.wallMs()).flatMap((found) => {
      const zone = this.#begin(found)
      return zone === undefined ? [] : [{ file: found.file, zone }]
    })
    if (zones.length === 0) return
    const settings = settingsFromConfig(config)
    const transport = new SystemTransport({ clock, random, ...transportOptionsFromConfig(config) })
    const lookup = new AnchorLookup({ transport, clock, random, settings })
    const managers = zones.map(({ file, zone }) => this.#manage(file, zone, lookup, settings))
    const firstMs = this.#options.firstLookMs ?? FIRST_LOOK_MS
    this.#managers = managers
    const timer = clock.after(firstMs + random.below(firstMs + 1), () => {
      for (const manager of managers) manager.start()
    })
    this.#stop = () => {
      timer.cancel()
      for (const manager of managers) manager.stop()
      lookup.close()
      void transport.close()
    }
  }

  /** What is known so far; makes the file if there is none that can be used. */
  #begin(found: ManagedFile): ManagedZone | undefined {
    const { log, clock } = this.#options
    const { file } = found
    if (found.state === 'read') return found.zone
    const reason = found.reason
    if (found.state === 'unreadable') {
      log.err(
        { event: 'trust-anchor-file-unreadable', file, reason },
        `trust anchors are not followed: ${file} cannot be read (${reason}); let the service read and write it`,
      )
      return undefined
    }
    if (found.state === 'damaged') {
      const aside = `${file}.damaged-${new Date(clock.wallMs()).toISOString().replaceAll(':', '')}`
      if (!this.#tryTo(file, () => renameSync(file, aside))) return undefined
      log.err(
        { event: 'trust-anchor-file-damaged', file, aside, reason },
        `${file} is damaged (${reason}); it is now ${aside}, and the built-in keys of the root zone take its place`,
      )
    }
    const root = ROOT_ANCHORS.find(({ zone }) => zone.length === ROOT.length)
    if (root === undefined || !isOfRoot(found)) return undefined
    const zone = unmanaged(root, clock.wallMs())
    if (this.#store(file, zone))
      log.notice(
        { event: 'trust-anchor-file-made', file },
        `trust anchors are followed from the built-in keys of the root zone on, in ${file}`,
      )
    return zone
  }

  #manage(
    file: string,
    zone: ManagedZone,
    lookup: AnchorLookup,
    settings: ReturnType<typeof settingsFromConfig>,
  ): AnchorManager {
    const { clock, random, onChange } = this.#options
    return new AnchorManager(zone, {
      clock,
      random,
      policy: { sha1: settings.sha1 },
      ask: (name, type, done) => lookup.ask(name, type, done),
      store: (changed) => void this.#store(file, changed),
      onAnchor: onChange,
      onEvent: (event) => this.#tell(event),
      signal: settings.signalQuery,
    })
  }

  #store(file: string, zone: ManagedZone): boolean {
    return this.#tryTo(file, () => {
      mkdirSync(dirname(file), { recursive: true })
      replaceFile(file, composeAnchorState(zone))
    })
  }

  #tryTo(file: string, act: () => void): boolean {
    try {
      act()
      return true
    } catch (error) {
      const reason = (error as Error).message
      this.#options.log.err(
        { event: 'trust-anchor-file-unwritable', file, reason },
        `changes of trust anchors cannot be kept: ${file} cannot be written (${reason}); let the service write there`,
      )
      return false
    }
  }

  #tell(event: AnchorEvent): void {
    const { log } = this.#options
    const zone = nameToText(event.zone)
    switch (event.kind) {
      case 'changed': {
        const { tag: keyTag, from, to } = event.change
        log.notice(
          { event: 'trust-anchor-changed', zone, keyTag, from, to },
          `key ${keyTag} of ${zone}: ${from} to ${to}`,
        )
        break
      }
      case 'refused': {
        const { reason, keyTag, offBySeconds } = event.why
        log.warning(
          { event: 'trust-anchor-refused', zone, reason, keyTag, offBySeconds },
          `the keys of ${zone} are not believed: ${reason}`,
        )
        if (offBySeconds !== undefined)
          log.warning(
            { event: 'clock-skew', zone, reason, offBySeconds },
            `the clock of this machine may be wrong by ${offBySeconds} s or more: check it`,
          )
        break
      }
      case 'unreachable':
        log.warning({ event: 'trust-anchor-unreachable', zone }, `no server of ${zone} tells its keys`)
        break
      case 'deleted':
        log.crit(
          { event: 'trust-anchor-deleted', zone },
          `every trusted key of ${zone} has been revoked: nothing below it is validated any more`,
        )
        break
      default:
        event satisfies never
    }
  }
}

/** The file has all of `text` or what it had before, whatever happens to the machine meanwhile. */
export function replaceFile(file: string, text: string): void {
  const made = `${file}.new-${process.pid}`
  try {
    const fd = openSync(made, 'w', 0o644)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(made, file)
  } catch (error) {
    rmSync(made, { force: true })
    throw error
  }
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
