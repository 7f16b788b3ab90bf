/** To be loaded into every process of a service (`NODE_OPTIONS=--import=…`): the wall clock of them all is as many milliseconds
 *  off as the file named by SKEW_FILE says. Monotonic time goes on as it does. */

import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 20
const real = Date.now
let skewMs = 0
let lookedMs = Number.NEGATIVE_INFINITY

Date.now = () => {
  const nowMs = performance.now()
  if (nowMs - lookedMs > LOOK_EVERY_MS) {
    lookedMs = nowMs
    try {
      skewMs = Number(readFileSync(process.env.SKEW_FILE ?? '', 'latin1')) || 0
    } catch {
      // it is just being written
    }
  }
  return real() + skewMs
}
