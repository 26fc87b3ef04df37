/** Less is drift, or somebody who sets a clock. */
const MIN_SLEEP_MS = 2_000

/** Notices that the machine slept: meanwhile its wall clock goes on and its monotonic clock stands still, so that windows pass which no timer saw. */
export class SleepWatch {
  /** How far the wall clock was ahead of the monotonic one when they were looked at last. */
  #wallAheadMs = NaN

  /** @returns how long it slept since they were looked at last; 0 where it did not */
  look (wallMs: number, nowMs: number): number {
    const wallAheadMs = wallMs - nowMs
    const sleptMs = wallAheadMs - this.#wallAheadMs
    this.#wallAheadMs = wallAheadMs
    return sleptMs > MIN_SLEEP_MS ? sleptMs : 0
  }
}
