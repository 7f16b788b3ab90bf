/** Is our clock right? The root zone is signed anew every day, and its signatures are never out of time: when they seem to be,
 *  the clock is wrong, and soon nothing will validate. RFC 4035 §5.3.1. */

import type { Clock, Timer } from '../../io/interfaces.ts'
import type { Request } from '../../request.ts'
import { ROOT } from '../../wire/name.ts'
import { rrsigFields } from '../../wire/rrset.ts'
import { Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

/** After the start, when clocks are set by programs that start as we do. */
const FIRST_MS = 30_000
const LOOK_MS = 3_600_000

export const timeSkew = defineModule({
  name: 'time-skew',
  about: 'Compares the clock with the times of the root zone’s signatures.',
  metrics: {
    looks: 'Times that the clock was compared with signatures of the root zone',
    wrong: 'Times that it was outside of them',
  },
  start({ clock, log, count, resolve }) {
    const state: { timer: Timer | undefined } = { timer: undefined }
    const look = () => {
      state.timer = clock.after(LOOK_MS, look)
      resolve(ROOT, Type.SOA, (request) => {
        const offBySeconds = offBy(request, clock)
        if (offBySeconds === undefined) return
        count('looks')
        if (offBySeconds === 0) return
        count('wrong')
        log('warning', 'time-skew', { offBySeconds })
      })
    }
    state.timer = clock.after(FIRST_MS, look)
    return state
  },
  stop({ state }) {
    state.timer?.cancel()
  },
})

/** How far the clock is outside the time of the root's signatures, in seconds; undefined: there are none to go by. */
export function offBy({ answer, bogus }: Request, clock: Clock): number | undefined {
  if (bogus !== undefined) return bogus.zoneCut.length === ROOT.length ? bogus.offBySeconds : undefined
  const signature = answer.find(({ type }) => type === Type.SOA)?.signatures[0]
  if (signature === undefined) return undefined
  const { inception, expiration } = rrsigFields(signature)
  const now = Math.floor(clock.wallMs() / 1000)
  // serial arithmetic, RFC 4034 §3.1.5
  return Math.max((inception - now) | 0, (now - expiration) | 0, 0)
}
