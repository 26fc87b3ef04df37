import { createHash, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../secret.ts'

/** Where apps may put the key, whatever they are able to send. */
export interface KeyPlaces {
  readonly apiKey: string | undefined
  readonly authorization: string | undefined
}

/** Whether the key stands in one of them. The comparison takes as long for a near miss as for any other. */
export function holdsKey ({ apiKey, authorization }: KeyPlaces, key: Secret): boolean {
  const given = [apiKey, ...passwordsIn(authorization)]
  // All are compared, so that the time does not tell which one it was.
  return given.map(candidate => candidate !== undefined && isEqual(candidate, key.reveal())).includes(true)
}

/** A Bearer credential (RFC 6750 §2.1), or the password of a Basic one (RFC 7617 §2). */
function passwordsIn (authorization: string | undefined): readonly string[] {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer': return [value]
    case 'basic': return [Buffer.from(value, 'base64').toString().replace(/^[^:]*:/, '')]
    default: return []
  }
}

/** Digests have one length, which timingSafeEqual needs, and tell nothing of the key's. */
function isEqual (a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
