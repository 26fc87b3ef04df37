import type { AnswerSink, Call, PreparedCall } from '../answer.ts'
import { asProblem } from '../problem.ts'

/** Who reads: takes the answer, and can make a call of its own for it. */
export interface Reader extends AnswerSink {
  /** @param conditions headers to add, names and values in turn */
  prepare (sink: AnswerSink, conditions: readonly string[]): PreparedCall
}

/**
 * Where an answer came from: a call of its own (`api`), another one's (`flight`), the cache without a call (`cache`), the cache after the API
 * said in a call of its own that nothing changed (`revalidated`), or the cache because the API is down (`stale`).
 */
export type ServedBy = 'api' | 'flight' | 'cache' | 'revalidated' | 'stale'

/** A read under way, in the hands of who reads. */
export interface ReadCall extends Call {
  /** Absent: a call of its own. */
  readonly servedBy?: ServedBy
}

/** Sends a call on its way; what it throws is a failure like any other. */
export function depart (call: PreparedCall, sink: AnswerSink): void {
  try {
    call.start()
  } catch (thrown) {
    sink.onFailure(asProblem(thrown))
  }
}

/** @returns a call of its own, on its way */
export function goAlone (reader: Reader): PreparedCall {
  const call = reader.prepare(reader, [])
  depart(call, reader)
  return call
}
