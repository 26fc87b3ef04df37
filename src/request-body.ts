import type { Readable } from 'node:stream'

/** The body of a request: held whole, streaming, or none. */
export type RequestBody = Buffer | Readable | null

/** Whether a body is still there after it was sent; one that streams can be sent once. */
export function isKept (body: RequestBody): body is Buffer | null {
  return body === null || Buffer.isBuffer(body)
}

/** What is left of an upload is of no use to anybody. */
export function discard (body: RequestBody): void {
  if (!isKept(body)) body.destroy()
}
