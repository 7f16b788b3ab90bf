/** Which of the programs from Debian (dig, knotd, unbound …) are here, and what a test does when one is not. */

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']

/** Where `command` is installed; undefined when it is not. */
export function findPeer(command: string): string | undefined {
  for (const folder of searchPath) {
    const path = join(folder, command)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/** Skips the running test, with a message, when one of `commands` is missing; fails it under BOWLINE_REQUIRE_PEERS=1. */
export function needPeer(context: Mocha.Context, ...commands: string[]): void {
  const missing = commands.filter((command) => findPeer(command) === undefined)
  if (missing.length === 0) return
  const message = `needs ${missing.join(', ')}, which this machine does not have`
  if (process.env.BOWLINE_REQUIRE_PEERS === '1') throw new Error(message)
  console.log(`      skipped: ${message}`)
  context.skip()
}
