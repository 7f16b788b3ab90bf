/** The calls into libc that dgram has no words for, and the memory handed over in them. Whoever asks for libc must be
 *  ready to do without: loadLibc() tells why it is not to be had.
 *
 *  Koffi knows only an address of what it is given, and so does the kernel. Memory whose address is kept anywhere must
 *  stay reachable from JavaScript as long, or it is collected and the kernel writes into what took its place. That is
 *  what KernelMemory is for: hold on to it, not to its address. */

import { createRequire } from 'node:module'
import { getSystemErrorMap } from 'node:util'
import type * as Koffi from 'koffi'

// Linux, and the same on x64 and arm64
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
export const MSG_DONTWAIT = 0x40

/** A function of libc. Pointers are addresses (bigint), typed arrays that live through the call, or null. */
type Call<Arguments extends unknown[]> = (...values: Arguments) => number
type Pointer = bigint | ArrayBufferView | null

export interface Libc {
  socket: Call<[domain: number, type: number, protocol: number]>
  setsockopt: Call<[fd: number, level: number, option: number, value: Pointer, octets: number]>
  bind: Call<[fd: number, name: Pointer, octets: number]>
  connect: Call<[fd: number, name: Pointer, octets: number]>
  getsockopt: Call<[fd: number, level: number, option: number, value: Pointer, octets: Pointer]>
  getsockname: Call<[fd: number, name: Pointer, octets: Pointer]>
  listen: Call<[fd: number, backlog: number]>
  sendto: Call<[fd: number, octets: Pointer, length: number, flags: number, name: Pointer, nameOctets: number]>
  recvmmsg: Call<[fd: number, headers: Pointer, count: number, flags: number, timeout: Pointer]>
  sendmmsg: Call<[fd: number, headers: Pointer, count: number, flags: number]>
  epoll_create1: Call<[flags: number]>
  epoll_ctl: Call<[epoll: number, operation: number, fd: number, event: Pointer]>
  epoll_wait: Call<[epoll: number, events: Pointer, count: number, timeoutMs: number]>
  close: Call<[fd: number]>
  prctl: Call<[option: number, a: number, b: number, c: number, d: number]>
  setrlimit: Call<[resource: number, limits: Pointer]>
  capset: Call<[header: Pointer, sets: Pointer]>
  sched_setaffinity: Call<[thread: number, octets: number, cpus: Pointer]>
  /** Why the call just made returned -1. */
  errno(): number
  addressOf(memory: ArrayBuffer): bigint
  /** Calls `readable` in each turn of the event loop that finds something to read at `fd`, and never from within another
   *  call. The watch ends with close(), which must come before that of `fd`. */
  watch(fd: number, readable: () => void): Watch
}

export interface Watch {
  close(): void
  /** Lets the process end although this is open. */
  unref(): void
}

let loaded: Libc | string | undefined

/** libc, or the reason why it cannot be called here. */
export function loadLibc(): Libc | string {
  loaded ??= tryToLoad()
  return loaded
}

function tryToLoad(): Libc | string {
  const { platform, arch } = process
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) return `no libc we know on ${platform} ${arch}`
  try {
    const koffi: typeof Koffi = createRequire(import.meta.url)('koffi')
    if (typeof koffi.node?.poll !== 'function') return `koffi ${koffi.version} cannot watch sockets`
    return declare(koffi)
  } catch (error) {
    return `koffi: ${(error as Error).message}`
  }
}

function declare(koffi: typeof Koffi): Libc {
  const libc = koffi.load(null) // what is in this process already, be it glibc or musl
  return {
    socket: libc.func('int socket(int, int, int)'),
    setsockopt: libc.func('int setsockopt(int, int, int, void *, unsigned int)'),
    bind: libc.func('int bind(int, void *, unsigned int)'),
    connect: libc.func('int connect(int, void *, unsigned int)'),
    getsockopt: libc.func('int getsockopt(int, int, int, void *, void *)'),
    getsockname: libc.func('int getsockname(int, void *, void *)'),
    listen: libc.func('int listen(int, int)'),
    sendto: libc.func('long sendto(int, void *, unsigned long, int, void *, unsigned int)'),
    recvmmsg: libc.func('int recvmmsg(int, void *, unsigned int, int, void *)'),
    sendmmsg: libc.func('int sendmmsg(int, void *, unsigned int, int)'),
    epoll_create1: libc.func('int epoll_create1(int)'),
    epoll_ctl: libc.func('int epoll_ctl(int, int, int, void *)'),
    epoll_wait: libc.func('int epoll_wait(int, void *, int, int)'),
    close: libc.func('int close(int)'),
    prctl: libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)'),
    setrlimit: libc.func('int setrlimit(int, void *)'),
    capset: libc.func('int capset(void *, void *)'),
    sched_setaffinity: libc.func('int sched_setaffinity(int, unsigned long, void *)'),
    errno: () => koffi.errno(),
    addressOf: (memory) => koffi.address(memory),
    watch: (fd, readable) => new PollWatch(koffi, fd, readable),
  }
}

/** libuv's own poll handle. Its callback runs outside of Node's bookkeeping: what it throws is lost, and promises and
 *  process.nextTick() it sets off wait for the next event, whenever that is. So all it does is to set an immediate, which
 *  runs in the same turn of the loop, once the other sockets have been read. */
class PollWatch implements Watch {
  readonly #handle: Koffi.node.PollHandle
  readonly #readable: () => void
  #set = false
  #stopped = false
  #closed = false

  constructor(koffi: typeof Koffi, fd: number, readable: () => void) {
    this.#readable = readable
    this.#handle = koffi.node.poll(fd, { readable: true }, this.#event as () => void)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handle.close()
  }

  unref(): void {
    this.#handle.unref()
  }

  readonly #event = (status: number): void => {
    if (status < 0) this.#stopped = true // libuv gives up on a socket with an error, which reading takes away
    if (this.#set) return
    this.#set = true
    setImmediate(this.#run)
  }

  readonly #run = (): void => {
    this.#set = false
    if (this.#closed) return
    this.#readable()
    if (!this.#stopped || this.#closed) return
    this.#stopped = false
    this.#handle.start({ readable: true }, this.#event as () => void)
  }
}

/** Octets at an address that does not change. */
export class KernelMemory {
  readonly octets: Uint8Array
  readonly words: Uint32Array
  readonly view: DataView
  readonly address: bigint

  /** Zeroed; pages that are never touched cost nothing. `octets`: a multiple of 4. */
  constructor(libc: Libc, octets: number) {
    const memory = new ArrayBuffer(octets)
    this.octets = new Uint8Array(memory)
    this.words = new Uint32Array(memory)
    this.view = new DataView(memory)
    this.address = libc.addressOf(memory)
  }

  /** Writes the address of the octet `at` of `target` into this memory: a C pointer to it. */
  point(offset: number, target: KernelMemory, at: number): void {
    this.view.setBigUint64(offset, target.address + BigInt(at), true)
  }
}

/** `result`, or an Error like those of Node's own calls, with `code` and `syscall`. */
export function check(libc: Libc, syscall: string, result: number): number {
  if (result >= 0) return result
  const errno = -libc.errno()
  const [code, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'unknown error']
  throw Object.assign(new Error(`${syscall} ${code}: ${text}`), { errno, code, syscall })
}
