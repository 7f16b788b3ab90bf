/** A folder that stands for `/`, with the files of /proc and /sys that a test puts there. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export class MachineRoot {
  readonly path = mkdtempSync(join(tmpdir(), 'bowline-root-'))

  file(path: string, text: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true })
    writeFileSync(join(this.path, path), text)
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}
