/** Keeps a second keeper out of a cache folder: the file has one writer, or it breaks. The lock is the kernel's (flock),
 *  so it goes with the process that holds it, however that one ends. */

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { BowlineError } from '../src/config/error.ts'
import { tryLock } from '../src/io/file-lock.ts'

const LOOK_MS = 50

/** Locks the folder until this process ends. A keeper that is just ending is waited for; if it is not, this throws a
 *  BowlineError 'cache-in-use'. */
export async function lockStorage(storage: string, waitMs: number): Promise<void> {
  const path = join(storage, 'keeper.lock')
  mkdirSync(storage, { recursive: true })
  const fd = openSync(path, 'a+', 0o644)
  for (let waitedMs = 0; !tryLock(fd); waitedMs += LOOK_MS) {
    if (waitedMs === LOOK_MS) askToYield(path)
    if (waitedMs >= waitMs) {
      closeSync(fd)
      throw new BowlineError(
        'cache-in-use',
        `cache/storage: ${storage} is in use by another service${holderText(holderOf(path))}; ` +
          'stop that one first, or give this one a folder of its own',
      )
    }
    await pause(LOOK_MS)
  }
  ftruncateSync(fd)
  writeSync(fd, `${process.pid} ${process.ppid}\n`, 0)
}

/** What the one who holds the lock has written into it: its process, and the supervisor that started it. */
function holderOf(path: string): { keeper: number; supervisor: number } {
  const [keeper = 0, supervisor = 0] = readFileSync(path, 'latin1').split(/\s+/).map(Number)
  return { keeper, supervisor }
}

function holderText({ keeper, supervisor }: ReturnType<typeof holderOf>): string {
  if (supervisor > 1) return ` (process ${supervisor}, with the keeper ${keeper})`
  return keeper > 1 ? ` (process ${keeper})` : ''
}

/** A keeper that has lost its supervisor waits for its last workers, and ends at once when asked; any other one does not
 *  mind. */
function askToYield(path: string): void {
  const { keeper } = holderOf(path)
  try {
    if (keeper > 1) process.kill(keeper, 'SIGUSR2')
  } catch {
    // gone, or of another user
  }
}
