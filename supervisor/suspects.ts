/** What did a worker look at last, before it died? Read from the file it kept (workers/last-questions.ts). A question that
 *  it had begun and not left is the first suspect. */

import { readFileSync } from 'node:fs'
import { Message } from '../src/wire/message.ts'
import { nameToText } from '../src/wire/name.ts'
import { typeText } from '../src/wire/types.ts'
import { QuestionFile as Layout } from '../workers/messages.ts'

export interface SeenQuestion {
  /** `www.example.org. AAAA`; `malformed` when it is no question. */
  question: string
  client: string
  /** The worker was at it when it ended. */
  unfinished: boolean
  wallMs: number
  /** The packet in hexadecimal, as far as it was kept: what is needed to ask again. */
  packet: string
}

/** The latest first. Empty when there is no such file. */
export function readLastQuestions(path: string): SeenQuestion[] {
  let file: Buffer
  try {
    file = readFileSync(path)
  } catch {
    return []
  }
  if (file.length < Layout.OCTETS) return []
  const next = file.readUInt32BE(0) % Layout.SLOTS
  const seen: SeenQuestion[] = []
  for (let back = 1; back <= Layout.SLOTS; back++) {
    const slot = (next - back + Layout.SLOTS) % Layout.SLOTS
    const at = Layout.SLOT_OCTETS * (slot + 1)
    const state = file[at]
    if (state !== Layout.BEGUN && state !== Layout.DONE) continue
    const packet = file.subarray(at + Layout.PACKET, at + Layout.PACKET + Math.min(file[at + 1], Layout.PACKET_OCTETS))
    seen.push({
      question: questionText(packet),
      client: `${addressText(file.subarray(at + 5, at + 5 + Math.min(file[at + 4], 16)))}#${file.readUInt16BE(at + 2)}`,
      unfinished: state === Layout.BEGUN,
      wallMs: file.readDoubleBE(at + 24),
      packet: packet.toString('hex'),
    })
  }
  return seen
}

function questionText(packet: Uint8Array): string {
  try {
    const question = new Message(packet).question()
    return question === undefined ? 'no question' : `${nameToText(question.name)} ${typeText(question.type)}`
  } catch {
    return 'malformed'
  }
}

function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  const groups = Array.from({ length: octets.length >> 1 }, (_, i) =>
    ((octets[2 * i] << 8) | octets[2 * i + 1]).toString(16),
  )
  return groups.join(':')
}
