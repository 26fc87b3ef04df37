import { createHash } from 'node:crypto'
import { nameAt } from '../fields.ts'
import type { HeldRequest } from './seat.ts'

/** Whose request it is; where apps must send INBOUND_API_KEY, that one is gone by now. */
const IN_NAME_OF = new Set(['x-partner-reference', 'x-api-key'])

/** SHA-256 over method, target, partner reference (and an x-api-key of the API's own, which opens other things to others) and body, as 32 latin1 characters: the shortest that a string can hold. */
export function fingerprintOf ({ method, target, headers, body }: HeldRequest): string {
  const partners = headers.filter((_, i) => i % 2 === 1 && IN_NAME_OF.has(nameAt(headers, i)))
  // JSON says itself where it ends.
  const hash = createHash('sha256').update(JSON.stringify([method, target, partners]), 'latin1')
  return (body === null ? hash : hash.update(body)).digest('binary')
}
