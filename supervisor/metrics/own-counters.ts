/** What the supervisor itself counts about its fleet. */

/** Every counter's place. Add at the end: over an upgrade, arrays of two versions are added up. */
export const OwnCounter = {
  WORKER_REPLACED: 0,
  WORKER_HUNG: 1,
  WORKER_FAILED: 2,
  WORKER_SIGNAL: 3,
  WORKER_EXIT: 4,
  KEEPER_REPLACED: 5,
  KEEPER_HUNG: 6,
  KEEPER_FAILED: 7,
  KEEPER_SIGNAL: 8,
  KEEPER_EXIT: 9,
  SCALED_UP: 10,
  SCALED_DOWN: 11,
  RELOADS_DONE: 12,
  RELOADS_FAILED: 13,
  ROLLED_BACK: 14,
  SUSPECTS: 15,
  UPGRADES: 16,
  SCRAPES: 17,
} as const
export type OwnCounter = (typeof OwnCounter)[keyof typeof OwnCounter]

export const OWN_COUNTERS = 32

/** `hung`: it was killed because its event loop stood still; `failed`: it said that it cannot do its work; `signal`: killed
 *  by one; `exit`: it ended by itself, as after a fault. */
export type CrashCause = 'hung' | 'failed' | 'signal' | 'exit'

export const WORKER_CRASH: Record<CrashCause, OwnCounter> = {
  hung: OwnCounter.WORKER_HUNG,
  failed: OwnCounter.WORKER_FAILED,
  signal: OwnCounter.WORKER_SIGNAL,
  exit: OwnCounter.WORKER_EXIT,
}

export const KEEPER_CRASH: Record<CrashCause, OwnCounter> = {
  hung: OwnCounter.KEEPER_HUNG,
  failed: OwnCounter.KEEPER_FAILED,
  signal: OwnCounter.KEEPER_SIGNAL,
  exit: OwnCounter.KEEPER_EXIT,
}

interface Named {
  name: string
  labels?: Record<string, string>
  help: string
}

const RESTARTS = 'Workers started in the place of one that was replaced or ended, by why'
const KEEPER_RESTARTS = 'Keepers started in the place of one that was replaced or ended, by why'
const RELOADS = 'Times the configuration was read again or changed'
const SCALED = 'Times the number of workers was changed'

export const OWN_COUNTER_NAMES: Record<OwnCounter, Named> = {
  [OwnCounter.WORKER_REPLACED]: restarts('worker', 'replaced', RESTARTS),
  [OwnCounter.WORKER_HUNG]: restarts('worker', 'hung', RESTARTS),
  [OwnCounter.WORKER_FAILED]: restarts('worker', 'failed', RESTARTS),
  [OwnCounter.WORKER_SIGNAL]: restarts('worker', 'signal', RESTARTS),
  [OwnCounter.WORKER_EXIT]: restarts('worker', 'exit', RESTARTS),
  [OwnCounter.KEEPER_REPLACED]: restarts('keeper', 'replaced', KEEPER_RESTARTS),
  [OwnCounter.KEEPER_HUNG]: restarts('keeper', 'hung', KEEPER_RESTARTS),
  [OwnCounter.KEEPER_FAILED]: restarts('keeper', 'failed', KEEPER_RESTARTS),
  [OwnCounter.KEEPER_SIGNAL]: restarts('keeper', 'signal', KEEPER_RESTARTS),
  [OwnCounter.KEEPER_EXIT]: restarts('keeper', 'exit', KEEPER_RESTARTS),
  [OwnCounter.SCALED_UP]: { name: 'bowline_scalings_total', labels: { direction: 'up' }, help: SCALED },
  [OwnCounter.SCALED_DOWN]: { name: 'bowline_scalings_total', labels: { direction: 'down' }, help: SCALED },
  [OwnCounter.RELOADS_DONE]: { name: 'bowline_config_reloads_total', labels: { result: 'done' }, help: RELOADS },
  [OwnCounter.RELOADS_FAILED]: { name: 'bowline_config_reloads_total', labels: { result: 'failed' }, help: RELOADS },
  [OwnCounter.ROLLED_BACK]: {
    name: 'bowline_config_rolled_back_total',
    help: 'Times all workers went back to the former configuration because the first one did worse with the new',
  },
  [OwnCounter.SUSPECTS]: {
    name: 'bowline_suspect_questions_total',
    help: 'Questions that a worker was at when it ended; bowline status names them',
  },
  [OwnCounter.UPGRADES]: {
    name: 'bowline_upgrades_total',
    help: 'Times a new supervisor took the place of one that ran',
  },
  [OwnCounter.SCRAPES]: { name: 'bowline_scrapes_total', help: 'Times these figures were asked for' },
}

function restarts(what: string, cause: string, help: string): Named {
  return { name: `bowline_${what}_restarts_total`, labels: { cause }, help }
}
