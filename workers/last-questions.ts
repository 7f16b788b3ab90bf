/** The last questions of a worker, in a file that is mapped into memory: what is written there costs a copy of some fifty
 *  octets and is still there when the process has died of one of them. The supervisor reads it then.
 *
 *    file   SLOTS slots of SLOT_OCTETS, after one of the same size that holds u32 next (slot to be written)
 *    slot   | state u8 | octets u8 | port u16 | family u8, 0 for none | address 16 | pad 3 | wall ms f64 | packet ≤ 224 |
 *
 *  HOT: note() runs once per packet, without allocation. */

import { rmSync } from 'node:fs'
import { mapFile } from '../src/io/shared-memory.ts'
import { QuestionFile as Layout } from './messages.ts'

/** Where libc cannot be called there is no such file, and noting does nothing. */
export class LastQuestions {
  readonly #octets: Uint8Array
  readonly #view: DataView
  #next = 0

  private constructor(memory: ArrayBuffer) {
    this.#octets = new Uint8Array(memory)
    this.#view = new DataView(memory)
  }

  /** Makes the file. undefined when it cannot be mapped: it is a help in the search for faults, and no reason for one more. */
  static open(path: string): LastQuestions | undefined {
    try {
      rmSync(path, { force: true }) // of a process that had our number once
    } catch {
      return undefined
    }
    const memory = mapFile(path, Layout.OCTETS)
    return memory === undefined ? undefined : new LastQuestions(memory)
  }

  /** A packet is about to be looked at. Gives its slot, for done(). */
  begin(packet: Uint8Array, address: Uint8Array, port: number, nowMs: number): number {
    const slot = this.#next
    this.#next = (slot + 1) % Layout.SLOTS
    const at = Layout.SLOT_OCTETS * (slot + 1)
    const octets = this.#octets
    const length = Math.min(packet.length, Layout.PACKET_OCTETS)
    octets[at] = Layout.BEGUN
    octets[at + 1] = length
    this.#view.setUint16(at + 2, port)
    octets[at + 4] = address.length
    for (let i = 0; i < address.length; i++) octets[at + 5 + i] = address[i]
    this.#view.setFloat64(at + 24, nowMs)
    const to = at + Layout.PACKET
    for (let i = 0; i < length; i++) octets[to + i] = packet[i]
    this.#view.setUint32(0, this.#next)
    return slot
  }

  /** The call that looked at it has returned; the answer may still be on its way. */
  done(slot: number): void {
    this.#octets[Layout.SLOT_OCTETS * (slot + 1)] = Layout.DONE
  }
}
