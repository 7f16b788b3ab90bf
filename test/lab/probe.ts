/** A client in a thread of its own: asks one question at a steady pace and gives back how long each answer took. */

import { createSocket } from 'node:dgram'
import { parentPort, workerData } from 'node:worker_threads'
import { nameFromText } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { composeQuestion } from './ask.ts'
import type { Latencies } from './keytrap.ts'

const PACE_MS = 2
/** Waited for what is still out, when all is asked. */
const PATIENCE_MS = 1000

const { address, port, seconds, qname } = workerData as {
  address: string
  port: number
  seconds: number
  qname: string
}

const sent = new Map<number, number>()
const latencies: Latencies = { answered: [], lost: 0 }
const socket = createSocket('udp4')
socket.on('message', (reply) => {
  const id = reply.readUInt16BE(0)
  const asked = sent.get(id)
  if (asked === undefined) return
  sent.delete(id)
  latencies.answered.push(performance.now() - asked)
})
socket.connect(port, address, () => {
  const end = performance.now() + seconds * 1000
  let id = 0
  const timer = setInterval(() => {
    if (performance.now() > end) {
      clearInterval(timer)
      setTimeout(finish, PATIENCE_MS)
      return
    }
    id = (id + 1) & 0xffff
    sent.set(id, performance.now())
    socket.send(composeQuestion(id, nameFromText(qname), Type.A, { recursion: true }))
  }, PACE_MS)
})

function finish(): void {
  latencies.lost = sent.size
  latencies.answered.sort((a, b) => a - b)
  parentPort!.postMessage(latencies)
  socket.close()
}
