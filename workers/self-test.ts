/** Does a new worker's resolver answer at all? Asked before its sockets open, so that one that cannot never gets a query
 *  of a client. The questions are answered without asking any server (RFC 6761 §6.3). */

import { BowlineError } from '../src/config/error.ts'
import type { Clock } from '../src/io/interfaces.ts'
import { nameFromText, nameToText } from '../src/wire/name.ts'
import { Class, Flag, Rcode, rcodeText, Type, typeText } from '../src/wire/types.ts'
import type { Resolver } from './serve.ts'

const TIMEOUT_MS = 2000
const CLIENT = { overUdp: true, address: Uint8Array.of(127, 0, 0, 1), port: 53 }

interface TestQuestion {
  id: number
  name: string
  type: number
}
const QUESTIONS: readonly TestQuestion[] = [
  { id: 0x1234, name: 'localhost.', type: Type.A },
  { id: 0x5678, name: 'localhost.', type: Type.AAAA },
  { id: 0x9abc, name: 'nothing.invalid.', type: Type.A },
]

/** Rejects with a BowlineError 'self-test' when an answer is missing or makes no sense. */
export async function selfTest(resolver: Resolver, clock: Clock): Promise<void> {
  for (const question of QUESTIONS) await ask(resolver, clock, question)
}

function ask(resolver: Resolver, clock: Clock, question: TestQuestion): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => {
      const text = `${nameToText(nameFromText(question.name))} ${typeText(question.type)}`
      reject(new BowlineError('self-test', `the resolver does not pass its own test: ${what} for ${text}`))
    }
    const timer = clock.after(TIMEOUT_MS, () => fail('no answer'))
    resolver.handle(composeTest(question), CLIENT, (response) => {
      timer.cancel()
      const wrong = response === undefined ? 'no answer' : judge(response, question.id)
      if (wrong === undefined) resolve()
      else fail(wrong)
    })
  })
}

/** What is wrong with it; undefined: nothing. */
function judge(response: Uint8Array, id: number): string | undefined {
  if (response.length < 12 || ((response[0] << 8) | response[1]) !== id) return 'a strange answer'
  if ((response[2] & (Flag.QR >> 8)) === 0) return 'an answer that is a question'
  const rcode = response[3] & 0x0f
  return rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN ? undefined : rcodeText(rcode)
}

/** A query as a packet. */
export function composeTest({ id, name, type }: TestQuestion): Uint8Array {
  const rd = Flag.RD >> 8
  return Uint8Array.of(id >> 8, id & 255, rd, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...nameFromText(name), 0, type, 0, Class.IN)
}
