import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import type { AnswerSink, HeldAnswer } from '../answer.ts'
import { give } from '../answer.ts'
import { nameAt } from '../fields.ts'
import { Problem } from '../problem.ts'

/** By what a repeat is known: by its Idempotency-Key, or by being an equal booking within the window. */
export type Kind = 'key' | 'window'

/** Why nobody knows what became of a request: what the answer lacked, or that the sidecar that had it is gone (`lost`). */
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

/** For a repeat that has waited as long as it may. */
export function stillRunning (kind: Kind, waitedMs: number): Problem {
  return new Problem('IDEMP-R-001', `After ${waitedMs} ms ${FIRSTS[kind]} still runs.`, { retryAfterMs: 1_000 })
}

/** For another request with the same key. */
export function otherRequest (): Problem {
  return new Problem('IDEMP-N-001', 'The first request with this Idempotency-Key had another method, target, partner reference or body. This one was not sent.')
}

/** While every record that there is room for is one of a request under way. */
export function full (): Problem {
  return new Problem('LOAD-R-001', 'No more outcomes can be remembered for now: too many requests with an Idempotency-Key run. Nothing was sent.', { retryAfterMs: 1_000 })
}

/** For one that waited to leave while its sidecar was held up: others were told that nobody knows of it, or will be. */
export function notHeld (): Problem {
  return new Problem('LOAD-R-001', 'The sidecar was held up for some seconds, and no longer holds the record of this request in Redis. Nothing was sent.', { retryAfterMs: 1_000 })
}

/** Answers a repeat with what the first request got. */
export function replay (answer: HeldAnswer, sink: AnswerSink): void {
  give({ ...answer, headers: [...answer.headers, 'Idempotency-Replayed', 'true'] }, sink)
}

/** What the API refuses before it looks at the request: it did not act, and may later (RFC 9110 §15.5.2, RFC 6585 §4). */
export function isRefusal (status: number): boolean {
  return status === 401 || status === 429
}

/** Whether an answer settles the matter: any but a refusal that says itself that the same request may be sent again. */
export function isFinal (answer: HeldAnswer): boolean {
  if (isRefusal(answer.status)) return false
  return answer.status < 400 || !isRetryable(answer)
}

function isRetryable ({ headers, chunks }: HeldAnswer): boolean {
  const value = (name: string): string => headers.find((_, i) => i % 2 === 1 && nameAt(headers, i) === name)?.toLowerCase() ?? ''
  if (!value('content-type').startsWith('application/problem+json')) return false
  try {
    const problem: unknown = JSON.parse(decoded(Buffer.concat(chunks), value('content-encoding')).toString())
    return typeof problem === 'object' && problem !== null && 'isRetryable' in problem && problem.isRetryable === true
  } catch {
    // Who cannot be read says nothing.
    return false
  }
}

/** A problem is a few hundred bytes, however well it was packed. */
const MAX_DECODED = { maxOutputLength: 1024 * 1024 }

/** The app may have asked for a compressed answer. */
function decoded (body: Buffer, encoding: string): Buffer {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip': return gunzipSync(body, MAX_DECODED)
    case 'deflate': return inflateSync(body, MAX_DECODED)
    case 'br': return brotliDecompressSync(body, MAX_DECODED)
    default: return body
  }
}
