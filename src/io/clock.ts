/**
 * The machine's clock. Every query sets a timeout and nearly every one is cancelled, so timers are grouped by ticks of a
 * few milliseconds, on a wheel, and one Node timer, set for the next tick that has any, serves thousands of them.
 */

import type { Clock, Timer } from './interfaces.ts'

/** Timers go off up to this late, never early. */
export const TICK_MS = 4
const LONGEST_SLEEP_MS = 2 ** 31 - 1

/** Slots of the wheel, a power of two: timers further off than a turn of it stay in their slot for as many turns. */
const SLOTS = 4096

/** One timer, linked to those of its slot. */
class Alarm implements Timer {
  readonly tick: number
  action: (() => void) | undefined
  previous: Alarm | undefined = undefined
  next: Alarm | undefined = undefined
  private readonly clock: SystemClock

  constructor(clock: SystemClock, tick: number, action: () => void) {
    this.clock = clock
    this.tick = tick
    this.action = action
  }

  cancel(): void {
    if (this.action !== undefined) this.clock.forget(this)
  }
}

export class SystemClock implements Clock {
  /** The alarms of each slot, in the order they were set: those of the ticks that are the same modulo SLOTS. */
  private readonly first: (Alarm | undefined)[] = new Array(SLOTS).fill(undefined)
  private readonly last: (Alarm | undefined)[] = new Array(SLOTS).fill(undefined)
  /** All alarms up to this tick have gone off. */
  private lastFired = 0
  /** Those of this tick go off now, or have: it takes no more. */
  private firing = 0
  private alarms = 0
  private timer: NodeJS.Timeout | undefined
  private timerTick = Number.POSITIVE_INFINITY

  wallMs(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  after(delayMs: number, action: () => void): Timer {
    const now = performance.now()
    if (this.alarms === 0) this.skipTo(Math.floor(now / TICK_MS))
    const due = Math.ceil((now + Math.max(0, delayMs)) / TICK_MS)
    const alarm = new Alarm(this, Math.max(due, this.firing + 1), action)
    const slot = alarm.tick % SLOTS
    const before = this.last[slot]
    alarm.previous = before
    if (before === undefined) this.first[slot] = alarm
    else before.next = alarm
    this.last[slot] = alarm
    if (this.alarms++ === 0) this.timer?.ref()
    if (alarm.tick < this.timerTick) this.sleepUntil(alarm.tick)
    return alarm
  }

  soon(action: () => void): void {
    setImmediate(action)
  }

  /** Alarms set and neither gone off nor cancelled. */
  get pending(): number {
    return this.alarms
  }

  /** Unlinks `alarm` from its slot; for Alarm.cancel(). */
  forget(alarm: Alarm): void {
    const { tick, previous, next } = alarm
    const slot = tick % SLOTS
    if (previous === undefined) this.first[slot] = next
    else previous.next = next
    if (next === undefined) this.last[slot] = previous
    else next.previous = previous
    alarm.previous = alarm.next = undefined
    alarm.action = undefined // and with it all the exchange that waited
    if (--this.alarms === 0) this.timer?.unref() // left to go off, as the next query will want it, but holding nobody up
  }

  private sleepUntil(tick: number): void {
    clearTimeout(this.timer)
    this.timerTick = tick
    const delayMs = Math.ceil(tick * TICK_MS - performance.now())
    this.timer = setTimeout(this.wake, Math.min(Math.max(delayMs, 1), LONGEST_SLEEP_MS))
    if (this.alarms === 0) this.timer.unref()
  }

  private readonly wake = (): void => {
    this.timerTick = Number.POSITIVE_INFINITY
    this.timer = undefined
    try {
      this.fire(Math.floor(performance.now() / TICK_MS))
    } finally {
      if (this.alarms > 0) this.sleepUntil(this.nextTick()) // also when an action threw: the others still go off
    }
  }

  private fire(now: number): void {
    while (this.lastFired < now && this.alarms > 0) {
      const tick = this.lastFired + 1
      this.firing = tick
      let alarm = this.first[tick % SLOTS]
      while (alarm !== undefined) {
        const { next, action } = alarm
        if (alarm.tick === tick) {
          this.forget(alarm)
          action!()
          alarm = this.first[tick % SLOTS] // the action may have cancelled others
        } else alarm = next
      }
      this.lastFired = tick
    }
    if (this.alarms === 0) this.skipTo(now)
  }

  /** There is nothing to go off up to `tick`. */
  private skipTo(tick: number): void {
    this.lastFired = Math.max(this.lastFired, tick)
    this.firing = Math.max(this.firing, this.lastFired)
  }

  /** The next tick that may have alarms: at the latest, when the wheel has turned once. */
  private nextTick(): number {
    for (let tick = this.lastFired + 1; tick < this.lastFired + SLOTS; tick++)
      for (let alarm = this.first[tick % SLOTS]; alarm !== undefined; alarm = alarm.next)
        if (alarm.tick === tick) return tick
    return this.lastFired + SLOTS
  }
}

export const systemClock: Clock = new SystemClock()

/** A clock that is looked at once for all that is done in a row: time stands still from the first look until the work at
 *  hand is done, a batch of packets at most. One question looks at the time some thirty times. */
export class TurnClock implements Clock {
  private readonly clock: Clock
  private isRead = false
  private wall = 0
  private monotonic = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  wallMs(): number {
    if (!this.isRead) this.read()
    return this.wall
  }

  monotonicMs(): number {
    if (!this.isRead) this.read()
    return this.monotonic
  }

  after(delayMs: number, action: () => void): Timer {
    return this.clock.after(delayMs, action)
  }

  soon(action: () => void): void {
    this.clock.soon(action)
  }

  private read(): void {
    this.wall = this.clock.wallMs()
    this.monotonic = this.clock.monotonicMs()
    this.isRead = true
    queueMicrotask(this.forget)
  }

  private readonly forget = (): void => {
    this.isRead = false
  }
}
