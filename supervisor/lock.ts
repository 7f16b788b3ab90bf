/** Keeps a second service out of a run folder. The lock is the kernel's (flock on `supervisor.pid`): it goes with the
 *  process that holds it, however that one ends, so nothing stale can ever be in the way. */

import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { BowlineError } from '../src/config/error.ts'
import { tryLock } from '../src/io/file-lock.ts'

export interface RunLock {
  /** The locked file, open. Whoever is given it holds the lock, too. */
  readonly fd: number
  release(): void
}

/** Makes the run folder if it is missing, and locks it. Throws a BowlineError that says who holds it, or why there can
 *  be no such folder. */
export function lockRunFolder(rundir: string): RunLock {
  const path = join(rundir, 'supervisor.pid')
  for (;;) {
    const fd = openIn(rundir, path)
    if (!tryLock(fd)) {
      const holder = readFileSync(path, 'latin1').trim()
      closeSync(fd)
      throw new BowlineError(
        'running',
        `rundir: ${rundir} is in use by a running bowline${holder === '' ? '' : ` (process ${holder})`}; ` +
          'stop that one first, or give this one a rundir of its own',
      )
    }
    // whoever had it before may have removed the file between our opening and locking it
    if (!isSameFile(fd, path)) {
      closeSync(fd)
      continue
    }
    return holdLock(rundir, fd)
  }
}

/** Goes on with a lock that somebody else has handed to us, as an open file. `sign`: it is ours alone from now on. */
export function holdLock(rundir: string, fd: number, sign = true): RunLock {
  const path = join(rundir, 'supervisor.pid')
  if (sign) {
    ftruncateSync(fd)
    writeSync(fd, `${process.pid}\n`, 0)
  }
  return {
    fd,
    release() {
      if (isSigned(path)) unlinkSync(path)
      closeSync(fd)
    },
  }
}

function openIn(rundir: string, path: string): number {
  try {
    mkdirSync(rundir, { recursive: true, mode: 0o755 })
    return openSync(path, 'a+', 0o644)
  } catch (error) {
    throw new BowlineError(
      'rundir',
      `rundir: ${rundir} cannot be used (${(error as Error).message}); make it writable for this user, or name another folder`,
      { cause: error },
    )
  }
}

function isSameFile(fd: number, path: string): boolean {
  const ours = fstatSync(fd)
  const named = statSync(path, { throwIfNoEntry: false })
  return named !== undefined && named.ino === ours.ino && named.dev === ours.dev
}

/** Whether our id stands there; a successor writes its own. */
function isSigned(path: string): boolean {
  try {
    return readFileSync(path, 'latin1').trim() === `${process.pid}`
  } catch {
    return false
  }
}
