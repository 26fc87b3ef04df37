import type { AnswerSink, Call, PreparedCall } from '../answer.ts'
import { asProblem } from '../problem.ts'

/** The read of an app: takes the answer, and can make a call of its own for it. */
export interface Reader extends AnswerSink {
  /** @param conditions headers to add, names and values in turn */
  prepare (sink: AnswerSink, conditions: readonly string[]): PreparedCall
}

/**
 * Where an answer came from: the read's own call (`api`), another one's call (`flight`), the cache without a call (`cache`), the cache after the
 * API confirmed it (`revalidated`), or the cache because the API is down (`stale`).
 */
export type ServedBy = 'api' | 'flight' | 'cache' | 'revalidated' | 'stale'

/** A read under way. */
export interface ReadCall extends Call {
  /** Absent: `api`. */
  readonly servedBy?: ServedBy
}

/** Starts a call; what it throws is a failure like any other. */
export function depart (call: PreparedCall, sink: AnswerSink): void {
  try {
    call.start()
  } catch (thrown) {
    sink.onFailure(asProblem(thrown))
  }
}

/** @returns the read's own call, started */
export function goAlone (reader: Reader): PreparedCall {
  const call = reader.prepare(reader, [])
  depart(call, reader)
  return call
}
