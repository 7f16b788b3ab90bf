/** What the supervisor itself counts about its fleet. */

import { labelled, type MetricName } from '../../src/metrics/naming.ts'

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

const workerRestarts = labelled(
  'bowline_worker_restarts_total',
  'cause',
  'Workers started in the place of one that was replaced or ended, by why',
)
const keeperRestarts = labelled(
  'bowline_keeper_restarts_total',
  'cause',
  'Keepers started in the place of one that was replaced or ended, by why',
)
const scalings = labelled('bowline_scalings_total', 'direction', 'Times the number of workers was changed')
const reloads = labelled('bowline_config_reloads_total', 'result', 'Times the configuration was read again or changed')

export const OWN_COUNTER_NAMES: Record<OwnCounter, MetricName> = {
  [OwnCounter.WORKER_REPLACED]: workerRestarts('replaced'),
  [OwnCounter.WORKER_HUNG]: workerRestarts('hung'),
  [OwnCounter.WORKER_FAILED]: workerRestarts('failed'),
  [OwnCounter.WORKER_SIGNAL]: workerRestarts('signal'),
  [OwnCounter.WORKER_EXIT]: workerRestarts('exit'),
  [OwnCounter.KEEPER_REPLACED]: keeperRestarts('replaced'),
  [OwnCounter.KEEPER_HUNG]: keeperRestarts('hung'),
  [OwnCounter.KEEPER_FAILED]: keeperRestarts('failed'),
  [OwnCounter.KEEPER_SIGNAL]: keeperRestarts('signal'),
  [OwnCounter.KEEPER_EXIT]: keeperRestarts('exit'),
  [OwnCounter.SCALED_UP]: scalings('up'),
  [OwnCounter.SCALED_DOWN]: scalings('down'),
  [OwnCounter.RELOADS_DONE]: reloads('done'),
  [OwnCounter.RELOADS_FAILED]: reloads('failed'),
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
