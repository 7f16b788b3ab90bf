/** The calls into libc that upstream sockets need, and an epoll set to hear from many of them at once. Linux, x64 and arm64. */

import { createRequire } from 'node:module'
import type Koffi from 'koffi'
import { loadLibc } from './libc.ts'

type Octets = Uint8Array

export interface SocketCalls {
  /** A new non-blocking UDP socket; -1 when there is none to be had. */
  open(family: 4 | 6): number
  bind(fd: number, name: Octets): number
  connect(fd: number, name: Octets): number
  send(fd: number, packet: Octets): number
  /** Octets received into `target`; -1 for none or an error, which error() names. */
  receive(fd: number, target: Octets): number
  close(fd: number): void
  /** The code of the last call's error: `EAGAIN`, `ECONNREFUSED` … */
  error(): string
  /** Calls `ready` with the tag of each watched socket that has something to read. */
  watcher(ready: (tag: number) => void): Watcher
}

export interface Watcher {
  add(fd: number, tag: number): boolean
  close(): void
}

const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const EPOLL_CTL_ADD = 1
const EPOLLIN = 1
const EPOLL_CLOEXEC = 0x80000

/** Events taken in one call, and calls in one turn of the event loop: clients have to get their turn too. */
const EVENTS = 128
const ROUNDS = 4
/** struct epoll_event is packed on x64 only. */
const EVENT_OCTETS = process.arch === 'x64' ? 12 : 16
const TAG_AT = EVENT_OCTETS - 8

let loaded: SocketCalls | string | undefined

/** The calls, or the reason why they cannot be had here. */
export function loadSocketCalls(): SocketCalls | string {
  loaded ??= tryToLoad()
  return loaded
}

function tryToLoad(): SocketCalls | string {
  const libc = loadLibc()
  if (typeof libc === 'string') return libc
  const koffi: typeof Koffi = createRequire(import.meta.url)('koffi')
  const own = koffi.load(null)
  const socket = own.func('int socket(int, int, int)')
  const setsockopt = own.func('int setsockopt(int, int, int, void *, unsigned int)')
  const bind = own.func('int bind(int, void *, unsigned int)')
  const connect = own.func('int connect(int, void *, unsigned int)')
  const send = own.func('long send(int, void *, size_t, int)')
  const recv = own.func('long recv(int, void *, size_t, int)')
  const close = own.func('int close(int)')
  const epollCreate = own.func('int epoll_create1(int)')
  const epollControl = own.func('int epoll_ctl(int, int, int, void *)')
  const epollWait = own.func('int epoll_wait(int, void *, int, int)')
  const codes = new Map(Object.entries(koffi.os.errno).map(([code, value]) => [value, code]))
  const one = Int32Array.of(1)

  const open = (family: 4 | 6): number => {
    const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd >= 0 && family === 6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4)
    return fd
  }

  const watcher = (ready: (tag: number) => void): Watcher => {
    const epoll = epollCreate(EPOLL_CLOEXEC)
    if (epoll < 0) throw new Error('epoll_create1 failed')
    const events = new Uint8Array(EVENTS * EVENT_OCTETS)
    const view = new DataView(events.buffer)
    const control = new Uint8Array(EVENT_OCTETS)
    const controlView = new DataView(control.buffer)
    const watch = libc.watch(epoll, () => {
      for (let round = 0; round < ROUNDS; round++) {
        const count = epollWait(epoll, events, EVENTS, 0)
        for (let i = 0; i < count; i++) ready(view.getUint32(i * EVENT_OCTETS + TAG_AT, true))
        if (count < EVENTS) return // what is left rings again
      }
    })
    watch.unref() // while anything is waited for, its time-out keeps the process
    return {
      add: (fd, tag) => {
        controlView.setUint32(0, EPOLLIN, true)
        controlView.setUint32(TAG_AT, tag, true)
        return epollControl(epoll, EPOLL_CTL_ADD, fd, control) === 0
      },
      close: () => {
        watch.close()
        close(epoll)
      },
    }
  }

  return {
    open,
    bind: (fd, name) => bind(fd, name, name.length),
    connect: (fd, name) => connect(fd, name, name.length),
    send: (fd, packet) => Number(send(fd, packet, packet.length, 0)),
    receive: (fd, target) => Number(recv(fd, target, target.length, 0)),
    close: (fd) => void close(fd),
    error: () => codes.get(koffi.errno()) ?? 'UNKNOWN',
    watcher,
  }
}
