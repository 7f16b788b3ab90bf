/** The configuration in use, as it was written and as it is followed, and how it is changed while the service runs: checked
 *  as a whole before anything follows it, put into effect, and taken back when nobody confirms it. */

import { createHash } from 'node:crypto'
import { BowlineError } from '../src/config/error.ts'
import { makeConfig } from '../src/config/load.ts'
import { type Config, type ConfigInput, configSchema } from '../src/config/schema.ts'
import { declarations } from '../src/config/tree.ts'
import type { Clock, Timer } from '../src/io/interfaces.ts'
import { settingsFromConfig } from '../src/settings-from-config.ts'
import { type Change, changesBetween, ReloadClass } from './changes.ts'
import { getAt, type Json, setAt } from './json-patch.ts'

export interface SettingsOptions {
  document: Json
  config: Config
  /** The document is a predecessor's, and may say what it could not follow. */
  isInherited?: boolean
  clock: Clock
  /** Puts a configuration into effect, as far as that is possible while the service runs, and gives what is in effect
   *  then; rejects, with everything as it was, when that does not work. */
  follow(config: Config, changes: readonly Change[]): Promise<Config>
  log(event: string, sentence: string): void
}

export interface Edit {
  /** What the document becomes, of what it is when those before have been put into effect. */
  change(document: Json): Json
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
  /** The edit being put into effect: the next begins with what it leaves. */
  #turn: Promise<unknown> = Promise.resolve()
  #waiting: string[] = []

  constructor(options: SettingsOptions) {
    this.#options = options
    this.#document = spelledOut(options.document)
    this.#config = options.config
    this.#waiting = options.isInherited
      ? restartsIn(changesBetween(this.#config, makeConfig(this.#document as ConfigInput)))
      : []
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

  /** Settings that differ from what is followed, until the service is restarted. */
  get needsRestart(): readonly string[] {
    return this.#waiting
  }

  get isPending(): boolean {
    return this.#pending !== undefined
  }

  /** The document with the defaults of everything that is not written, as it would be written. */
  get whole(): Json {
    return wholeOf(this.#document)
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
  edit(edit: Edit): Promise<Change[]> {
    return edit.dryRun ? this.#edit(edit) : this.#inTurn(() => this.#edit(edit))
  }

  async #edit({ change, dryRun, rollbackAfterMs, ifMatch }: Edit): Promise<Change[]> {
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== this.etag)
      throw new BowlineError('etag', `the configuration has changed since ${ifMatch}; read it again`)
    const document = spelledOut(change(this.#document))
    const config = makeConfig(document as ConfigInput)
    settingsFromConfig(config) // looks into the files it names
    const former = this.#document
    const changes = asWritten(changesBetween(this.#config, config), wholeOf(former), wholeOf(document))
    if (dryRun) return changes
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
    this.#waiting = restartsIn(changes)
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(act)
    this.#turn = result.catch(() => {})
    return result
  }

  #awaitConfirmation(former: Json, afterMs: number): void {
    const { clock, log } = this.#options
    // of several that nobody confirmed, the first tells what to go back to
    const document = this.#pending?.document ?? former
    this.#forgetPending()
    const goBack = async () => {
      if (this.#pending !== pending) return // an edit that came to its end meanwhile has replaced it
      this.#pending = undefined
      log('config-rolled-back', 'the last change of the configuration was not confirmed: back to what was before')
      const config = makeConfig(document as ConfigInput)
      await this.#take(document, config, changesBetween(this.#config, config))
    }
    const timer = clock.after(afterMs, () => {
      this.#inTurn(goBack).catch((error: Error) =>
        log('config-not-rolled-back', `the configuration could not be taken back: ${error.message}`),
      )
    })
    const pending = { document, timer }
    this.#pending = pending
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

function restartsIn(changes: readonly Change[]): string[] {
  return changes.filter((change) => change.class === ReloadClass.RESTART).map(({ path }) => path)
}

function wholeOf(document: Json): Json {
  let whole: Json = {}
  for (const { path, kind, fallback } of declarations(configSchema)) {
    if (kind === 'section' || fallback === undefined || path.includes('[]')) continue
    whole = setAt(whole, path.split('/'), fallback as Json)
  }
  return overlay(whole, document)
}

/** With values as people write them, `10s` and not 10000, where both are written or have a default. */
function asWritten(changes: readonly Change[], before: Json, after: Json): Change[] {
  return changes.map((change) => {
    const [from, to] = [before, after].map((document) => getAt(document, change.path.split('/')))
    const differ = from !== undefined && to !== undefined && JSON.stringify(from) !== JSON.stringify(to)
    return differ ? { ...change, from, to } : change
  })
}

function overlay(below: Json, above: Json): Json {
  if (typeof below !== 'object' || typeof above !== 'object') return above
  if (below === null || above === null || Array.isArray(below) || Array.isArray(above)) return above
  const joined = new Map(Object.entries(below))
  for (const [key, value] of Object.entries(above)) joined.set(key, overlay(joined.get(key) ?? {}, value))
  return Object.fromEntries(joined)
}
