/** The names of the cache soak, and the servers that know them. Every answer is a function of its name, so that a wrong one
 *  shows; and the names of neighbours in popularity are no neighbours in the order of names. Servers and load are one
 *  process, which thus knows of each answer whether somebody was asked for it. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { UdpReceiver, UdpSocket } from '../../src/io/batched-udp.ts'
import { openUdpSocket } from '../../src/io/batched-udp-open.ts'
import { FrameReader, frameMessage } from '../../src/io/frames.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { Authority } from '../lab/authority.ts'

const ROOT_ADDRESS = '127.99.3.1'
const TLD_ADDRESS = '127.99.3.2'
const LEAF_ADDRESS = '127.99.3.3'
const ZONES = 1000
/** Seconds: longer than any soak. */
const TTL = 86_400
const ZONE_HEAD = (server: string) => `@ ${TTL} SOA ${server} admin. 1 3600 600 86400 300\n@ ${TTL} NS ${server}\n`

export const SOAK_HINTS = `. 3600000 NS a.servers.\na.servers. 3600000 A ${ROOT_ADDRESS}\n`
/** Where in a message its question's name begins. */
const QNAME = 12
const NUMBER_DIGITS = 8

/** Neighbouring numbers get labels that are far apart; no two the same one (2654435761 is odd). */
function scatter(number: number): number {
  return Math.imul(number, 2_654_435_761) >>> 0
}
const UNSCATTER = 244_002_641 // 2654435761 × 244002641 = 1 modulo 2³²

/** Writes `xxxxxxxx.zNNN.soak`, from `at` on; gives the octet after it. */
export function writeName(number: number, out: Uint8Array, at: number): number {
  let digits = scatter(number)
  out[at] = NUMBER_DIGITS
  for (let i = at + NUMBER_DIGITS; i > at; i--) {
    out[i] = HEX[digits & 15]
    digits >>>= 4
  }
  at += 1 + NUMBER_DIGITS
  out.set(zoneNames[number % ZONES], at)
  return at + zoneNames[number % ZONES].length
}

/** Of a query's or answer's first label; -1 when it is none of ours. */
export function numberOf(message: Uint8Array): number {
  if (message[QNAME] !== NUMBER_DIGITS) return -1
  let digits = 0
  for (let i = QNAME + 1; i <= QNAME + NUMBER_DIGITS; i++) {
    const octet = message[i] | 0x20
    digits = (digits << 4) | (octet >= 0x60 ? octet - 0x57 : message[i] - 0x30)
  }
  return Math.imul(digits, UNSCATTER) >>> 0
}

/** The address of a name, 45.x.x.x: the rest is a function of the number that hardly two neighbours share. */
export function addressFor(number: number): number {
  return (0x2d00_0000 | ((Math.imul(number ^ 0x5bd1e995, 0x85ebca6b) >>> 8) & 0xff_ffff)) >>> 0
}

const HEX = Buffer.from('0123456789abcdef')
const zoneNames = Array.from({ length: ZONES }, (_, i) => {
  const label = `z${i}`
  return Buffer.concat([Buffer.of(label.length), Buffer.from(label), Buffer.from('\x04soak\0')])
})

export class SoakInternet {
  /** Queries for addresses of names so far, and by number the value of `clock` when it was asked for last. */
  asked = 0
  readonly lastAsked: Float64Array
  /** Counted up by whoever asks. */
  clock = 0
  private readonly sockets: UdpSocket[] = []
  private readonly servers: Server[] = []

  private constructor(numbers: number) {
    this.lastAsked = new Float64Array(numbers)
  }

