import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { give, type AnswerSink, type HeldAnswer } from '../answer.ts'
import { listOf } from '../fields.ts'
import { Problem } from '../problem.ts'

/** How a repeat is recognised: by its Idempotency-Key, or as an equal booking within BOOKING_REPEAT_WINDOW_SECONDS. */
export type Kind = 'key' | 'window'

/** Why nobody knows what became of a request: what is wrong with its answer, or that the sidecar that sent it is gone (`lost`). */
export type Unknown = 'no-answer' | 'broken-off' | 'too-large' | 'lost'

/** What became of the first request. */
export type Outcome =
  | { readonly state: 'answered', readonly answer: HeldAnswer }
  | { readonly state: 'unknown', readonly why: Unknown }

const FIRSTS = {
  key: 'the first request with this Idempotency-Key',
  window: 'an equal booking'
} as const satisfies Record<Kind, string>

const WHYS = {
  'no-answer': 'was sent to Bookable, and no answer came',
  'broken-off': 'was sent to Bookable, and its answer broke off',
  'too-large': 'was sent to Bookable, and its answer, which its own app got, was above 64 KiB and was not kept',
  lost: 'may have been sent to Bookable by another sidecar, which ended or was cut off before it told of an answer'
} as const satisfies Record<Unknown, string>

const WAYS_ON = {
  key: 'This one was not sent, nor will another with this key be; one with a new key will.',
  window: 'This one was not sent; with an Idempotency-Key of its own it will be, and without one when BOOKING_REPEAT_WINDOW_SECONDS have passed.'
} as const satisfies Record<Kind, string>

/** For a repeat of a request whose outcome is unknown. */
export function stillUnknown (kind: Kind, why: Unknown): Problem {
  const first = FIRSTS[kind]
  return new Problem('UPSTR-N-001', `${first.charAt(0).toUpperCase()}${first.slice(1)} ${WHYS[why]}. ${WAYS_ON[kind]}`)
}

/** For a repeat whose wait for the first has ended. */
export function stillRunning (kind: Kind, waitedMs: number): Problem {
  return new Problem('IDEMP-R-001', `After ${waitedMs} ms ${FIRSTS[kind]} still runs.`, { retryAfterMs: 1_000 })
}

/** For another request with the same key. */
export function otherRequest (): Problem {
  return new Problem('IDEMP-N-001', 'The first request with this Idempotency-Key had another method, target, partner reference or body. This one was not sent.')
}

/** For a request without room for its record: requests that run take all of it. */
export function full (): Problem {
  return new Problem('LOAD-R-001', 'No more outcomes can be remembered for now: too many requests with an Idempotency-Key run. Nothing was sent.', { retryAfterMs: 1_000 })
}

/** For a request that was not sent yet when its sidecar was held up: repeats elsewhere are told that its outcome is unknown. */
export function claimLost (): Problem {
  return new Problem('LOAD-R-001', 'The sidecar was held up for some seconds, and no longer holds the record of this request in Redis. Nothing was sent.', { retryAfterMs: 1_000 })
}

/** Answers a repeat with what the first request got. */
export function replay (answer: HeldAnswer, sink: AnswerSink): void {
  give({ ...answer, headers: [...answer.headers, 'Idempotency-Replayed', 'true'] }, sink)
}

/** Whether the API refused a request without acting on it, and may act on it later (RFC 9110 §15.5.2, RFC 6585 §4). */
export function isRefusal (status: number): boolean {
  return status === 401 || status === 429
}

/** Whether repeats get this answer: any, but one that says that the same request may be sent again. */
export function isFinal (answer: HeldAnswer): boolean {
  if (isRefusal(answer.status)) return false
  return answer.status < 400 || !isRetryable(answer)
}

function isRetryable ({ headers, chunks }: HeldAnswer): boolean {
  if (listOf(headers, 'content-type')?.toLowerCase().startsWith('application/problem+json') !== true) return false
  try {
    const problem: unknown = JSON.parse(decoded(Buffer.concat(chunks), listOf(headers, 'content-encoding')?.toLowerCase()).toString())
    return typeof problem === 'object' && problem !== null && 'isRetryable' in problem && problem.isRetryable === true
  } catch {
    // A problem that cannot be read does not say that it is.
    return false
  }
}

/** A problem is a few hundred bytes, however well it was packed. */
const MAX_DECODED = { maxOutputLength: 1024 * 1024 }

/** The app may have asked for a compressed answer. */
function decoded (body: Buffer, encoding: string | undefined): Buffer {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip': return gunzipSync(body, MAX_DECODED)
    case 'deflate': return inflateSync(body, MAX_DECODED)
    case 'br': return brotliDecompressSync(body, MAX_DECODED)
    default: return body
  }
}
