import type { Readable } from 'node:stream'
import type { Problem } from '../problem.ts'

/** A request as it goes to the API. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: Buffer | Readable | null
  /** Asked when a connection is there: whether it may still be sent as it is, with the token that it carries. */
  readonly isStillGood: () => boolean
  /** Asked then as well: why it must not be sent any more. Undefined where nothing could forbid it. */
  readonly refusal: (() => Problem | undefined) | undefined
}

/** Whether a body is still there after it was sent; one that streams can be sent once. */
export function isKept (body: UpstreamRequest['body']): body is Buffer | null {
  return body === null || Buffer.isBuffer(body)
}

/** What is left of an upload is of no use to anybody. */
export function discard (body: UpstreamRequest['body']): void {
  if (!isKept(body)) body.destroy()
}
