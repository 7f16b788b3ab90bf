/** A process with one server socket, for the test of departure: `batched-udp-worker.ts KIND PORT`. Told to leave by a
 *  message, it says how many packets it has had, and ends. */

import type { UdpKind } from '../../src/io/batched-udp.ts'
import { Station } from './batched-udp-station.ts'

/** What waits has been answered by then. */
const ANSWER_MS = 50

const [kind, port] = process.argv.slice(2)
const station = await Station.open(kind as UdpKind, '127.0.0.1', Number(port))
process.send!('ready')
process.on('message', async () => {
  await station.socket.leave()
  setTimeout(() => {
    station.close()
    process.send!(station.packets, () => process.exit())
  }, ANSWER_MS)
})
