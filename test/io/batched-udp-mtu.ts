/** A process that asks sockets on a link of 1500 octets for answers of 1400 and of 2000, and tells what came of them.
 *  To be run in a network namespace of its own, by root: the loopback interface is set up here. */

import koffi from 'koffi'
import { AF_INET, type Libc, loadLibc } from '../../src/io/libc.ts'
import { Asker } from './batched-udp-asker.ts'
import { Station } from './batched-udp-station.ts'

const SOCK_DGRAM = 2
const SIOCSIFFLAGS = 0x8914
const SIOCSIFMTU = 0x8922
const IFF_UP = 1

/** Changes one setting of the loopback interface, by netdevice(7). */
function setLoopback(request: number, value: number): void {
  const libc = loadLibc() as Libc
  const ioctl = koffi.load(null).func('int ioctl(int, unsigned long, void *)')
  const ifreq = Buffer.alloc(40)
  ifreq.write('lo')
  ifreq.writeInt32LE(value, 16)
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0)
  if (ioctl(fd, request, ifreq) < 0) throw new Error(`ioctl: errno ${libc.errno()}`)
  libc.close(fd)
}

setLoopback(SIOCSIFFLAGS, IFF_UP)
setLoopback(SIOCSIFMTU, 1500)

class LongWinded extends Station {
  octets = 0
  override receive(): number {
    return this.octets
  }
}

for (const [bound, asked] of [
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '::1'],
])
  for (const octets of [1400, 2000]) {
    const station = await Station.open('libc', bound, 0, new LongWinded())
    ;(station as LongWinded).octets = octets
    const asker = await Asker.open(asked === '::1' ? 6 : 4)
    const { packet } = await asker.ask('?', station.port, asked)
    console.log(
      `${bound}: of ${octets}, ${packet.length} came; too long: ${station.shortened}; failed: ${station.counts.failed}`,
    )
    station.close()
    asker.close()
  }
