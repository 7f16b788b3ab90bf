/** A worker loads the program with less of a claim to the processors than those that answer (supervisor/priority.ts), until it
 *  is told to begin. */

import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** Takes the priority `usual` for all threads of this process: each has its own. */
export function takeFullPriority(usual: number): void {
  for (const thread of readdirSync('/proc/self/task'))
    try {
      if (getPriority(Number(thread)) !== usual) setPriority(Number(thread), usual)
    } catch {
      // it has ended, or it is not allowed after all
    }
}
