/** A small client: one question over UDP or TCP, the whole reply packet back. It judges nothing but the ID, so that
 *  tests see what a server really sends. Packets are made by dns-packet, not by the codec under test. */

import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import dnsPacket from 'dns-packet'

export interface AskOptions {
  port?: number
  protocol?: 'udp' | 'tcp'
  timeoutMs?: number
  /** Set the RD bit: the question is for a resolver. */
  recursion?: boolean
  /** EDNS UDP size; 0 leaves EDNS out. */
  udpSize?: number
  /** Bits of the question: DO (in the OPT record), CD and AD. */
  do?: boolean
  cd?: boolean
  ad?: boolean
  /** Class of the question; IN without it. */
  qclass?: number
  /** Where the question comes from; the system's choice without it. */
  localAddress?: string
}

/** A packet of one question. `qname` may hold escapes, and `qtype` may be of any kind, TYPE123 included. */
export function composeQuestion(id: number, qname: Uint8Array, qtype: number, options: AskOptions = {}): Uint8Array {
  const { recursion = false, udpSize = 1232, qclass = 1, cd = false, ad = false } = options
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE((recursion ? 0x0100 : 0) | (ad ? 0x20 : 0) | (cd ? 0x10 : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(udpSize > 0 ? 1 : 0, 10)
  const dnssecOk = options.do ? 0x80 : 0
  const opt = Buffer.from(udpSize > 0 ? [0, 0, 41, udpSize >> 8, udpSize & 255, 0, 0, dnssecOk, 0, 0, 0] : [])
  return Buffer.concat([header, qname, Buffer.from([qtype >> 8, qtype & 255, qclass >> 8, qclass & 255]), opt])
}

let nextId = 1

/** The reply to one question; undefined when none comes in time or the connection breaks. */
export function ask(
  address: string,
  qname: Uint8Array,
  qtype: number,
  options: AskOptions = {},
): Promise<Buffer | undefined> {
  nextId = (nextId + 1) & 0xffff
  const packet = composeQuestion(nextId, qname, qtype, options)
  return exchange(address, packet, options)
}

/** Sends any packet and gives the first reply that has its ID. */
export function exchange(address: string, packet: Uint8Array, options: AskOptions = {}): Promise<Buffer | undefined> {
  return options.protocol === 'tcp' ? exchangeTcp(address, packet, options) : exchangeUdp(address, packet, options)
}

function exchangeUdp(address: string, packet: Uint8Array, options: AskOptions): Promise<Buffer | undefined> {
  const { port = 53, timeoutMs = 2000, localAddress } = options
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    let over = false
    const end = (reply?: Buffer) => {
      if (over) return
      over = true
      clearTimeout(timer)
      socket.close()
      resolve(reply)
    }
    const timer = setTimeout(end, timeoutMs)
    socket.once('error', () => end())
    socket.on('message', (reply) => {
      if (hasSameId(reply, packet)) end(reply)
    })
    const send = () => socket.connect(port, address, () => socket.send(packet))
    if (localAddress === undefined) send()
    else socket.bind(0, localAddress, send)
  })
}

function exchangeTcp(address: string, packet: Uint8Array, options: AskOptions): Promise<Buffer | undefined> {
  const { port = 53, timeoutMs = 2000, localAddress } = options
  return new Promise((resolve) => {
    const socket = connect({ port, host: address, localAddress })
    const timer = setTimeout(() => socket.destroy(), timeoutMs)
    let received = Buffer.alloc(0)
    let reply: Buffer | undefined
    socket.on('connect', () => socket.write(Buffer.concat([lengthOf(packet), packet])))
    socket.on('data', (octets) => {
      received = Buffer.concat([received, octets])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      reply = received.subarray(2, 2 + received.readUInt16BE(0))
      socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(reply)
    })
  })
}

/** The two octets that go before a message over TCP. RFC 1035 §4.2.2. */
export function lengthOf(packet: Uint8Array): Buffer {
  return Buffer.from([packet.length >> 8, packet.length & 255])
}

function hasSameId(a: Uint8Array, b: Uint8Array): boolean {
  return a.length >= 12 && a[0] === b[0] && a[1] === b[1]
}

/** Whether a server gives any NOERROR answer for the SOA of `origin`. */
export async function isAnswering(address: string, origin: string, options: AskOptions = {}): Promise<boolean> {
  const flags = options.recursion ? dnsPacket.RECURSION_DESIRED : 0
  const packet = dnsPacket.encode({ type: 'query', id: 4711, flags, questions: [{ type: 'SOA', name: origin }] })
  const asked = performance.now()
  const reply = await exchange(address, packet, { timeoutMs: 300, ...options })
  if (reply !== undefined && (reply[3] & 15) === 0) return true
  const rest = 50 - (performance.now() - asked) // a closed port says so at once: no use in asking in a tight loop
  if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
  return false
}
