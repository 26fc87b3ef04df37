/** Bookable counts in fixed windows: they turn at the whole minute, whenever the first request came. */
const QUOTA_WINDOW_MS = 60_000

/** What one request is told about the quota. */
export interface QuotaReading {
  readonly isAllowed: boolean
  readonly limit: number
  readonly remaining: number
  /** Unix seconds at which the window turns (X-RateLimit-Reset). */
  readonly resetAtS: number
}

/** What is otherwise than usual, from one request to the next. */
export interface QuotaTerms {
  /** Instead of the limit that the quota was made with. */
  readonly limit?: number | undefined
  /** What another process of the client spends in one window, evenly from its start to its end: by the clock alone, so that every run is the same. */
  readonly sharedPerWindow?: number | undefined
  /** Others left nothing of the window. */
  readonly isUsedUp?: boolean | undefined
}

/** The quota of one client. Whoever calls `spend` spends of the same window, as all processes of a client do. */
export class Quota {
  readonly #limit: number
  #windowStartMs = 0
  #used = 0

  constructor (limit: number) {
    this.#limit = limit
  }

  /** Counts one request, a refused one too. */
  spend (nowMs: number, { limit = this.#limit, sharedPerWindow = 0, isUsedUp = false }: QuotaTerms = {}): QuotaReading {
    const startMs = nowMs - nowMs % QUOTA_WINDOW_MS
    if (startMs !== this.#windowStartMs) {
      this.#windowStartMs = startMs
      this.#used = 0
    }
    this.#used++
    const usedByOthers = isUsedUp ? Infinity : Math.floor(sharedPerWindow * (nowMs - startMs) / QUOTA_WINDOW_MS)
    const left = limit - this.#used - usedByOthers
    return {
      isAllowed: left >= 0,
      limit,
      remaining: Math.max(left, 0),
      resetAtS: (startMs + QUOTA_WINDOW_MS) / 1000
    }
  }
}
