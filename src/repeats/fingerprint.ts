import { createHash } from 'node:crypto'
import type { HeldRequest } from './seat.ts'

/** SHA-256 over method, target, partner reference and body, as 32 latin1 characters: the shortest that a string can hold. */
export function fingerprintOf ({ method, target, headers, body }: HeldRequest): string {
  const partners = headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'x-partner-reference')
  // JSON says itself where it ends.
  const hash = createHash('sha256').update(JSON.stringify([method, target, partners]), 'latin1')
  return (body === null ? hash : hash.update(body)).digest('binary')
}
