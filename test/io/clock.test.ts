import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { SystemClock, TICK_MS, TurnClock } from '../../src/io/clock.ts'
import type { Timer } from '../../src/io/interfaces.ts'
import { SeededRandom } from '../support/random.ts'

const clockFile = new URL('../../src/io/clock.ts', import.meta.url).href

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Runs `script` in a process of its own, `clock` being a SystemClock; what it printed. */
async function runAlone(script: string): Promise<string> {
  const source = `import { SystemClock } from '${clockFile}'; const clock = new SystemClock(); ${script}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 15_000,
  })
  return stdout.trim()
}

describe('SystemClock', () => {
  it('tells both times', () => {
    const clock = new SystemClock()
    expect(Math.abs(clock.wallMs() - Date.now())).to.be.lessThan(1000)
    const before = clock.monotonicMs()
    expect(clock.monotonicMs()).to.be.at.least(before)
  })

  it('lets timers go off in order of their time, never early, never at once', async () => {
    const clock = new SystemClock()
    const fired: number[] = []
    let early = 0
    for (const delayMs of [60, 5, 30, 0, 90, 30, -1]) {
      const due = clock.monotonicMs() + delayMs
      clock.after(delayMs, () => {
        fired.push(delayMs)
        if (clock.monotonicMs() < due) early++
      })
    }
    expect(fired).to.deep.equal([])
    await sleep(130)
    expect(early).to.equal(0)
    expect(fired.filter((delayMs) => delayMs > TICK_MS)).to.deep.equal([5, 30, 30, 60, 90])
    expect(fired.slice(0, 2)).to.have.members([0, -1])
    expect(clock.pending).to.equal(0)
  })

  it('lets none of those cancelled go off, also by one of the same tick', async () => {
    const clock = new SystemClock()
    const fired: string[] = []
    const before = clock.after(5, () => fired.push('before'))
    before.cancel()
    before.cancel()
    let after: Timer | undefined
    clock.after(10, () => {
      fired.push('canceller')
      after?.cancel()
    })
    after = clock.after(10, () => fired.push('after'))
    await sleep(60)
    expect(fired).to.deep.equal(['canceller'])
    expect(clock.pending).to.equal(0)
  })

  it('takes a new, earlier timer while it sleeps until a later one', async () => {
    const clock = new SystemClock()
    const fired: string[] = []
    const late = clock.after(10_000, () => fired.push('late'))
    clock.after(10, () => fired.push('early'))
    await sleep(60)
    expect(fired).to.deep.equal(['early'])
    late.cancel()
  })

  it('lets a timer set by another go off later, not in the same go', async () => {
    const clock = new SystemClock()
    let rounds = 0
    const again = (): void => {
      if (++rounds < 5) clock.after(0, again)
    }
    clock.after(0, again)
    await sleep(100)
    expect(rounds).to.equal(5)
  })

  it('holds ten thousand, most of which are cancelled', async () => {
    const clock = new SystemClock()
    let fired = 0
    const timers = Array.from({ length: 10_000 }, (_, i) => clock.after(10 + (i % 50), () => fired++))
    for (const [i, timer] of timers.entries()) if (i % 10 !== 0) timer.cancel()
    expect(clock.pending).to.equal(1000)
    await sleep(150)
    expect(fired).to.equal(1000)
  })

  it('keeps the process alive for a timer that is set, and not for one that is cancelled', async () => {
    expect(await runAlone(`clock.after(50, () => console.log('fired'))`)).to.equal('fired')
    const script = `clock.after(60_000, () => {}).cancel(); process.on('exit', () => console.log('gone'))`
    expect(await runAlone(script)).to.equal('gone')
  })

  it('lets the others go off when one throws', async () => {
    const script = `process.on('uncaughtException', () => console.log('thrown'));
      clock.after(5, () => { throw new Error('no') }); clock.after(5, () => console.log('same')); clock.after(30, () => console.log('later'))`
    expect((await runAlone(script)).split('\n')).to.deep.equal(['thrown', 'same', 'later'])
  })

  it('keeps timers that are further off than a turn of its wheel', async () => {
    const script = `const now = performance.now.bind(performance); let ahead = 0; performance.now = () => now() + ahead
      clock.after(20_000, () => console.log('far')); clock.after(20, () => { console.log('near'); ahead = 20_010; clock.after(0, () => console.log('after')) })`
    expect((await runAlone(script)).split('\n')).to.deep.equal(['near', 'far', 'after'])
  })
})

/** Node's timers and clock, moved by hand. */
class PlayedTime {
  now = 1000
  /** What an action may throw. */
  readonly allowed = new Error('of the action')
  readonly #timeouts = new Set<{ dueMs: number; action: () => void; isRef: boolean }>()
  readonly #real = { setTimeout, clearTimeout, now: performance.now }

  install(): void {
    const set = (action: () => void, delayMs: number) => {
      const timeout = {
        dueMs: this.now + Math.max(1, delayMs),
        action,
        isRef: true,
        ref: () => (timeout.isRef = true),
        unref: () => (timeout.isRef = false),
      }
      this.#timeouts.add(timeout)
      return timeout
    }
    globalThis.setTimeout = set as never
    globalThis.clearTimeout = ((timeout: never) => void this.#timeouts.delete(timeout)) as never
    performance.now = () => this.now
  }

  restore(): void {
    globalThis.setTimeout = this.#real.setTimeout
    globalThis.clearTimeout = this.#real.clearTimeout
    performance.now = this.#real.now
  }

  /** Whether anything keeps the process. */
  get keeps(): boolean {
    return [...this.#timeouts].some(({ isRef }) => isRef)
  }

  /** Lets `ms` pass, and all go off in that time, each at its own; with `blocked`, all together at its end. */
  pass(ms: number, blocked: boolean): void {
    const end = this.now + ms
    if (blocked) this.now = end
    for (;;) {
      const [first] = [...this.#timeouts].sort((a, b) => a.dueMs - b.dueMs)
      if (first === undefined || first.dueMs > end) break
      this.now = Math.max(this.now, first.dueMs)
      this.#timeouts.delete(first)
      try {
        first.action()
      } catch (error) {
        if (error !== this.allowed) throw error
      }
    }
    this.now = end
  }
}

describe('SystemClock on time moved by hand', () => {
  let time: PlayedTime

  beforeEach(() => {
    time = new PlayedTime()
    time.install()
  })
  afterEach(() => time.restore())

  for (let seed = 1; seed <= 40; seed++) {
    it(`does what a list of alarms would do (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const clock = new SystemClock()
      const waiting = new Map<Timer, { dueMs: number; order: number }>()
      let lastTick = 0
      let lastOrder = 0
      let order = 0
      const delay = () =>
        random.pick([0, 1, 3, 40, 40, 400, 400, 5000, 16_384, 17_000, 40_000, 100_000]) * random.pick([1, 1, 0.7])
      const cancelOne = () => {
        const timers = [...waiting.keys()]
        if (timers.length === 0) return
        const timer = random.pick(timers)
        timer.cancel()
        timer.cancel()
        waiting.delete(timer)
      }
      const set = () => {
        const alarm = { dueMs: time.now + delay(), order: order++ }
        const timer = clock.after(alarm.dueMs - time.now, () => {
          expect(waiting.delete(timer), 'once, and not when cancelled').to.equal(true)
          expect(time.now).to.be.at.least(alarm.dueMs)
          const tick = Math.ceil(alarm.dueMs / TICK_MS)
          if (tick === lastTick) expect(alarm.order).to.be.above(lastOrder)
          if (tick >= lastTick) [lastTick, lastOrder] = [tick, alarm.order]
          else
            expect(alarm.dueMs, 'out of turn only where it was set too late for its tick').to.be.at.least(
              time.now - 2 * TICK_MS,
            )
          timer.cancel()
          for (let many = random.below(3); many > 0; many--) random.below(2) === 0 ? set() : cancelOne()
          if (random.below(20) === 0) throw time.allowed
        })
        waiting.set(timer, alarm)
      }
      for (let step = 0; step < 400; step++) {
        const doing = random.below(10)
        if (doing < 4 && waiting.size < 200) set()
        else if (doing < 6) cancelOne()
        else time.pass(random.pick([0, 1, 3.3, 4, 50, 500, 3000, 20_000, 70_000]), random.below(3) === 0)
        time.pass(20, false) // what was left when an action threw
        expect(clock.pending).to.equal(waiting.size)
        expect(time.keeps).to.equal(waiting.size > 0)
        const late = [...waiting.values()].filter(({ dueMs }) => dueMs + 2 * TICK_MS + 2 < time.now)
        expect(late).to.deep.equal([])
      }
    })
  }
})

describe('TurnClock', () => {
  it('stands still while work is done in a row, and goes on after that', async () => {
    let time = 1000
    const clock = new TurnClock({
      wallMs: () => ++time,
      monotonicMs: () => ++time,
      after: undefined!,
      soon: undefined!,
    })
    const seen = [clock.wallMs(), clock.monotonicMs(), clock.wallMs(), clock.monotonicMs()]
    expect(seen).to.deep.equal([1001, 1002, 1001, 1002])
    await Promise.resolve()
    expect([clock.monotonicMs(), clock.wallMs()]).to.deep.equal([1004, 1003])
  })
})
