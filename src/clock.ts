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

/** A time of the wall clock as people and machines read it: ISO 8601 in UTC. */
export function isoTime (epochMs: number): string {
  return new Date(epochMs).toISOString()
}

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function delay (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.setTimer(resolve, delayMs)
    signal?.addEventListener('abort', () => {
      timer.cancel()
      resolve()
    }, { once: true })
  })
}

/** A signal that aborts after `delayMs`, unless it is cancelled before. */
export function deadline (clock: Clock, delayMs: number): { readonly signal: AbortSignal, readonly cancel: () => void } {
  const controller = new AbortController()
  const timer = clock.setTimer(() => controller.abort(), delayMs)
  return { signal: controller.signal, cancel: () => timer.cancel() }
}

/** Node waits 1 ms for anything longer than this (a 30-day token would refresh in a loop). */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer (callback, delayMs) {
    const timeout = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS))
    return { cancel: () => clearTimeout(timeout) }
  }
}
