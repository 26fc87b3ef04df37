/** What decides where a request begins and ends, and for whom it is. */
export interface Framing {
  readonly hostCount: number
  readonly expect: string | undefined
  /** Lower case. */
  readonly transferCodings: readonly string[]
}

/** Far more than any app sends: nginx allows some 100 and Envoy 100. */
export const MAX_HEADERS = 500

/** What is wrong with a request that Node's parser let through; undefined where nothing is. */
export function malformation (httpVersion: string, { hostCount, expect, transferCodings }: Framing): string | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'The request is of another version of HTTP than 1.0 and 1.1.'
  if (hostCount > 1) return 'The request has more than one Host header.'
  if (hostCount === 0 && httpVersion !== '1.0') return 'The request has no Host header.'
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return 'The request expects something unknown.'
  // Another coding could not be handed on: transfer codings are for one connection (RFC 9112 §6.1).
  if (transferCodings.length > 1 || transferCodings.some(coding => coding !== 'chunked')) return 'The request has a transfer coding other than chunked.'
  return undefined
}
