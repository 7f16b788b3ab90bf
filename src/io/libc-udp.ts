/** Makes a bound UDP socket the way a DNS server wants it, by libc. */

import {
  AF_INET6,
  check,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  type Libc,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './libc.ts'
import { SOCKADDR_OCTETS, sockaddr } from './libc-address.ts'

const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_MEMINFO = 55
// linux/sock_diag.h
const SK_MEMINFO_DROPS = 8
const SK_MEMINFO_VARS = 9

const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IP_MTU_DISCOVER = 10

const IPV6_MTU_DISCOVER = 23
const IPV6_RECVPKTINFO = 49

/** The same number for both families: never in fragments, and the path MTU that others may have talked the kernel into
 *  is not asked. */
const PMTUDISC_PROBE = 3

export interface UdpSocketOptions {
  address: string
  port: number
  /** Share the address with other processes' sockets that say the same; the kernel spreads clients over them. */
  reusePort: boolean
  /** Tell for each packet at which address it came. */
  packetInfo: boolean
  /** Asked of the kernel, which gives what net.core.rmem_max and wmem_max allow. */
  receiveOctets: number
  sendOctets: number
}

/** A bound, non-blocking socket. Throws an Error with the system's `code`, as Node's own calls do.
 *
 *  No fragments: their second halves are easily forged (RFC 9715 §1). DF is set on what we send, and what the link would
 *  have to cut is refused with EMSGSIZE. But the kernel's path MTU is not believed, as it comes from ICMP messages that
 *  anybody can forge: taken at their word they make it cut, or refuse, packets of 552 octets (RFC 9715 §3.1, R2). */
export function openUdp(libc: Libc, options: UdpSocketOptions): number {
  const name = sockaddr(options.address, options.port)
  const domain = name[0]
  const v6 = domain === AF_INET6
  const fd = check(libc, 'socket', libc.socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
  const set = (level: number, option: number, value: number) =>
    libc.setsockopt(fd, level, option, Int32Array.of(value), Int32Array.BYTES_PER_ELEMENT)
  try {
    set(SOL_SOCKET, SO_RCVBUF, options.receiveOctets) // these three are only wishes
    set(SOL_SOCKET, SO_SNDBUF, options.sendOctets)
    set(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, PMTUDISC_PROBE)
    if (v6) check(libc, 'setsockopt', set(IPPROTO_IPV6, IPV6_V6ONLY, 1))
    if (options.reusePort) check(libc, 'setsockopt', set(SOL_SOCKET, SO_REUSEPORT, 1))
    if (options.packetInfo)
      check(libc, 'setsockopt', v6 ? set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(IPPROTO_IP, IP_PKTINFO, 1))
    check(libc, 'bind', libc.bind(fd, name, name.length))
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

/** Packets that found no room in the receive queue of `fd`, since it was made. */
export function droppedPackets(libc: Libc, fd: number): number {
  const facts = new Uint32Array(SK_MEMINFO_VARS)
  const octets = Uint32Array.of(facts.byteLength)
  return libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, facts, octets) === 0 ? facts[SK_MEMINFO_DROPS] : 0
}

/** The port that `fd` is bound to. */
export function boundPort(libc: Libc, fd: number): number {
  const name = new Uint8Array(SOCKADDR_OCTETS)
  check(libc, 'getsockname', libc.getsockname(fd, name, Uint32Array.of(name.length)))
  return (name[2] << 8) | name[3]
}
