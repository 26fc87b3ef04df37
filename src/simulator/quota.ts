/** Bookable counts in fixed windows: they turn at the whole minute, whenever the first request came. */
export const QUOTA_WINDOW_MS = 60_000

/** What one request is told about the quota. */
export interface QuotaReading {
  readonly isAllowed: boolean
  readonly limit: number
  readonly remaining: number
  /** Unix seconds at which the window turns (X-RateLimit-Reset). */
  readonly resetAtS: number
}

/** The quota of one client. Whoever calls `spend` spends of the same window, as all processes of a client do. */
export class Quota {
  readonly #limit: number
  #windowStartMs = 0
  #used = 0

  constructor (limit: number) {
    this.#limit = limit
  }

  /**
   * Counts one request, a refused one too.
   * @param isUsedUp whether others, who are not counted here, left nothing of the window
   */
  spend (nowMs: number, isUsedUp = false): QuotaReading {
    const startMs = nowMs - nowMs % QUOTA_WINDOW_MS
    if (startMs !== this.#windowStartMs) {
      this.#windowStartMs = startMs
      this.#used = 0
    }
    this.#used++
    return {
      isAllowed: !isUsedUp && this.#used <= this.#limit,
      limit: this.#limit,
      remaining: isUsedUp ? 0 : Math.max(this.#limit - this.#used, 0),
      resetAtS: (startMs + QUOTA_WINDOW_MS) / 1000
    }
  }
}
