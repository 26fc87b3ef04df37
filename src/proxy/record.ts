import type { Problem } from '../problem.ts'
import type { ServedBy } from '../reads/reader.ts'
import type { RepeatOutcome } from '../repeats/seat.ts'

/** What the log and the metrics are told of a request at its end. */
export interface ExchangeRecord {
  readonly reqId: string
  readonly correlationId: string
  readonly route: string | undefined
  readonly method: string
  /** Without the query, which holds personal data. */
  readonly path: string
  /** 499 where the app gave up first (nginx's number). */
  readonly status: number
  readonly durationMs: number
  /** Until the head of the API's answer; absent where nothing was sent. */
  readonly upstreamMs: number | undefined
  /** How long the quota held it; absent where it did not. */
  readonly quotaWaitMs: number | undefined
  /** Of the window, at the end of the request; undefined while no limit is known. */
  readonly quotaLeft: number | undefined
  /** Of the answer's body, to the app. */
  readonly bytes: number
  readonly attempts: number
  /** Whose answer it was, `api` where it was nobody else's. */
  readonly servedBy: ServedBy
  /** Of a write that was asked for again. */
  readonly repeat: RepeatOutcome | undefined
  readonly problem: Problem | undefined
  /** The app left before its answer was whole. */
  readonly isAborted: boolean
  /** Its answer was cut off after the head. */
  readonly isBroken: boolean
}

/** What a request came to: an answer that broke is a failure, though its head said otherwise. */
export function statusOf ({ isBroken, problem, status }: ExchangeRecord): number {
  return isBroken && problem !== undefined ? problem.status : status
}
