import { asProblem, type Problem } from './problem.ts'

/** Bodies of apps and answers of the API up to this are held whole, where one may be sent or given again; bookings are far smaller. */
export const MAX_HELD_BYTES = 64 * 1024

/** Where an answer goes, in this order: a head, chunks, and the end; or a failure at any point instead of what is left. */
export interface AnswerSink {
  /** @param headers names and values in turn; the sink's own from now on */
  onHead (status: number, statusText: string, headers: string[]): void
  /** @returns false to be given no more until `resume()` */
  onChunk (chunk: Buffer): boolean
  onEnd (): void
  onFailure (problem: Problem): void
}

/** A request under way, in the hands of whoever waits for its answer. */
export interface Call {
  /** Nobody waits for the answer any more. */
  abandon (): void
  /** The sink can take more. */
  resume (): void
  /** How often a request was handed to the pool for it. */
  readonly attempts: number
  /** From the first attempt to the head of the answer that counted; undefined where nothing was sent for it. */
  readonly upstreamMs: number | undefined
  /** How long it was held by the quota; undefined where it was not. */
  readonly quotaWaitMs: number | undefined
  /** Whether the API may have carried out a write, and nobody knows. */
  readonly isOutcomeUnknown: boolean
}

/** Who stands for a call tells of it; as long as there is none, nothing has happened. */
export abstract class StandIn {
  abstract readonly call: Call | undefined

  get attempts (): number {
    return this.call?.attempts ?? 0
  }

  get upstreamMs (): number | undefined {
    return this.call?.upstreamMs
  }

  get quotaWaitMs (): number | undefined {
    return this.call?.quotaWaitMs
  }

  get isOutcomeUnknown (): boolean {
    return this.call?.isOutcomeUnknown ?? false
  }
}

/** A call that is not on its way yet. */
export interface PreparedCall extends Call {
  start (): void
}

/** An answer held in memory, whole or so far. */
export interface HeldAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly string[]
  readonly chunks: readonly Buffer[]
}

/**
 * Gives a sink a whole answer. One that can't be written is a failure for this sink alone.
 * @returns whether it could
 */
export function give (answer: HeldAnswer, sink: AnswerSink): boolean {
  try {
    hand(answer, sink)
    sink.onEnd()
    return true
  } catch (thrown) {
    sink.onFailure(asProblem(thrown))
    return false
  }
}

/** Gives a sink what is held, without an end. */
export function hand ({ status, statusText, headers, chunks }: HeldAnswer, sink: AnswerSink): void {
  sink.onHead(status, statusText, [...headers])
  for (const chunk of chunks) sink.onChunk(chunk)
}
