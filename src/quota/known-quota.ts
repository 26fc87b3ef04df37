import type { Allotment } from './allotment.ts'

/** What operators are told, and an app with each refusal. */
export interface KnownQuota {
  readonly limit: number
  readonly remaining: number
  /** In epoch milliseconds of our clock. */
  readonly resetsAtMs: number
}

/**
 * What is known of the quota, by the wall clock. Pure.
 * @param known by the monotonic clock
 * @param wallMs the same moment as `nowMs`
 */
export function knownQuotaOf (known: NonNullable<Allotment['known']>, wallMs: number, nowMs: number): KnownQuota {
  // Windows turn at whole seconds.
  return { limit: known.limit, remaining: known.left, resetsAtMs: Math.round((wallMs + known.endsAtMs - nowMs) / 1000) * 1000 }
}
