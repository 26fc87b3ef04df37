import type { Clock, Timer } from '../../src/clock.ts'

/** Small, so that what is on its way over loopback arrives in little time. */
const STEP_MS = 100

interface Pending { readonly dueAtMs: number, readonly callback: () => void }

/** A clock that moves only when told to. Timers run in the order of their due times. */
export class FakeClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  readonly #pending = new Set<Pending>()

  constructor (wallMs = Date.parse('2026-06-01T12:00:00Z')) {
    this.#wallMs = wallMs
  }

  nowMs (): number {
    return this.#wallMs
  }

  monotonicMs (): number {
    return this.#monotonicMs
  }

  setTimer (callback: () => void, delayMs: number): Timer {
    const pending = { dueAtMs: this.#monotonicMs + Math.max(delayMs, 0), callback }
    this.#pending.add(pending)
    return { cancel: () => { this.#pending.delete(pending) } }
  }

  get pendingTimers (): number {
    return this.#pending.size
  }

  /** Both clocks advance and every timer that falls due runs; promises they settle are let run before time goes on. */
  async advanceMs (ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms
    for (;;) {
      await settle()
      const dueAtMs = this.#nextDueMs()
      if (dueAtMs > untilMs) break
      this.#moveTo(dueAtMs)
      for (const pending of [...this.#pending].filter(pending => pending.dueAtMs === dueAtMs)) {
        // One of the others may have cancelled it.
        if (this.#pending.delete(pending)) pending.callback()
      }
    }
    this.#moveTo(untilMs)
    await settle()
  }

  /** Moves step by step while real I/O goes on, until `work` is done. */
  async runUntil (work: Promise<unknown>): Promise<void> {
    const state = { isDone: false }
    const done = (): void => { state.isDone = true }
    work.then(done, done)
    while (!state.isDone) await this.advanceMs(STEP_MS)
  }

  /** Somebody sets the wall clock. Timers know nothing of it. */
  jumpWallMs (ms: number): void {
    this.#wallMs += ms
  }

  /** The machine sleeps: the wall clock goes on, the monotonic clock and the timers stand still. */
  sleepMs (ms: number): void {
    this.jumpWallMs(ms)
  }

  #moveTo (monotonicMs: number): void {
    this.#wallMs += Math.max(monotonicMs - this.#monotonicMs, 0)
    this.#monotonicMs = Math.max(monotonicMs, this.#monotonicMs)
  }

  #nextDueMs (): number {
    let dueAtMs = Infinity
    for (const pending of this.#pending) dueAtMs = Math.min(dueAtMs, pending.dueAtMs)
    return dueAtMs
  }
}

/** Lets promises and I/O that are ready run, without waiting for any time to pass. */
export async function settle (): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}
