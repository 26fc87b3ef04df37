/** How long Bookable's windows last. One that is said to last longer is looked at again after this time all the same: a header may be garbage. */
export const WINDOW_MS = 60_000

/** What an answer of the API says of the quota (X-RateLimit-Limit, -Remaining, -Reset; Date). */
export interface QuotaReading {
  readonly limit: number
  readonly remaining: number
  /** When the window turns, in epoch milliseconds of the API's clock; it tells one window from another. */
  readonly resetsAtMs: number
  /** The API's clock, in whole seconds, as HTTP writes it (RFC 9110 §5.6.7). */
  readonly date: string | undefined
}

/**
 * Reads the quota from the headers of an answer. Pure.
 * @param flat names and values in turn
 * @returns undefined where the API names none, or one that makes no sense
 */
export function readQuota (flat: readonly string[]): QuotaReading | undefined {
  let limit: number | undefined
  let remaining: number | undefined
  let resetsAtS: number | undefined
  let date: string | undefined
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? ''
    // Most names are of another length: only the rest is worth lower case.
    if (name.length !== 17 && name.length !== 21 && name.length !== 4) continue
    switch (name.toLowerCase()) {
      case 'x-ratelimit-limit': limit = wholeNumber(flat[i + 1]); break
      case 'x-ratelimit-remaining': remaining = wholeNumber(flat[i + 1]); break
      case 'x-ratelimit-reset': resetsAtS = wholeNumber(flat[i + 1]); break
      case 'date': date = flat[i + 1]; break
    }
  }
  return limit === undefined || remaining === undefined || resetsAtS === undefined ? undefined : { limit, remaining, resetsAtMs: resetsAtS * 1000, date }
}

function wholeNumber (text = ''): number | undefined {
  return /^\d{1,12}$/.test(text) ? Number(text) : undefined
}
