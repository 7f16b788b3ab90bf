/** Takes what comes for addresses of ours that no interface names, and answers from them: all of 127.0.0.0/8, ranges the
 *  routing table calls local (anycast), an address that was added a moment ago. One wildcard socket through libc, which
 *  unlike dgram tells the asked address and lets us answer from it (IP_PKTINFO; RFC 3542 §6 for IPv6). The kernel
 *  prefers the sockets of udp-wildcard.ts, which are bound to one address each, so only the rest arrives here.
 *
 *  Memory the kernel reads and writes is allocated outside of JavaScript's and never moves:
 *    header  | msghdr 56 | iovec 16 | sockaddr 28, padded | control 64 |      one message, in or out
 *    packet  65,535 octets
 *    polled  | pollfd of the socket | pollfd of the wake-up |
 *  A thread of Node's pool waits in poll(2); when something has come, this thread reads until nothing is left. */

import koffi from 'koffi'
import { Counter, type Counters } from '../src/metrics/counters.ts'
import { addressOctets, familyOf, type ListenPoint } from './addresses.ts'
import type { Client, Service } from './serve.ts'

/** Linux, where its ABI is that of x64 and arm64. */
const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000
const EFD_CLOEXEC = 0x80000
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IPV6_RECVPKTINFO = 49
const IPV6_PKTINFO = 50
const MSG_DONTWAIT = 0x40
const POLLIN = 1

const RECEIVE_BUFFER_OCTETS = 1024 * 1024
const DISCARD_PORT = 9
const MAX_PACKET = 65_535
/** Packets read before other work gets its turn. */
const BATCH = 64
/** After an error of poll(2) itself, which should not be. */
const RETRY_MS = 1000

// places in `header`
const IOVEC = 56
const NAME = 72
const CONTROL = 104
const CONTROL_ROOM = 64
const HEADER_OCTETS = CONTROL + CONTROL_ROOM
/** struct cmsghdr: length, level, type; then data. */
const CMSG_HEADER = 16

type Libc = ReturnType<typeof loadLibc>
let loaded: Libc | undefined

/** Whether this machine's libc is one we know how to call. */
export function canCatchAll(): boolean {
  return process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')
}

export class UdpCatchAll {
  readonly #libc: Libc
  readonly #family: 4 | 6
  readonly #fd: number
  readonly #wakeFd: number
  readonly #service: Service
  readonly #counters: Counters
  readonly #header = new NativeMemory(HEADER_OCTETS)
  readonly #packet = new NativeMemory(MAX_PACKET)
  readonly #polled = new NativeMemory(16)
  readonly #wakeAtExit = () => this.#wake()
  #closed = false

