/** A clock that stands still until a test moves it. */

import type { Clock, Timer } from '../../src/io/interfaces.ts'

interface Alarm {
  dueMs: number
  /** Alarms due at one moment go off in the order they were set. */
  turn: number
  action: () => void
}

/** 2026-01-01 00:00:00 UTC: where simulated time begins unless told otherwise. */
export const TEST_EPOCH_MS = Date.UTC(2026, 0, 1)

export class ManualClock implements Clock {
  private wall: number
  private monotonic = 0
  private turns = 0
  private readonly alarms = new Set<Alarm>()

  constructor(wallMs = TEST_EPOCH_MS) {
    this.wall = wallMs
  }

  wallMs(): number {
    return this.wall
  }

  monotonicMs(): number {
    return this.monotonic
  }

  after(delayMs: number, action: () => void): Timer {
    const alarm: Alarm = { dueMs: this.monotonic + Math.max(0, delayMs), turn: this.turns++, action }
    this.alarms.add(alarm)
    return { cancel: () => void this.alarms.delete(alarm) }
  }

  soon(action: () => void): void {
    this.after(0, action)
  }

  /** When the next alarm is due, in monotonic milliseconds; undefined when none is set. */
  get nextDueMs(): number | undefined {
    return this.firstDue(Number.POSITIVE_INFINITY)?.dueMs
  }

  /** Alarms set and not gone off yet. */
  get pending(): number {
    return this.alarms.size
  }

  /** Lets `ms` milliseconds pass; every alarm due in them goes off at its own moment, also those set meanwhile. */
  advance(ms: number): void {
    const end = this.monotonic + ms
    for (let alarm = this.firstDue(end); alarm !== undefined; alarm = this.firstDue(end)) {
      this.moveTo(Math.max(alarm.dueMs, this.monotonic))
      this.alarms.delete(alarm)
      alarm.action()
    }
    this.moveTo(end)
  }

  /** Moves to the next alarm and lets it (and what else is due then) go off. False when no alarm is set. */
  advanceToNext(): boolean {
    const due = this.nextDueMs
    if (due === undefined) return false
    this.advance(Math.max(0, due - this.monotonic))
    return true
  }

  /** Sets the calendar, as an operator or NTP does; alarms and monotonic time stay as they are. */
  jumpWall(ms: number): void {
    this.wall += ms
  }

  private moveTo(monotonicMs: number): void {
    this.wall += monotonicMs - this.monotonic
    this.monotonic = monotonicMs
  }

  private firstDue(endMs: number): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.alarms) {
      if (alarm.dueMs > endMs) continue
      if (first === undefined || alarm.dueMs < first.dueMs || (alarm.dueMs === first.dueMs && alarm.turn < first.turn))
        first = alarm
    }
    return first
  }
}
