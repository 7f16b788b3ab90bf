/** Memory the fuzzing thread and its watchdog share: four numbers, then the packet being checked. */

export interface ThreadData {
  seed: number
  untilMs: number
  shared: SharedArrayBuffer
}

export interface Words {
  packets: number
  outcomes: number
  crashers: number
  /** Octets of the packet being checked. */
  length: number
}

const NAMES = ['packets', 'outcomes', 'crashers', 'length'] as const
const HEAD = 4 * NAMES.length

export function sharedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD + 65536)
}

/** The four numbers, read and written in shared memory. */
export function wordsOf(shared: SharedArrayBuffer): Words {
  const numbers = new Uint32Array(shared, 0, NAMES.length)
  const words = {} as Words
  NAMES.forEach((name, index) => {
    Object.defineProperty(words, name, {
      get: () => Atomics.load(numbers, index),
      set: (value: number) => Atomics.store(numbers, index, value),
    })
  })
  return words
}

export function packetOf(shared: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(shared, HEAD)
}
