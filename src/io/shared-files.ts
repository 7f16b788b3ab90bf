/** Files of a folder that several processes share: made whole by one of them, and mapped by all, to be read. */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { mapWholeFile } from './shared-memory.ts'

/** One file of a kind, whose name tells what is in it; who makes another removes those of before, which stay with those who
 *  map them. */
export class SharedFiles {
  readonly #folder: string
  readonly #prefix: string

  constructor(folder: string, prefix: string) {
    this.#folder = folder
    this.#prefix = prefix
  }

  pathOf(key: string): string {
    return join(this.#folder, this.#prefix + key)
  }

  /** undefined: nobody has made it, or it cannot be mapped. */
  find(key: string): ArrayBuffer | undefined {
    return mapWholeFile(this.pathOf(key))
  }

  /** Is in full on the disk before it has its name: after a crash of the machine it is whole, or not there. Throws what
   *  node:fs throws. */
  make(key: string, chunks: readonly ArrayBufferView[]): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const path = this.pathOf(key)
    const unfinished = `${path}.${process.pid}`
    const fd = openSync(unfinished, 'w', 0o600)
    try {
      for (const chunk of chunks) writeAll(fd, chunk)
      fsyncSync(fd)
      renameSync(unfinished, path)
    } catch (error) {
      rmSync(unfinished, { force: true })
      throw error
    } finally {
      closeSync(fd)
    }
    for (const other of readdirSync(this.#folder))
      if (other.startsWith(this.#prefix) && other !== this.#prefix + key)
        rmSync(join(this.#folder, other), { force: true })
  }
}

/** Is another when the file has been written, or replaced. */
export function stampOf(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
  return [path, dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

function writeAll(fd: number, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  const octets = new Uint8Array(buffer, byteOffset, byteLength)
  for (let done = 0; done < octets.length; ) done += writeSync(fd, octets, done)
}
