/** The few calls of Linux's libc that Node does not offer. */

import koffi from 'koffi'

/** Linux, where its ABI is that of x64 and arm64. */
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_NONBLOCK = 0x800
export const SOCK_CLOEXEC = 0x8_0000
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_REUSEPORT = 15
export const SO_PEERCRED = 17
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26

/** Whether this machine's libc is one we know how to call. */
export function hasLibc(): boolean {
  return process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')
}

type Libc = ReturnType<typeof load>
let loaded: Libc | undefined

export function libc(): Libc {
  loaded ??= load()
  return loaded
}

/** The result of a call, which may not be negative; throws an Error with the system's `code` otherwise. */
export function check(result: number, syscall: string): number {
  if (result >= 0) return result
  const errno = koffi.errno()
  const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
  throw Object.assign(new Error(`${syscall}: ${code}`), { code, syscall })
}

function load() {
  const library = koffi.load(null as unknown as string) // what is loaded already, whichever libc it is
  return {
    socket: library.func('int socket(int, int, int)'),
    setsockopt: library.func('int setsockopt(int, int, int, void *, unsigned int)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    bind: library.func('int bind(int, void *, unsigned int)'),
    listen: library.func('int listen(int, int)'),
    sendto: library.func('long sendto(int, void *, unsigned long, int, void *, unsigned int)'),
    close: library.func('int close(int)'),
    flock: library.func('int flock(int, int)'),
    prctl: library.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)'),
    setrlimit: library.func('int setrlimit(int, void *)'),
    capset: library.func('int capset(void *, void *)'),
  }
}
