/** A lock that is the kernel's (flock(2)): it goes with the last process that has the file open, however that one ends. */

import koffi from 'koffi'

const LOCK_EX = 2
const LOCK_NB = 4

let flock: ((fd: number, operation: number) => number) | undefined

/** Whether the open file is locked now, and nobody else has it. */
export function tryLock(fd: number): boolean {
  flock ??= koffi.load(null).func('int flock(int, int)') as (fd: number, operation: number) => number
  return flock(fd, LOCK_EX | LOCK_NB) === 0
}
