/** Open connections go from a worker that leaves to one that stays, so that their clients notice nothing: the open file
 *  itself travels over a unix socket (SCM_RIGHTS, unix(7)), and with it what the client has sent of a message so far.
 *  Where libc cannot be called there are no heirs, and connections are closed as soon as nothing is due on them.
 *
 *  Memory the kernel reads and writes, one message at a time:
 *    | mmsghdr 64 | iovec 16 | sockaddr_un 112 | control 24 | what was received so far 65,536 + 2 | */

import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import {
  AF_UNIX,
  KernelMemory,
  type Libc,
  loadLibc,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../src/io/libc.ts'

const SCM_RIGHTS = 1
const MSG_CMSG_CLOEXEC = 0x4000_0000
const EAGAIN = 11
const ENOBUFS = 105

/** Connections taken over in one turn of the event loop: clients over UDP wait meanwhile. */
const TAKEN_A_TURN = 2

const IOVEC = 64
const NAME = 80
const NAME_ROOM = 112
const CONTROL = 192
const CONTROL_ROOM = 24
const DATA = 216
const DATA_ROOM = 65_536 + 4

/** A worker's end that takes connections over. */
export class Inheritance {
  readonly #libc: Libc
  readonly #fd: number
  readonly #path: string
  readonly #message: Message
  readonly #watch: { close(): void }

  private constructor(libc: Libc, path: string, take: (fd: number, received: Buffer) => void) {
    this.#libc = libc
    this.#path = path
    this.#message = new Message(libc)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    rmSync(path, { force: true })
    this.#fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    if (libc.bind(this.#fd, this.#message.address + BigInt(NAME), this.#message.writeName(path)) < 0) {
      libc.close(this.#fd)
      throw new Error(`bind: errno ${libc.errno()}`)
    }
    chmodSync(path, 0o600)
    this.#watch = libc.watch(this.#fd, () => {
      for (let i = 0; i < TAKEN_A_TURN; i++) {
        const got = this.#message.receive(this.#fd)
        if (got === undefined) return
        take(got.fd, got.received)
      }
    })
  }

  /** undefined where it cannot be had. */
  static open(path: string, take: (fd: number, received: Buffer) => void): Inheritance | undefined {
    const libc = loadLibc()
    if (typeof libc === 'string') return undefined
    try {
      return new Inheritance(libc, path, take)
    } catch {
      return undefined
    }
  }

  close(): void {
    this.#watch.close()
    this.#libc.close(this.#fd)
    rmSync(this.#path, { force: true })
  }
}

/** Those to whom a leaving worker gives its connections, in turn. */
export class Heirs {
  readonly #libc: Libc
  readonly #fd: number
  readonly #message: Message
  #paths: string[]

  private constructor(libc: Libc, paths: readonly string[]) {
    this.#libc = libc
    this.#paths = [...paths]
    this.#message = new Message(libc)
    this.#fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  }

  /** undefined when there are none. */
  static of(paths: readonly string[]): Heirs | undefined {
    const libc = loadLibc()
    return typeof libc === 'string' || paths.length === 0 ? undefined : new Heirs(libc, paths)
  }

  /** `given`: the connection is another's, and `socket` must be closed here, without a word to the client. `later`: ask
   *  again soon. `refused`: nobody takes it. Of `socket` nothing more may be read or written in between. */
  give(socket: Socket, received: Uint8Array): 'given' | 'later' | 'refused' {
    const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd
    if (fd === undefined || fd < 0) return 'refused'
    for (let path = this.#paths.shift(); path !== undefined; path = this.#paths.shift()) {
      const errno = this.#message.send(this.#fd, path, fd, received)
      if (errno === 0 || errno === EAGAIN || errno === ENOBUFS) {
        this.#paths.push(path)
        return errno === 0 ? 'given' : 'later'
      }
    }
    return 'refused'
  }

  close(): void {
    this.#libc.close(this.#fd)
  }
}

class Message {
  readonly #libc: Libc
  readonly #memory: KernelMemory

  constructor(libc: Libc) {
    this.#libc = libc
    this.#memory = new KernelMemory(libc, DATA + DATA_ROOM)
  }

  get address(): bigint {
    return this.#memory.address
  }

  /** struct sockaddr_un; gives its octets. */
  writeName(path: string): number {
    const { octets, view } = this.#memory
    const text = Buffer.from(path)
    octets.fill(0, NAME, NAME + NAME_ROOM)
    view.setUint16(NAME, AF_UNIX, true)
    octets.set(text, NAME + 2)
    return 2 + text.length + 1
  }

  /** 0, or the reason of the failure. */
  send(from: number, path: string, fd: number, received: Uint8Array): number {
    const { octets, view } = this.#memory
    octets.set(received, DATA + 1)
    octets[DATA] = 0 // an empty message would carry nothing
    this.#writeHeader(this.writeName(path), 1 + received.length)
    view.setBigUint64(CONTROL, 20n, true) // struct cmsghdr, then the file
    view.setInt32(CONTROL + 8, SOL_SOCKET, true)
    view.setInt32(CONTROL + 12, SCM_RIGHTS, true)
    view.setInt32(CONTROL + 16, fd, true)
    return this.#libc.sendmmsg(from, this.address, 1, MSG_DONTWAIT) === 1 ? 0 : this.#libc.errno()
  }

  receive(at: number): { fd: number; received: Buffer } | undefined {
    const { octets, view } = this.#memory
    this.#writeHeader(0, DATA_ROOM)
    if (this.#libc.recvmmsg(at, this.address, 1, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, null) !== 1) return undefined
    const length = view.getUint32(56, true)
    if (view.getBigUint64(40, true) < 20n || view.getInt32(CONTROL + 12, true) !== SCM_RIGHTS) return undefined
    return { fd: view.getInt32(CONTROL + 16, true), received: Buffer.from(octets.subarray(DATA + 1, DATA + length)) }
  }

  #writeHeader(nameOctets: number, dataOctets: number): void {
    const { octets, view } = this.#memory
    octets.fill(0, 0, IOVEC)
    octets.fill(0, CONTROL, CONTROL + CONTROL_ROOM)
    if (nameOctets > 0) view.setBigUint64(0, this.address + BigInt(NAME), true)
    view.setUint32(8, nameOctets, true)
    view.setBigUint64(16, this.address + BigInt(IOVEC), true)
    view.setBigUint64(24, 1n, true)
    view.setBigUint64(32, this.address + BigInt(CONTROL), true)
    view.setBigUint64(40, BigInt(CONTROL_ROOM), true)
    view.setBigUint64(IOVEC, this.address + BigInt(DATA), true)
    view.setBigUint64(IOVEC + 8, BigInt(dataOctets), true)
  }
}
