import { createHash } from 'node:crypto'
import { nameAt } from '../fields.ts'
import type { HeldRequest } from './seat.ts'

/** The headers that say for whom a request is. An x-api-key here is the API's: one that is for the sidecar was taken out before. */
const FOR_WHOM = new Set(['x-partner-reference', 'x-api-key'])

/** SHA-256 of what makes two requests the same: method, target, for whom, and body. As 32 characters of latin1, the shortest string that holds it. */
export function fingerprintOf ({ method, target, headers, body }: HeldRequest): string {
  const partners = headers.filter((_, i) => i % 2 === 1 && FOR_WHOM.has(nameAt(headers, i)))
  // Nothing in between: JSON shows where it ends and the body begins.
  const hash = createHash('sha256').update(JSON.stringify([method, target, partners]), 'latin1')
  return (body === null ? hash : hash.update(body)).digest('binary')
}
