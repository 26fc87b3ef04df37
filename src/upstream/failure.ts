import { cureOf } from '../cause.ts'
import { Problem } from '../problem.ts'
import { ConnectTimeoutError } from './pool.ts'

/** The attempt's own deadline passed. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly code = 'DEADLINE'
}

/** RFC 9110 §9.2.1: they ask for nothing to be changed. */
const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

export function isRead (method: string): boolean {
  return READS.has(method)
}

/**
 * What a failed attempt means for the app: the one place where causes of undici and Node become problems.
 * @param wasSent whether the API may have seen the request
 */
export function toProblem (cause: Error, { method, wasSent }: { method: string, wasSent: boolean }): Problem {
  // The upload of the app stopped or broke off: not the API's doing, and it never saw the whole.
  if (cause instanceof Problem) return cause
  const isLate = cause instanceof DeadlineError || cause instanceof ConnectTimeoutError
  const status = isLate ? 504 : 502
  if (!wasSent) {
    const what = isLate ? 'Bookable could not be reached in time.' : 'Bookable could not be reached.'
    return new Problem('UPSTR-R-001', `${what} Nothing was sent. ${cureOf(cause) ?? ''}`.trimEnd(), { status, cause })
  }
  if (!isRead(method)) {
    const what = isLate ? 'it did not answer in time' : 'the connection broke before a whole answer came'
    return new Problem('UPSTR-N-001', `The request was sent to Bookable, but ${what}.`, { status, cause })
  }
  return isLate
    ? new Problem('UPSTR-R-002', 'Bookable did not answer in time.', { cause })
    : new Problem('UPSTR-R-001', 'The connection to Bookable broke before a whole answer came.', { status, cause })
}
