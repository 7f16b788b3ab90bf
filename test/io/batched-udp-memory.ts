/** A process that sends itself packets by the batch, answers them, and reports what all that took from the heap. Run with
 *  --expose-gc and a young generation that is large enough not to be collected meanwhile. */

import type { UdpReceiver } from '../../src/io/batched-udp.ts'
import { BatchedUdpSocket } from '../../src/io/batched-udp-libc.ts'
import { SendQueue } from '../../src/io/batched-udp-queue.ts'
import { Slots } from '../../src/io/batched-udp-slots.ts'
import { type Libc, loadLibc } from '../../src/io/libc.ts'
import { sockaddr } from '../../src/io/libc-address.ts'
import { openUdp } from '../../src/io/libc-udp.ts'

const BATCH = 64
const WARM_UP = 1500
const BATCHES = 1000
const libc = loadLibc() as Libc

const counts = { packets: 0, sent: 0 }
const receiver: UdpReceiver = {
  begin(packets) {
    counts.packets += packets
  },
  receive(packet, out) {
    for (let i = 0; i < packet.length; i++) out[i] = packet[i]
    return packet.length
  },
  shorten: () => 0,
  count(what, packets) {
    if (what === 'sent') counts.sent += packets
  },
}

const server = new BatchedUdpSocket(libc, { address: '0.0.0.0', port: 0, reusePort: false, receiver })
// nobody reads at this socket: the kernel drops what is too much
const fd = openUdp(libc, {
  address: '127.0.0.1',
  port: 0,
  reusePort: false,
  packetInfo: false,
  receiveOctets: 0,
  sendOctets: 0,
})
const sender = new SendQueue(libc, fd, { ...receiver, count() {} })
const slots = new Slots(libc, BATCH)
const name = sockaddr('127.0.0.1', server.port)
for (let slot = 0; slot < BATCH; slot++)
  slots.fill(slot, { octets: name, nameOctets: name.length, controlOctets: 0 }, Buffer.alloc(40 + slot, 'query'))

let batches = 0
let heapBefore = 0
let packetsBefore = 0

function round(): void {
  if (batches === WARM_UP) {
    gc!()
    packetsBefore = counts.packets
    heapBefore = process.memoryUsage().heapUsed
  }
  if (batches++ === WARM_UP + BATCHES) {
    const octets = process.memoryUsage().heapUsed - heapBefore
    process.send!({ packets: counts.packets - packetsBefore, octets }, () => process.exit())
    return
  }
  sender.sendNow(slots, 0, BATCH)
  setImmediate(round)
}
round()