  /** Binds `point`, a wildcard. Throws an Error whose `code` is that of the system, as dgram's would be. */
  constructor(point: ListenPoint, service: Service, counters: Counters) {
    loaded ??= loadLibc()
    this.#libc = loaded
    this.#family = familyOf(point.address)
    this.#service = service
    this.#counters = counters
    this.#fd = this.#bind(point.port)
    this.#wakeFd = this.#libc.eventfd(0, EFD_CLOEXEC)
    process.on('exit', this.#wakeAtExit) // the process would wait for the waiting thread
    this.#wait()
  }

  /** New packets go to other workers; what has arrived is still answered. See UdpListener.leave(). */
  leave(): void {
    const loopback = this.#family === 4 ? '127.0.0.1' : '::1'
    const octets = this.#writeName(addressOctets(loopback)!, DISCARD_PORT, 0)
    this.#libc.connect(this.#fd, this.#header.address + BigInt(NAME), octets)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#wake()
  }

  #bind(port: number): number {
    const libc = this.#libc
    const [domain, level] = this.#family === 4 ? [AF_INET, IPPROTO_IP] : [AF_INET6, IPPROTO_IPV6]
    const fd = check(libc.socket(domain, SOCK_DGRAM_CLOEXEC, 0), 'socket')
    const set = (at: number, option: number, value: number) =>
      libc.setsockopt(fd, at, option, Int32Array.of(value), Int32Array.BYTES_PER_ELEMENT)
    try {
      check(set(SOL_SOCKET, SO_REUSEPORT, 1), 'setsockopt')
      check(set(level, this.#family === 4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1), 'setsockopt')
      if (this.#family === 6) check(set(level, IPV6_V6ONLY, 1), 'setsockopt')
      set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_OCTETS) // only a wish
      const octets = this.#writeName(new Uint8Array(this.#family === 4 ? 4 : 16), port, 0)
      check(libc.bind(fd, this.#header.address + BigInt(NAME), octets), 'bind')
      return fd
    } catch (error) {
      libc.close(fd)
      throw error
    }
  }

  #wait(): void {
    const { view } = this.#polled
    view.setInt32(0, this.#fd, true)
    view.setInt16(4, POLLIN, true)
    view.setInt32(8, this.#wakeFd, true)
    view.setInt16(12, POLLIN, true)
    this.#libc.poll.async(this.#polled.address, 2, -1, (_error: unknown, ready: number) => {
      if (this.#closed) this.#release()
      else if (ready < 0) setTimeout(() => this.#wait(), RETRY_MS).unref()
      else {
        this.#receive()
        if (this.#closed) this.#release()
        else this.#wait()
      }
    })
  }

  #wake(): void {
    this.#libc.write(this.#wakeFd, BigUint64Array.of(1n), 8)
  }

  #release(): void {
    process.off('exit', this.#wakeAtExit)
    this.#libc.close(this.#fd)
    this.#libc.close(this.#wakeFd)
    for (const memory of [this.#header, this.#packet, this.#polled]) memory.free()
  }

  #receive(): void {
    for (let count = 0; count < BATCH && !this.#closed; count++) {
      this.#prepare(MAX_PACKET, CONTROL_ROOM)
      const octets = Number(this.#libc.recvmsg(this.#fd, this.#header.address, MSG_DONTWAIT))
      if (octets < 0) return // nothing more, or news of ICMP that concern one packet
      this.#counters.add(Counter.UDP_PACKETS)
      const sender = this.#readName()
      const asked = this.#readAsked()
      if (sender.port === 0 || asked === undefined) {
        this.#counters.add(Counter.DROPPED_PORT_ZERO)
        continue
      }
      const client: Client = { overUdp: true, address: sender.address, port: sender.port }
      this.#service.serve(this.#packet.octets.slice(0, octets), client, (response) => {
        if (response !== undefined && !this.#closed) this.#send(response, sender, asked)
      })
    }
  }

  #send(response: Uint8Array, to: Sender, asked: Asked): void {
    this.#packet.octets.set(response)
    this.#writeName(to.address, to.port, to.zone)
    this.#prepare(response.length, this.#writeAsked(asked))
    const sent = Number(this.#libc.sendmsg(this.#fd, this.#header.address, MSG_DONTWAIT))
    this.#counters.add(sent < 0 ? Counter.UDP_SEND_ERRORS : Counter.UDP_ANSWERS)
  }

  /** Fills struct msghdr and its one struct iovec. */
  #prepare(packetOctets: number, controlOctets: number): void {
    const { view, address } = this.#header
    view.setBigUint64(0, address + BigInt(NAME), true)
    view.setUint32(8, this.#family === 4 ? 16 : 28, true)
    view.setBigUint64(16, address + BigInt(IOVEC), true)
    view.setBigUint64(24, 1n, true)
    view.setBigUint64(32, address + BigInt(CONTROL), true)
    view.setBigUint64(40, BigInt(controlOctets), true)
    view.setBigUint64(IOVEC, this.#packet.address, true)
    view.setBigUint64(IOVEC + 8, BigInt(packetOctets), true)
  }

  /** Fills struct sockaddr_in or sockaddr_in6; the octets it takes. */
  #writeName(address: Uint8Array, port: number, zone: number): number {
    const { view, octets } = this.#header
    octets.fill(0, NAME, NAME + 28)
    view.setUint16(NAME, this.#family === 4 ? AF_INET : AF_INET6, true)
    view.setUint16(NAME + 2, port)
    octets.set(address, NAME + (this.#family === 4 ? 4 : 8))
    if (this.#family === 4) return 16
    view.setUint32(NAME + 24, zone, true)
    return 28
  }

  #readName(): Sender {
    const { view, octets } = this.#header
    const [from, length] = this.#family === 4 ? [NAME + 4, 4] : [NAME + 8, 16]
    const zone = this.#family === 4 ? 0 : view.getUint32(NAME + 24, true)
    return { address: octets.slice(from, from + length), port: view.getUint16(NAME + 2), zone }
  }

  /** The address the packet was sent to, from struct in_pktinfo or in6_pktinfo. */
  #readAsked(): Asked | undefined {
    const { view, octets } = this.#header
    const received = Number(view.getBigUint64(40, true))
    const data = CONTROL + CMSG_HEADER
    const [type, length] = this.#family === 4 ? [IP_PKTINFO, 12] : [IPV6_PKTINFO, 20]
    if (received < CMSG_HEADER + length || view.getInt32(CONTROL + 12, true) !== type) return undefined
    if (this.#family === 4)
      return { address: octets.slice(data + 4, data + 8), interfaceIndex: view.getUint32(data, true) }
    if (octets[data] === 0xff) return undefined // multicast: nobody can answer from there
    return { address: octets.slice(data, data + 16), interfaceIndex: view.getUint32(data + 16, true) }
  }

  /** Fills the control message that sets the source address; the octets it takes. */
  #writeAsked(asked: Asked): number {
    const { view, octets } = this.#header
    const [level, type, length] = this.#family === 4 ? [IPPROTO_IP, IP_PKTINFO, 12] : [IPPROTO_IPV6, IPV6_PKTINFO, 20]
    const data = CONTROL + CMSG_HEADER
    octets.fill(0, CONTROL, CONTROL + CONTROL_ROOM)
    view.setBigUint64(CONTROL, BigInt(CMSG_HEADER + length), true)
    view.setInt32(CONTROL + 8, level, true)
    view.setInt32(CONTROL + 12, type, true)
    if (this.#family === 4) {
      octets.set(asked.address, data + 4) // the interface is the routing table's choice
    } else {
      octets.set(asked.address, data)
      if (isLinkLocal(asked.address)) view.setUint32(data + 16, asked.interfaceIndex, true)
    }
    return CMSG_HEADER + Math.ceil(length / 8) * 8
  }
}

interface Sender {
  address: Uint8Array
  port: number
  /** Interface index of a link-local IPv6 address, else 0. */
  zone: number
}

interface Asked {
  address: Uint8Array
  interfaceIndex: number
}

/** Memory outside of JavaScript's heap; it stays until free(). */
class NativeMemory {
  readonly address: bigint
  readonly octets: Uint8Array
  readonly view: DataView

  constructor(octets: number) {
    this.address = koffi.alloc('uint8_t', octets) as unknown as bigint
    const buffer = koffi.view(this.address, octets)
    this.octets = new Uint8Array(buffer)
    this.view = new DataView(buffer)
    this.octets.fill(0)
  }

  free(): void {
    koffi.free(this.address)
  }
}

function isLinkLocal(address: Uint8Array): boolean {
  return address[0] === 0xfe && (address[1] & 0xc0) === 0x80
}

function check(result: number, syscall: string): number {
  if (result >= 0) return result
  const errno = koffi.errno()
  const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
  throw Object.assign(new Error(`${syscall}: ${code}`), { code, syscall })
}

function loadLibc() {
  const libc = koffi.load(null as unknown as string) // what is loaded already, whichever libc it is
  return {
    socket: libc.func('int socket(int, int, int)'),
    setsockopt: libc.func('int setsockopt(int, int, int, void *, unsigned int)'),
    bind: libc.func('int bind(int, void *, unsigned int)'),
    connect: libc.func('int connect(int, void *, unsigned int)'),
    recvmsg: libc.func('long recvmsg(int, void *, int)'),
    sendmsg: libc.func('long sendmsg(int, void *, int)'),
    poll: libc.func('int poll(void *, unsigned long, int)'),
    eventfd: libc.func('int eventfd(unsigned int, int)'),
    write: libc.func('long write(int, void *, unsigned long)'),
    close: libc.func('int close(int)'),
  }
}
