/** A resolver for tests of what surrounds it. The first label of the question says what it does:
 *    `now`            answers during the call
 *    `after<N>`       answers N milliseconds later
 *    `big<N>`         answers with N octets
 *    `never`          until drain() gives up
 *    `crash`          ends the process as a fault of ours would
 *    `hang`           never lets the event loop turn again
 *    `sick`           answers nothing about localhost from now on
 *    `healed`         does again
 *  An answer is the query with QR set, and its process id in the last four octets. */

import { nameToText } from '../../src/wire/name.ts'
import { Reader } from '../../src/wire/reader.ts'
import type { Client, Resolver, Respond } from '../../workers/serve.ts'

export class FakeResolver implements Resolver {
  inFlight = 0
  isSick = false
  readonly seen: { name: string; client: Client }[] = []
  #onIdle: (() => void) | undefined

  handle(packet: Uint8Array, client: Client, respond: Respond): void {
    const name = nameOf(packet)
    if (name === undefined) {
      respond(undefined)
      return
    }
    this.seen.push({ name, client })
    const [, word, number] = /^([a-z]+)(\d*)/.exec(name) ?? []
    this.isSick = word === 'sick' || (this.isSick && word !== 'healed')
    const answer = answerTo(packet, word === 'big' ? Number(number) : 0)
    if (word === 'crash') setImmediate(() => Promise.reject(new Error('a query that crashes us')))
    else if (word === 'hang') for (;;);
    else if (this.isSick && word === 'localhost') respond(undefined)
    else if (word === 'after' || word === 'never')
      this.#later(word === 'after' ? Number(number) : 3_600_000, answer, respond)
    else respond(answer)
  }

  drain(timeoutMs: number, done: () => void): void {
    if (this.inFlight === 0) {
      done()
      return
    }
    const timer = setTimeout(done, timeoutMs)
    this.#onIdle = () => {
      clearTimeout(timer)
      done()
    }
  }

  close(): void {}

  #later(delayMs: number, answer: Uint8Array, respond: Respond): void {
    this.inFlight++
    setTimeout(() => {
      this.inFlight--
      respond(answer)
      answer.fill(0) // the view is good during the call only
      if (this.inFlight === 0) this.#onIdle?.()
    }, delayMs).unref()
  }
}

/** A query for the A record of `name`. */
export function queryFor(name: string, id = 1): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  return Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1])
}

/** Who answered, by the fake resolver's mark. */
export function answererOf(answer: Uint8Array): number {
  return Buffer.from(answer).readUInt32BE(answer.length - 4)
}

function answerTo(packet: Uint8Array, octets: number): Buffer {
  const answer = Buffer.alloc(Math.max(octets, packet.length + 4))
  answer.set(packet)
  answer[2] |= 0x80
  answer.writeUInt32BE(process.pid, answer.length - 4)
  return answer
}

function nameOf(packet: Uint8Array): string | undefined {
  try {
    return nameToText(new Reader(packet, 12).name()).toLowerCase()
  } catch {
    return undefined
  }
}
