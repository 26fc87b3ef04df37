/** What an answer of the API says of the quota (X-RateLimit-Limit, -Remaining, -Reset). */
export interface QuotaReading {
  readonly limit: number
  readonly remaining: number
  /** When the window turns, in epoch milliseconds of the API's clock. */
  readonly resetsAtMs: number
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
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? ''
    // Most names are of another length: only the rest is worth lower case.
    if (name.length !== 17 && name.length !== 21) continue
    switch (name.toLowerCase()) {
      case 'x-ratelimit-limit': limit = wholeNumber(flat[i + 1]); break
      case 'x-ratelimit-remaining': remaining = wholeNumber(flat[i + 1]); break
      case 'x-ratelimit-reset': resetsAtS = wholeNumber(flat[i + 1]); break
    }
  }
  return limit === undefined || remaining === undefined || resetsAtS === undefined ? undefined : { limit, remaining, resetsAtMs: resetsAtS * 1000 }
}

function wholeNumber (text = ''): number | undefined {
  return /^\d{1,12}$/.test(text) ? Number(text) : undefined
}
