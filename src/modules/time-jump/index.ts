/** Tells when the clock of the machine is set while we run: what is kept until a certain time then ends earlier or later than
 *  it should, signatures included. The monotonic clock, which nobody sets, shows it. */

import type { Timer } from '../../io/interfaces.ts'
import { defineModule } from '../module.ts'

const LOOK_MS = 10_000
/** Clocks that are being corrected run at most half a second off in a thousand (adjtimex(2)): 5 ms in this time. */
const JUMP_MS = 1000

export const timeJump = defineModule({
  name: 'time-jump',
  about: 'Tells when the clock of the machine is set.',
  metrics: { forward: 'Times that the clock was set ahead', back: 'Times that the clock was set back' },
  start({ clock, log, count }) {
    const state: { timer: Timer | undefined } = { timer: undefined }
    let wallAheadMs = clock.wallMs() - clock.monotonicMs()
    const look = () => {
      const jumpMs = clock.wallMs() - clock.monotonicMs() - wallAheadMs
      wallAheadMs += jumpMs
      if (Math.abs(jumpMs) >= JUMP_MS) {
        count(jumpMs > 0 ? 'forward' : 'back')
        log('warning', 'time-jump', { bySeconds: Math.round(jumpMs / 1000) })
      }
      state.timer = clock.after(LOOK_MS, look)
    }
    look()
    return state
  },
  stop({ state }) {
    state.timer?.cancel()
  },
})
