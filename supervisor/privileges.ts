/** Gives root's rights up but for one: to use ports under 1024. All processes of the service then run as one user, as they
 *  must to share ports (SO_REUSEPORT), and workers that are started later may still bind (capabilities(7), "ambient"). */

import { BowlineError } from '../src/config/error.ts'
import { type Libc, loadLibc } from '../src/io/libc.ts'
import { chownFolder } from './folders.ts'

const PR_SET_KEEPCAPS = 8
const PR_SET_NO_NEW_PRIVS = 38
const PR_CAP_AMBIENT = 47
const PR_CAP_AMBIENT_RAISE = 2
/** getrlimit(2): 30 stands for a priority of -10, the most that processes of the user may take (priority.ts). */
const RLIMIT_NICE = 13
const FIRST_PRIORITY = 30n
const CAP_NET_BIND_SERVICE = 10
/** linux/capability.h: _LINUX_CAPABILITY_VERSION_3 */
const CAPABILITY_VERSION = 0x2008_0522

/** Becomes `user`, whose the `folders` are made. Does nothing unless root runs us. Throws a BowlineError 'user'. */
export function becomeUser(user: string, folders: readonly string[]): void {
  if (process.getuid?.() !== 0) return
  const refuse = (reason: string) =>
    new BowlineError('user', `user: ${user} ${reason}; name a user of this machine, or leave the setting out`)
  const ids = chownFolder(user, folders)
  if (ids === undefined) throw refuse('is not known here')
  if (ids.uid === 0) return
  const libc = loadLibc()
  try {
    if (typeof libc !== 'string') {
      libc.setrlimit(RLIMIT_NICE, BigUint64Array.of(FIRST_PRIORITY, FIRST_PRIORITY))
      libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    }
    process.setgroups?.([ids.gid])
    process.setgid?.(ids.gid)
    process.setuid?.(ids.uid)
  } catch (error) {
    throw refuse(`cannot be taken on (${(error as Error).message})`)
  }
  if (typeof libc !== 'string') keepPorts(libc)
}

/** The right is this thread's, and what it starts inherits it. */
function keepPorts({ capset, prctl }: Libc): void {
  const bit = 1 << CAP_NET_BIND_SERVICE
  const header = Uint32Array.of(CAPABILITY_VERSION, 0)
  const sets = Uint32Array.of(bit, bit, bit, 0, 0, 0) // effective, permitted, inheritable; then their upper halves
  if (capset(header, sets) !== 0) return // then ports from 1024 on it is
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0)
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}
