/** What the supervisor and its children say to each other over the IPC channel Node gives a forked process. The one file
 *  both sides import. A child starts, waits for `start`, answers `ready` or `failed`, and lives until it is told `stop`
 *  or the channel closes, which means that the supervisor is gone: then it ends by itself as after `stop`. */

import type { Config } from '../src/config/schema.ts'

/** To the keeper, first of all. */
export interface StartKeeper {
  kind: 'start'
  config: Config
  /** Path of the unix stream socket on which workers hand over what they learnt. */
  socketPath: string
}

/** To a worker, first of all. The keeper is ready by then. */
export interface StartWorker {
  kind: 'start'
  config: Config
  /** 1 for the first; kept over restarts. */
  index: number
  socketPath: string
  /** No other worker runs yet: look first whether any other program has the addresses. Workers share them, and would
   *  share them with a second service as well, unnoticed. */
  alone: boolean
}

/** Finish what is in flight, for at most so long, then exit 0. */
export interface Stop {
  kind: 'stop'
  timeoutMs: number
}

/** Now doing its work. */
export interface Ready {
  kind: 'ready'
}

/** Cannot do its work, and will exit; nothing that trying again would mend. */
export interface Failed {
  kind: 'failed'
  /** A BowlineError's. */
  code: string
  /** One sentence that names setting, value and remedy. */
  message: string
}

/** The event loop still turns; sent every ALIVE_INTERVAL_MS once ready. */
export interface Alive {
  kind: 'alive'
  /** Requests in flight. */
  inFlight: number
}

export const ALIVE_INTERVAL_MS = 1000

export type ToKeeper = StartKeeper | Stop
export type ToWorker = StartWorker | Stop
export type FromChild = Ready | Failed | Alive
