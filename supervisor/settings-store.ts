/** The configuration in use, as it was written and as it is followed, and how it is changed while the service runs: checked
 *  as a whole before anything follows it, put into effect, and taken back when nobody confirms it. */

import { createHash } from 'node:crypto'
import { BowlineError } from '../src/config/error.ts'
import { makeConfig } from '../src/config/load.ts'
import { type Config, type ConfigInput, configSchema } from '../src/config/schema.ts'
import { declarations } from '../src/config/tree.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import { settingsFromConfig } from '../src/settings-from-config.ts'
import { type Change, changesBetween } from './changes.ts'
import { getAt, type Json, setAt } from './json-patch.ts'

export interface SettingsOptions {
  document: Json
  config: Config
  clock: Clock
  /** Puts a configuration into effect, as far as that is possible while the service runs, and gives what is in effect
   *  then; rejects, with everything as it was, when that does not work. */
  follow(config: Config, changes: readonly Change[]): Promise<Config>
  log(event: string, sentence: string): void
}

export interface Edit {
  /** What the document becomes. */
  document: Json
  /** Only say what would change. */
  dryRun?: boolean
  /** Go back to what was before, unless confirm() is called within so long. */
  rollbackAfterMs?: number
  /** The document must still be the one of this tag. */
  ifMatch?: string
}

export class SettingsStore {
  readonly #options: SettingsOptions
  #document: Json
  #config: Config
  #pending: { document: Json; timer: Timer } | undefined

  constructor(options: SettingsOptions) {
    this.#options = options
    this.#document = spelledOut(options.document)
    this.#config = options.config
  }

  /** What was written: in files, and since. */
  get document(): Json {
    return this.#document
  }

  /** As it is followed. */
  get config(): Config {
    return this.#config
  }

  /** Changes whenever the document does (RFC 9110 §8.8.3). */
  get etag(): string {
    return `"${createHash('sha256').update(JSON.stringify(this.#document)).digest('hex').slice(0, 16)}"`
  }

  get isPending(): boolean {
    return this.#pending !== undefined
  }

  /** The document with the defaults of everything that is not written, as it would be written. */
  get whole(): Json {
    let whole: Json = {}
    for (const { path, kind, fallback } of declarations(configSchema)) {
      if (kind === 'section' || fallback === undefined || path.includes('[]')) continue
      whole = setAt(whole, path.split('/'), fallback as Json)
    }
    return overlay(whole, this.#document)
  }

  /** Throws a BowlineError 'no-such-setting' when nothing is there. */
  read(path: readonly string[], onlyWritten = false): Json {
    const found = getAt(onlyWritten ? this.#document : this.whole, path)
    if (found === undefined)
      throw new BowlineError('no-such-setting', `/${path.join('/')} is not set, and there is no such default`)
    return found
  }

  /** Resolves with what changed, or would. Rejects with a ConfigError that lists every mistake, with 'etag' when somebody
   *  else was quicker, or with the reason why it could not be put into effect; nothing has changed then. */
  async edit({ document: wanted, dryRun, rollbackAfterMs, ifMatch }: Edit): Promise<Change[]> {
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== this.etag)
      throw new BowlineError('etag', `the configuration has changed since ${ifMatch}; read it again`)
    const document = spelledOut(wanted)
    const config = makeConfig(document as ConfigInput)
    settingsFromConfig(config) // looks into the files it names
    const changes = changesBetween(this.#config, config)
    if (dryRun) return changes
    const former = this.#document
    await this.#take(document, config, changes)
    if (rollbackAfterMs !== undefined) this.#awaitConfirmation(former, rollbackAfterMs)
    else this.#forgetPending()
    return changes
  }

  /** What is pending stays. Throws a BowlineError 'nothing-pending' when nothing is. */
  confirm(): void {
    if (this.#pending === undefined) throw new BowlineError('nothing-pending', 'no change waits to be confirmed')
    this.#forgetPending()
  }

  close(): void {
    this.#forgetPending()
  }

  async #take(document: Json, config: Config, changes: readonly Change[]): Promise<void> {
    if (changes.length > 0) this.#config = await this.#options.follow(config, changes)
    this.#document = document
  }

  #awaitConfirmation(former: Json, afterMs: number): void {
    const { clock, log } = this.#options
    // of several that nobody confirmed, the first tells what to go back to
    const document = this.#pending?.document ?? former
    this.#forgetPending()
    const timer = clock.after(afterMs, () => {
      this.#pending = undefined
      log('config-rolled-back', 'the last change of the configuration was not confirmed: back to what was before')
      const config = makeConfig(document as ConfigInput)
      this.#take(document, config, changesBetween(this.#config, config)).catch((error: Error) =>
        log('config-not-rolled-back', `the configuration could not be taken back: ${error.message}`),
      )
    })
    this.#pending = { document, timer }
  }

  #forgetPending(): void {
    this.#pending?.timer.cancel()
    this.#pending = undefined
  }
}

const SWITCHABLE = [...declarations(configSchema)]
  .filter(({ info }) => info.switchable)
  .map(({ path }) => path.split('/'))

/** True and false, where they stand for a section, as its setting `enable`: what is set beside it later is not to undo it. */
function spelledOut(document: Json): Json {
  return SWITCHABLE.reduce((spelled, path) => {
    const written = getAt(spelled, path)
    return typeof written === 'boolean' ? setAt(spelled, path, { enable: written }) : spelled
  }, document)
}

function overlay(below: Json, above: Json): Json {
  if (typeof below !== 'object' || typeof above !== 'object') return above
  if (below === null || above === null || Array.isArray(below) || Array.isArray(above)) return above
  const joined = new Map(Object.entries(below))
  for (const [key, value] of Object.entries(above)) joined.set(key, overlay(joined.get(key) ?? {}, value))
  return Object.fromEntries(joined)
}
