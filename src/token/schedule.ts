/** The part of the expiry buffer by which a refresh may come earlier still, so that a fleet does not refresh at one moment. */
const JITTER = 0.1

/** What may heal soon (network, 5xx, 429): full jitter, so that a fleet that failed together does not come back together. */
const SOON = { firstMs: 250, capMs: 30_000 } as const

/** What only a person heals (refused credentials, an answer that is no token): never at once, or an account may be locked. */
const LATE = { firstMs: 1_000, capMs: 60_000 } as const

/** For the late lane, and the soon one at its cap: full jitter there would make 240 requests in an hour's outage; this makes 150 at most. */
const SMALL_JITTER = 0.1

/** A token that the API refuses although it is new points to something a token cannot heal; each refresh costs money. */
export const MIN_FORCED_REFRESH_INTERVAL_MS = 30_000

export type RetryLane = 'soon' | 'late'

/**
 * When to refresh, counted from the moment before the token request: the expiry buffer before the end, or at half-life
 * where the lifetime is under twice the buffer; jittered only earlier.
 * @param random from 0 to 1
 */
export function refreshAfterMs (lifetimeMs: number, expiryBufferMs: number, random: number): number {
  const bufferMs = Math.min(expiryBufferMs, lifetimeMs / 2)
  return lifetimeMs - bufferMs * (1 + JITTER * random)
}

/**
 * How long to wait after the `failures`th failure in a row (1 is the first): exponential and jittered, and never less than
 * the endpoint asked for.
 * @param random from 0 to 1
 * @param retryAfterMs the endpoint's Retry-After
 */
export function retryAfterFailureMs (lane: RetryLane, failures: number, random: number, retryAfterMs = 0): number {
  const { firstMs, capMs } = lane === 'soon' ? SOON : LATE
  const ceilingMs = Math.min(firstMs * 2 ** (failures - 1), capMs)
  const isFullJitter = lane === 'soon' && ceilingMs < capMs
  const delayMs = ceilingMs * (isFullJitter ? random : 1 - SMALL_JITTER * random)
  return Math.max(delayMs, retryAfterMs)
}
