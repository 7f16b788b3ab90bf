/**
 * The machine's clock. Every query sets a timeout and nearly every one is cancelled, so timers are grouped by ticks of a
 * few milliseconds, and one Node timer, set for the next tick that has any, serves thousands of them.
 */

import type { Clock, Timer } from './interfaces.ts'

/** Timers go off up to this late, never early. */
export const TICK_MS = 4
const LONGEST_SLEEP_MS = 2 ** 31 - 1

/** One timer, linked to those of its tick. */
class Alarm implements Timer {
  action: (() => void) | undefined
  tick: Tick | undefined
  previous: Alarm | undefined
  next: Alarm | undefined
  private readonly clock: SystemClock

  constructor(clock: SystemClock, action: () => void) {
    this.clock = clock
    this.action = action
  }

  cancel(): void {
    if (this.tick !== undefined) this.clock.forget(this)
  }
}

/** The alarms of one tick, in the order they were set. */
interface Tick {
  number: number
  first: Alarm | undefined
  last: Alarm | undefined
}

export class SystemClock implements Clock {
  /** Ticks that have, or had, alarms: to find one by number, and as a binary heap with the earliest on top. */
  private readonly ticks = new Map<number, Tick>()
  private readonly heap: Tick[] = []
  private lastFired = 0
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
    const due = Math.ceil((performance.now() + Math.max(0, delayMs)) / TICK_MS)
    const tick = this.tickAt(Math.max(due, this.lastFired + 1)) // the tick now going off takes no more
    const alarm = new Alarm(this, action)
    alarm.tick = tick
    alarm.previous = tick.last
    if (tick.last === undefined) tick.first = alarm
    else tick.last.next = alarm
    tick.last = alarm
    if (this.alarms++ === 0) this.timer?.ref()
    if (tick.number < this.timerTick) this.sleepUntil(tick)
    return alarm
  }

  soon(action: () => void): void {
    setImmediate(action)
  }

  /** Alarms set and neither gone off nor cancelled. */
  get pending(): number {
    return this.alarms
  }

  /** Unlinks `alarm` from its tick; for Alarm.cancel(). */
  forget(alarm: Alarm): void {
    const { tick, previous, next } = alarm
    if (previous === undefined) tick!.first = next
    else previous.next = next
    if (next === undefined) tick!.last = previous
    else next.previous = previous
    alarm.tick = alarm.previous = alarm.next = undefined
    alarm.action = undefined // and with it all the exchange that waited
    if (--this.alarms === 0) this.timer?.unref() // left to go off, as the next query will want it, but holding nobody up
  }

  private tickAt(number: number): Tick {
    let tick = this.ticks.get(number)
    if (tick === undefined) {
      tick = { number, first: undefined, last: undefined }
      this.ticks.set(number, tick)
      push(this.heap, tick)
    }
    return tick
  }

  private sleepUntil(tick: Tick): void {
    clearTimeout(this.timer)
    this.timerTick = tick.number
    const delayMs = Math.ceil(tick.number * TICK_MS - performance.now())
    this.timer = setTimeout(this.wake, Math.min(Math.max(delayMs, 1), LONGEST_SLEEP_MS))
    if (this.alarms === 0) this.timer.unref()
  }

  private readonly wake = (): void => {
    this.timerTick = Number.POSITIVE_INFINITY
    this.timer = undefined
    try {
      this.fire(Math.floor(performance.now() / TICK_MS))
    } finally {
      if (this.heap.length > 0) this.sleepUntil(this.heap[0]) // also when an action threw: the others still go off
    }
  }

  private fire(now: number): void {
    while (this.heap.length > 0 && this.heap[0].number <= now) {
      const tick = this.heap[0]
      this.lastFired = Math.max(this.lastFired, tick.number)
      while (tick.first !== undefined) {
        const { action } = tick.first
        this.forget(tick.first)
        action!()
      }
      this.ticks.delete(tick.number)
      pop(this.heap)
    }
  }
}

export const systemClock: Clock = new SystemClock()

function push(heap: Tick[], tick: Tick): void {
  let at = heap.push(tick) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent].number <= tick.number) break
    heap[at] = heap[parent]
    at = parent
  }
  heap[at] = tick
}

/** Takes the earliest tick off a heap that is not empty. */
function pop(heap: Tick[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && heap[child + 1].number < heap[child].number) child++
    if (heap[child].number >= last.number) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = last
}
