import type { Clock } from '../clock.ts'
import { readQuota, type QuotaReading } from './window.ts'

/** Windows last a minute; a reset that lies further ahead, whatever the clocks, is garbage. */
const MAX_AHEAD_MS = 24 * 60 * 60_000

/** What the API said last of the quota, while its window lasts. */
export class QuotaMeter {
  readonly #clock: Clock
  #reading: QuotaReading | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** @param headers of an answer of the API, names and values in turn */
  observe (headers: readonly string[]): void {
    const reading = readQuota(headers)
    if (reading === undefined || reading.resetsAtMs > this.#clock.nowMs() + MAX_AHEAD_MS) return
    const isSame = this.#reading?.resetsAtMs === reading.resetsAtMs
    // Answers may come out of order: within one window what is left only falls.
    this.#reading = isSame ? { ...reading, remaining: Math.min(reading.remaining, this.#reading?.remaining ?? Infinity) } : reading
  }

  /** Undefined until the API told one. A window that has turned is whole again. */
  get reading (): QuotaReading | undefined {
    const reading = this.#reading
    if (reading === undefined || reading.resetsAtMs > this.#clock.nowMs()) return reading
    return { ...reading, remaining: reading.limit }
  }
}
