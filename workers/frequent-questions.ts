/** What clients ask most, as a worker that answers tells one that is about to begin: that one asks itself before any client
 *  can, so that answers are ready and the way to them has been gone. Otherwise the first clients would wait for it, for
 *  tens of milliseconds. */

import type { Clock } from '../src/io/interfaces.ts'
import type { AnswerIndex } from './answer-index.ts'
import { FrameReader, framed } from './framing.ts'
import type { Resolver } from './serve.ts'

/** Looked at in one turn of the event loop: clients wait meanwhile. */
const SLOTS_A_TURN = 8192
const QUESTIONS_A_TURN = 20
const CLIENT = { overUdp: true, address: Uint8Array.of(127, 0, 0, 1), port: 53 }

/** At most `limit` packets, each behind its length (RFC 1035 §4.2.2), those asked most often first. */
export async function frequentQuestions(index: AnswerIndex, limit: number): Promise<Uint8Array> {
  let found: { slot: number; hits: number }[] = []
  let least = 0
  const cut = () => {
    found = found.sort((one, other) => other.hits - one.hits).slice(0, limit)
    if (found.length === limit) least = found[limit - 1].hits
  }
  for (let from = 0; from < index.size; from += SLOTS_A_TURN) {
    for (let slot = from; slot < Math.min(from + SLOTS_A_TURN, index.size); slot++) {
      const hits = index.hitsOf(slot)
      if (hits > least) found.push({ slot, hits })
    }
    if (found.length > 2 * limit) cut()
    await nextTurn()
  }
  cut()
  // an answer that has gone meanwhile has made way for another one's question
  return Buffer.concat(
    found.filter(({ slot }) => index.hitsOf(slot) > 0).map(({ slot }) => framed(index.questionOf(slot))),
  )
}

/** Has `resolver` answer what frequentQuestions() gave, for at most `timeoutMs`. Resolves with the number of questions asked;
 *  answers that other servers have to give come when they come. */
export async function askFirst(
  questions: Uint8Array,
  resolver: Pick<Resolver, 'handle' | 'tick'>,
  clock: Clock,
  timeoutMs: number,
): Promise<number> {
  const frames = new FrameReader()
  frames.push(Buffer.from(questions))
  const endMs = clock.monotonicMs() + timeoutMs
  let asked = 0
  resolver.tick?.(clock.wallMs())
  for (let query = frames.next(); query !== undefined && clock.monotonicMs() < endMs; query = frames.next()) {
    resolver.handle(query, CLIENT, () => {})
    if (++asked % QUESTIONS_A_TURN === 0) await nextTurn()
  }
  return asked
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
