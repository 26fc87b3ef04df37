/** An answer takes time to arrive; most take less. */
const MAX_TRAVEL_MS = 500

/** Clocks run apart by less than this (100 ppm): what was learnt long ago is worth less. */
const DRIFT = 1e-4

/**
 * How far the API's clock is ahead of ours, by the Date of its answers. Those have whole seconds, cut off, and are told some time after: each
 * gives a least value, and more than a second's worth of values above it would do.
 *
 * None, where the clocks may agree; else the least, by which a window ends late rather than early, since what is sent too early is refused.
 * The greatest of many least values is close to the truth.
 */
export class ServerClock {
  #text = ''
  #dateMs = NaN
  #leastMs = NaN
  #learntAtMs = 0
  #isBehind = false

  /**
   * @param date as HTTP writes it (RFC 9110 §5.6.7); undefined or not a date: nothing is learnt
   * @param nowMs of our wall clock
   * @param monotonicMs of our monotonic clock
   */
  skewMs (date: string | undefined, nowMs: number, monotonicMs: number): number {
    if (date !== undefined && date !== this.#text) {
      this.#text = date
      this.#dateMs = Date.parse(date)
    }
    const leastMs = date === undefined ? NaN : this.#dateMs - nowMs
    if (!Number.isNaN(leastMs)) this.#learn(leastMs, monotonicMs)
    const mayAgree = this.#leastMs <= 0 && !(leastMs <= -1000 - MAX_TRAVEL_MS)
    return Number.isNaN(this.#leastMs) || (mayAgree && !this.#isBehind) ? 0 : this.#leastMs
  }

  /** It refused what our clock had already seen in the next window. */
  provedBehind (): void {
    this.#isBehind = true
  }

  #learn (leastMs: number, monotonicMs: number): void {
    const before = this.#leastMs - (monotonicMs - this.#learntAtMs) * DRIFT
    // Somebody set a clock.
    const isStep = !(leastMs + 1000 + MAX_TRAVEL_MS > before)
    if (!isStep && leastMs <= before) return
    this.#leastMs = leastMs
    this.#learntAtMs = monotonicMs
  }
}
