/** A pending callback. */
export interface Timer {
  cancel (): void
}

/**
 * The only source of time. Everything that waits or compares takes one, so that a test moves time instead of sleeping.
 */
export interface Clock {
  /** Epoch milliseconds of the wall clock. It jumps when someone sets it. */
  nowMs (): number
  /** Milliseconds that never go backwards. It stands still while the machine sleeps. */
  monotonicMs (): number
  /** Calls back once after at least `delayMs`, which is clamped to what Node can wait: look at the clock again then. */
  setTimer (callback: () => void, delayMs: number): Timer
}

/** ISO 8601 in UTC. */
export function isoTime (epochMs: number): string {
  return new Date(epochMs).toISOString()
}

/** Resolves after `delayMs`. */
export function delay (clock: Clock, delayMs: number): Promise<void> {
  return new Promise(resolve => { clock.setTimer(resolve, delayMs) })
}

/** A signal that aborts after `delayMs`, unless it is cancelled before. */
export function deadline (clock: Clock, delayMs: number): { readonly signal: AbortSignal, readonly cancel: () => void } {
  const controller = new AbortController()
  const timer = clock.setTimer(() => controller.abort(), delayMs)
  return { signal: controller.signal, cancel: () => timer.cancel() }
}

/** One moment on both clocks: a wall clock jumps, a monotonic one stands still while a machine sleeps. */
export interface Moment { readonly wallMs: number, readonly monotonicMs: number }

/** The present moment. */
export function momentOf (clock: Clock): Moment {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
}

/** The moment `ms` later, or earlier where it is negative. */
export function later ({ wallMs, monotonicMs }: Moment, ms: number): Moment {
  return { wallMs: wallMs + ms, monotonicMs: monotonicMs + ms }
}

/** Whether either clock has reached it. */
export function isPast ({ wallMs, monotonicMs }: Moment, clock: Clock): boolean {
  return clock.monotonicMs() >= monotonicMs || clock.nowMs() >= wallMs
}

/** What came of work that had a limit: its value, or none in time. */
type Timed<Value> = { readonly isLate: false, readonly value: Value } | { readonly isLate: true }

/**
 * Waits for work, but no longer than `limitMs`. When the process itself was held up, its timers run before it reads what arrived meanwhile;
 * so nothing is called late before one more turn of the event loop has passed.
 */
export async function within<Value> (clock: Clock, limitMs: number, work: Promise<Value>): Promise<Timed<Value>> {
  let timer: Timer | undefined
  const late = new Promise<Timed<Value>>(resolve => {
    timer = clock.setTimer(() => setImmediate(() => resolve({ isLate: true })), limitMs)
  })
  try {
    // A failure that comes too late is ignored.
    return await Promise.race([work.then(value => ({ isLate: false as const, value })), late])
  } finally {
    timer?.cancel()
  }
}

/** Node waits 1 ms for anything longer than this (a 30-day token would refresh in a loop). */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer (callback, delayMs) {
    const timeout = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS))
    return { cancel: () => clearTimeout(timeout) }
  }
}
