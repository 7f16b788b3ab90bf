/** Addresses as the kernel writes them: struct sockaddr_in and sockaddr_in6, and the control messages that say at which
 *  of our addresses a packet arrived and from which one an answer leaves (ip(7) IP_PKTINFO; RFC 3542 §6).
 *
 *    sockaddr_in    family u16 · port, network order · address 4 · zeros 8
 *    sockaddr_in6   family u16 · port, network order · flow 4 · address 16 · zone u32
 *    control        octets u64 · level i32 · type i32 · in_pktinfo:   interface i32 · local address 4 · header's address 4
 *                                                     · in6_pktinfo:  address 16 · interface u32                         */

import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { AF_INET, AF_INET6 } from './libc.ts'

export const SOCKADDR_OCTETS = 28
/** Room for one of the two control messages, padding included. */
export const CONTROL_OCTETS = 40

const SOCKADDR_IN_OCTETS = 16
const CONTROL_INTERFACE_4 = 16
const CONTROL_ADDRESS_6 = 16
const CONTROL_INTERFACE_6 = 32

/** The sockaddr of a numeric address, which may have a zone (`fe80::1%eth0`, RFC 4007 §11). Throws for anything else. */
export function sockaddr(address: string, port: number): Uint8Array {
  const [host, zone] = address.split('%')
  const octets = ipaddr.parse(host).toByteArray()
  const name = new Uint8Array(octets.length === 4 ? SOCKADDR_IN_OCTETS : SOCKADDR_OCTETS)
  const view = new DataView(name.buffer)
  view.setUint16(0, octets.length === 4 ? AF_INET : AF_INET6, true)
  view.setUint16(2, port)
  name.set(octets, octets.length === 4 ? 4 : 8)
  if (zone !== undefined) view.setUint32(24, zoneIndex(zone), true)
  return name
}

export function isWildcard(address: string): boolean {
  return /^[0.:]+$/.test(address)
}

/** Where in a sockaddr the address is: its first octet and the one after its last. */
export function addressAt(family: 4 | 6): [from: number, to: number] {
  return family === 4 ? [4, 8] : [8, 24]
}

/** Where in a control message the local address of a packet is. */
export function ownAddressAt(family: 4 | 6): [from: number, to: number] {
  return family === 4 ? [CONTROL_INTERFACE_4 + 4, CONTROL_INTERFACE_4 + 8] : [CONTROL_ADDRESS_6, CONTROL_ADDRESS_6 + 16]
}

/** Makes the control message of a packet that was received at `at` fit to go with the answer: the address stays, the
 *  interface is the routing table's choice. False when nobody can answer from that address, as it is a multicast one. */
export function turnControl(memory: Uint8Array, words: Uint32Array, at: number, family: 4 | 6): boolean {
  if (family === 4) {
    words[(at + CONTROL_INTERFACE_4) >> 2] = 0
    return true // of the two addresses the kernel takes the local one, which is never multicast
  }
  const first = memory[at + CONTROL_ADDRESS_6]
  if (first === 0xff) return false // RFC 4291 §2.7
  const isLinkLocal = first === 0xfe && (memory[at + CONTROL_ADDRESS_6 + 1] & 0xc0) === 0x80
  if (!isLinkLocal) words[(at + CONTROL_INTERFACE_6) >> 2] = 0
  return true
}

function zoneIndex(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone)
  const entries = networkInterfaces()[zone] ?? []
  return entries.find((entry) => entry.family === 'IPv6')?.scopeid ?? 0
}
