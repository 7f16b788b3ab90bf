/** One address and port of a server of ours: UDP and TCP, each message handed on with what is needed to answer it,
 *  soundly or not. TCP framing: RFC 1035 §4.2.2, RFC 7766 (many messages on one connection). */

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket as TcpSocket } from 'node:net'
import { lengthOf } from './ask.ts'

/** A message that came in. */
export interface Incoming {
  packet: Uint8Array
  protocol: 'udp' | 'tcp'
  send(packet: Uint8Array): void
  /** UDP: from another port of the same address. TCP: as send(). */
  sendFromElsewhere(packet: Uint8Array): void
  /** TCP: one octet every `everyMs`. UDP: as send(). */
  trickle(packet: Uint8Array, everyMs: number): void
  /** TCP: ends the connection. */
  hangUp(): void
}

export class Listener {
  readonly address: string
  readonly port: number
  private readonly handle: (incoming: Incoming) => void
  private readonly udp: UdpSocket
  private elsewhere: UdpSocket | undefined
  private readonly tcp = createServer((socket) => this.serve(socket))
  private readonly connections = new Set<TcpSocket>()

  private constructor(address: string, port: number, handle: (incoming: Incoming) => void) {
    this.address = address
    this.port = port
    this.handle = handle
    this.udp = createSocket({
      type: address.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: 1 << 20,
      sendBufferSize: 1 << 20,
    })
  }

  /** Rejects when the address and port are taken, or not ours to have. */
  static async open(address: string, port: number, handle: (incoming: Incoming) => void): Promise<Listener> {
    const listener = new Listener(address, port, handle)
    try {
      listener.udp.bind({ address, port, exclusive: true })
      await once(listener.udp, 'listening')
      listener.tcp.listen({ host: address, port, exclusive: true })
      await once(listener.tcp, 'listening')
    } catch (failure) {
      await listener.close()
      throw failure
    }
    listener.udp.on('message', (packet, from) => listener.receive(packet, from))
    listener.udp.on('error', () => {}) // an answer that could not be sent is a lost answer
    return listener
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.destroy()
    if (this.tcp.listening) await new Promise((resolve) => this.tcp.close(resolve))
    for (const socket of [this.udp, this.elsewhere]) if (socket !== undefined) closeQuietly(socket)
  }

  private receive(packet: Uint8Array, from: RemoteInfo): void {
    const send = (reply: Uint8Array) => sendQuietly(this.udp, reply, from)
    this.handle({
      packet,
      protocol: 'udp',
      send,
      sendFromElsewhere: (reply) => this.withElsewhere((socket) => sendQuietly(socket, reply, from)),
      trickle: send,
      hangUp: () => {},
    })
  }

  private withElsewhere(action: (socket: UdpSocket) => void): void {
    if (this.elsewhere !== undefined) {
      action(this.elsewhere)
      return
    }
    const socket = createSocket(this.address.includes(':') ? 'udp6' : 'udp4')
    this.elsewhere = socket
    socket.bind({ address: this.address, port: 0, exclusive: true }, () => action(socket))
  }

  private serve(socket: TcpSocket): void {
    this.connections.add(socket)
    socket.setNoDelay(true)
    socket.on('close', () => this.connections.delete(socket))
    socket.on('error', () => socket.destroy())
    let received = Buffer.alloc(0)
    socket.on('data', (octets) => {
      received = Buffer.concat([received, octets])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        this.handle(incomingOverTcp(socket, received.subarray(2, end)))
        received = received.subarray(end)
      }
    })
  }
}

function incomingOverTcp(socket: TcpSocket, packet: Uint8Array): Incoming {
  const send = (reply: Uint8Array) => {
    if (socket.writable) socket.write(Buffer.concat([lengthOf(reply), reply]))
  }
  return {
    packet,
    protocol: 'tcp',
    send,
    sendFromElsewhere: send,
    trickle(reply, everyMs) {
      const octets = Buffer.concat([lengthOf(reply), reply])
      let sent = 0
      const timer = setInterval(() => {
        if (!socket.writable || sent === octets.length) return clearInterval(timer)
        socket.write(octets.subarray(sent, ++sent))
      }, everyMs)
    },
    hangUp: () => socket.destroy(),
  }
}

function sendQuietly(socket: UdpSocket, packet: Uint8Array, to: RemoteInfo): void {
  try {
    socket.send(packet, to.port, to.address, () => {})
  } catch {
    // the socket was closed while an answer was on its way
  }
}

function closeQuietly(socket: UdpSocket): void {
  try {
    socket.close()
  } catch {
    // it never came to be bound
  }
}