  /** Opens port 53 of three addresses; rejects when they cannot be had. */
  static async start(numbers: number): Promise<SoakInternet> {
    const internet = new SoakInternet(numbers)
    const zones = Array.from({ length: ZONES }, (_, i) => `z${i}.soak`)
    const delegations = zones.map((zone) => `${zone}. ${TTL} NS ns.${zone}.\nns.${zone}. ${TTL} A ${LEAF_ADDRESS}\n`)
    const root = `${ZONE_HEAD('a.servers.')}a.servers. ${TTL} A ${ROOT_ADDRESS}\nsoak. ${TTL} NS ns.soak.\nns.soak. ${TTL} A ${TLD_ADDRESS}\n`
    const tld = `${ZONE_HEAD('ns.soak.')}ns.soak. ${TTL} A ${TLD_ADDRESS}\n${delegations.join('')}`
    const servers = [
      { address: ROOT_ADDRESS, authority: authorityOf([['.', root]]) },
      { address: TLD_ADDRESS, authority: authorityOf([['soak', tld]]) },
      {
        address: LEAF_ADDRESS,
        authority: authorityOf(
          zones.map((zone) => [zone, `${ZONE_HEAD(`ns.${zone}.`)}ns.${zone}. ${TTL} A ${LEAF_ADDRESS}\n`]),
        ),
      },
    ]
    for (const { address, authority } of servers) {
      const receiver: UdpReceiver = {
        begin() {},
        shorten: () => 0,
        count() {},
        receive: (packet, out) => internet.answer(packet, out, authority, address === LEAF_ADDRESS),
      }
      internet.sockets.push(await openUdpSocket({ address, port: 53, reusePort: false, receiver }))
      internet.servers.push(await listenTcp(address, receiver))
    }
    return internet
  }

  stop(): void {
    for (const socket of this.sockets.splice(0)) socket.close()
    for (const server of this.servers.splice(0)) server.close()
  }

  private answer(packet: Uint8Array, out: Uint8Array, authority: Authority, isLeaf: boolean): number {
    const number = isLeaf ? numberOf(packet) : -1
    const end = number < 0 ? 0 : endOfQuestion(packet)
    if (end > 0 && packet[end - 3] === Type.A && packet[end - 4] === 0) {
      this.asked++
      if (number < this.lastAsked.length) this.lastAsked[number] = this.clock
      return writeAnswer(packet, end, number, out)
    }
    const response = authority.respond(packet, 'udp')
    if (response === undefined) return 0
    out.set(response)
    return response.length
  }
}

/** Few come over TCP, but a server that refuses it counts as dead. */
async function listenTcp(address: string, { receive }: UdpReceiver): Promise<Server> {
  const out = new Uint8Array(65_535)
  const server = createServer((connection) => {
    const frames = new FrameReader()
    connection.on('error', () => {})
    connection.on('data', (chunk) => {
      frames.read(chunk, (query) => {
        const octets = receive(query, out, 0)
        if (octets > 0) connection.write(frameMessage(out.subarray(0, octets)))
        return true
      })
    })
  })
  server.listen(53, address)
  await once(server, 'listening')
  return server
}

function authorityOf(zones: [origin: string, text: string][]): Authority {
  return new Authority(
    zones.map(([origin, text]) => ({ origin, records: () => parseZoneText(text, zoneName(origin)) })),
  )
}

function zoneName(origin: string): Uint8Array {
  const labels = origin.split('.').filter((label) => label !== '')
  return Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)])
}

/** 0: it is cut short. */
function endOfQuestion(packet: Uint8Array): number {
  let at = QNAME
  while (packet[at] > 0) at += 1 + packet[at]
  return at + 5 <= packet.length ? at + 5 : 0
}

/** The question, one A record, and OPT when there was one (RFC 6891 §7). */
function writeAnswer(packet: Uint8Array, end: number, number: number, out: Uint8Array): number {
  for (let i = 0; i < end; i++) out[i] = packet[i]
  out[2] = 0x84
  out[3] = 0
  out.set(RECORD_COUNTS, 6)
  out[11] = packet[11] > 0 ? 1 : 0
  out.set(ANSWER_HEAD, end)
  const address = addressFor(number)
  const at = end + ANSWER_HEAD.length
  out[at] = address >>> 24
  out[at + 1] = address >>> 16
  out[at + 2] = address >>> 8
  out[at + 3] = address
  if (out[11] === 0) return at + 4
  out.set(OPT, at + 4)
  return at + 4 + OPT.length
}

const RECORD_COUNTS = Uint8Array.of(0, 1, 0, 0, 0)
/** The question's name, A, IN, TTL, four octets. */
const ANSWER_HEAD = Uint8Array.of(0xc0, QNAME, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4)
const OPT = Uint8Array.of(0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0)
