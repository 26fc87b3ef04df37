import { MAX_HELD_BYTES } from '../answer.ts'
import { Problem } from '../problem.ts'

/** Whether a method is not idempotent by itself (RFC 9110 §9.2.2): for the others an Idempotency-Key means nothing. */
export function mayBeRepeated (method: string): boolean {
  return method === 'POST' || method === 'PATCH'
}

const KEY = /^[\x21-\x7e]{1,255}$/

/** A string (RFC 8941 §3.3.3), in which quotes and backslashes are escaped; without parameters. */
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/

/**
 * The key in an Idempotency-Key header. draft-ietf-httpapi-idempotency-key-header wants it in quotes, most clients send none: both are the same key.
 * @returns undefined where the header is malformed
 */
export function parseKey (value: string): string | undefined {
  const key = value.startsWith('"') ? QUOTED.exec(value)?.[1]?.replace(/\\(.)/g, '$1') : value
  return key !== undefined && KEY.test(key) ? key : undefined
}

export function malformedKey (): Problem {
  return new Problem('IDEMP-N-002', 'The Idempotency-Key is malformed; nothing was sent.')
}

export function tooLarge (): Problem {
  return new Problem('PROXY-N-007', `A request with an Idempotency-Key has a body above ${MAX_HELD_BYTES / 1024} KiB, and could not be compared with a repeat. Nothing was sent.`, { status: 413 })
}

/** By whole segments; a query may follow. */
const BOOKING = /^\/venues\/[^/?]+\/booking(?:\?|$)/

/** Whether a request makes a booking, by its path without that of BOOKABLE_API_URL. */
export function isBooking (method: string, target: string): boolean {
  return method === 'POST' && BOOKING.test(target)
}
