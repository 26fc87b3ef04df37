import type { Clock } from '../clock.ts'
import { readQuota, type QuotaReading } from './window.ts'

/** What the API said last of the quota, while its window lasts. */
export class QuotaMeter {
  readonly #clock: Clock
  #reading: QuotaReading | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** @param headers of an answer of the API, names and values in turn */
  observe (headers: readonly string[]): void {
    this.#reading = readQuota(headers) ?? this.#reading
  }

  /** Undefined until the API told one. A window that has turned is whole again. */
  get reading (): QuotaReading | undefined {
    const reading = this.#reading
    if (reading === undefined || reading.resetsAtMs > this.#clock.nowMs()) return reading
    return { ...reading, remaining: reading.limit }
  }
}
