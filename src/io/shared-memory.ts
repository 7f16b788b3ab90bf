/** Memory that several processes share: a file, mapped into each of them. What one writes there, the others read at once,
 *  and nobody waits for anybody. It outlives the processes. */

import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants
const PROT_READ = 1
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_FAILED = 0xffff_ffff_ffff_ffffn

/** The first `octets` of the file, which is made, or made as long, if need be; new octets are 0. On a tmpfs nothing of it
 *  is ever written to a disk. undefined where a file cannot be mapped. It stays mapped until the process ends. */
export function mapFile(path: string, octets: number): ArrayBuffer | undefined {
  return map(path, O_RDWR | O_CREAT, PROT_READ_WRITE, (fd) => {
    // beyond the end of a file its memory cannot be touched: the process would be killed (SIGBUS)
    if (fstatSync(fd).size < octets) ftruncateSync(fd, octets)
    return octets
  })
}

/** All of a file that is there, to be read only: who writes there is killed (SIGSEGV). undefined as above, or where there is
 *  none. */
export function mapWholeFile(path: string): ArrayBuffer | undefined {
  return map(path, O_RDONLY, PROT_READ, (fd) => fstatSync(fd).size)
}

function map(
  path: string,
  flags: number,
  protection: number,
  lengthOf: (fd: number) => number,
): ArrayBuffer | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const koffi: typeof Koffi = createRequire(import.meta.url)('koffi')
    const fd = openSync(path, flags | O_NOFOLLOW, 0o600)
    try {
      const octets = lengthOf(fd)
      const mmap = koffi.load(null as unknown as string).func('void *mmap(void *, unsigned long, int, int, int, long)')
      const address = mmap(null, octets, protection, MAP_SHARED, fd, 0)
      return address === MAP_FAILED ? undefined : koffi.view(address, octets)
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}
