/** The calls into libc that upstream sockets need, and an epoll set to hear from many of them at once. Linux, x64 and arm64. */

import { getSystemErrorMap } from 'node:util'
import { Slots } from './batched-udp-slots.ts'
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  loadLibc,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from './libc.ts'

type Octets = Uint8Array

export interface SocketCalls {
  /** A new non-blocking UDP socket; -1 when there is none to be had. */
  open(family: 4 | 6): number
  bind(fd: number, name: Octets): number
  connect(fd: number, name: Octets): number
  /** Makes the octets from `from` to `to` of `source` the message number `slot`, up to MESSAGES, of the next send(). */
  put(slot: number, source: Octets, from: number, to: number): void
  /** Sends the messages from slot `from` to slot `to`; how many were, or -1, when error() tells why the first was not. */
  send(fd: number, from: number, to: number): number
  /** Receives up to `count` messages, MESSAGES at most; how many there were, or -1 for none or an error. */
  receive(fd: number, count: number): number
  /** What was received into `slot`: good until the next receive(). */
  packet(slot: number): Octets
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

/** Messages in one call. */
export const MESSAGES = 32

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
  const one = Int32Array.of(1)

  const outgoing = new Slots(libc, MESSAGES)
  const incoming = new Slots(libc, MESSAGES)

  const receive = (fd: number, count: number): number => {
    incoming.makeReceivable(count)
    return libc.recvmmsg(fd, incoming.addresses[0], count, MSG_DONTWAIT, null)
  }

  const open = (family: 4 | 6): number => {
    const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd >= 0 && family === 6) libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4)
    return fd
  }

  const watcher = (ready: (tag: number) => void): Watcher => {
    const epoll = libc.epoll_create1(EPOLL_CLOEXEC)
    if (epoll < 0) throw new Error('epoll_create1 failed')
    const events = new Uint8Array(EVENTS * EVENT_OCTETS)
    const view = new DataView(events.buffer)
    const control = new Uint8Array(EVENT_OCTETS)
    const controlView = new DataView(control.buffer)
    const watch = libc.watch(epoll, () => {
      for (let round = 0; round < ROUNDS; round++) {
        const count = libc.epoll_wait(epoll, events, EVENTS, 0)
        for (let i = 0; i < count; i++) ready(view.getUint32(i * EVENT_OCTETS + TAG_AT, true))
        if (count < EVENTS) return // what is left rings again
      }
    })
    watch.unref() // while anything is waited for, its time-out keeps the process
    return {
      add: (fd, tag) => {
        controlView.setUint32(0, EPOLLIN, true)
        controlView.setUint32(TAG_AT, tag, true)
        return libc.epoll_ctl(epoll, EPOLL_CTL_ADD, fd, control) === 0
      },
      close: () => {
        watch.close()
        libc.close(epoll)
      },
    }
  }

  return {
    open,
    bind: (fd, name) => libc.bind(fd, name, name.length),
    connect: (fd, name) => libc.connect(fd, name, name.length),
    put: (slot, source, from, to) => outgoing.write(slot, source, from, to),
    send: (fd, from, to) => libc.sendmmsg(fd, outgoing.addresses[from], to - from, MSG_DONTWAIT),
    receive,
    packet: (slot) => incoming.packet(slot),
    close: (fd) => void libc.close(fd),
    error: () => getSystemErrorMap().get(-libc.errno())?.[0] ?? 'UNKNOWN',
    watcher,
  }
}
