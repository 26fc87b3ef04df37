import type { Problem } from '../problem.ts'
import type { RequestBody } from '../request-body.ts'

/** A request as it goes to the API. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: RequestBody
  /** Asked when a connection is there: whether it may still be sent as it is, with the token that it carries. */
  readonly isStillGood: () => boolean
  /** Asked then as well: why it must not be sent any more. Undefined where nothing could forbid it. */
  readonly refusal: (() => Problem | undefined) | undefined
}
