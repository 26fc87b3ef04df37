// Which GETs may share an answer, and which answers may be shared or kept. Pure.

/** Larger answers are not held in memory for others. */
export const MAX_SHARED_BYTES = 1024 * 1024

/**
 * Two GETs are one where their keys are equal.
 * @param target path and query, byte for byte
 * @param variant what `variantLine` gave for each header in the key
 */
export function keyOf (target: string, variant: string): string {
  return `${target}\n${variant}`
}

/** Whether a header of a request is part of its key. An answer that depends on any other header is not shared: see `mayBeShared`. */
export function isInKey (lowerCaseName: string): boolean {
  return lowerCaseName.startsWith('accept') || lowerCaseName === 'x-partner-reference' || lowerCaseName === 'x-booking-source'
}

/** A header's part of the key. No header holds a line feed, so that different headers never make the same key. */
export function variantLine (lowerCaseName: string, value: string): string {
  return `${lowerCaseName}:${value}\n`
}

/** Whether an app asks for an answer that nobody else had (RFC 9111 §5.2.1); Pragma counts where there is no Cache-Control (§5.4). */
export function asksForItsOwn (cacheControl: string | undefined, pragma: string | undefined): boolean {
  if (cacheControl === undefined) return pragma !== undefined && /\bno-cache\b/i.test(pragma)
  return /(?:^|[\s,])(?:no-cache|no-store|max-age\s*=\s*"?0+(?!\d))/i.test(cacheControl)
}

/**
 * Whether an answer may be given to others who asked with the same key: it is for nobody in particular (Set-Cookie), depends on no header
 * outside the key (Vary), and is not known to be too large.
 * @param headers names and values in turn
 */
export function mayBeShared (headers: readonly string[]): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? ''
    // Fast: most names are of another length than these three.
    if (name.length !== 4 && name.length !== 10 && name.length !== 14) continue
    switch (name.toLowerCase()) {
      case 'vary': if (!variesInside(headers[i + 1] ?? '')) return false; break
      case 'set-cookie': return false
      case 'content-length': if (Number(headers[i + 1]) > MAX_SHARED_BYTES) return false; break
    }
  }
  return true
}

function variesInside (vary: string): boolean {
  return vary.toLowerCase().split(',').every(name => name.trim() === '' || isInKey(name.trim()))
}

/** The answers of the API that may be kept: nothing that belongs to a guest. */
export type KeptKind = 'list' | 'detail'

const ALL_KINDS: readonly KeptKind[] = ['list', 'detail']
const DETAILS: readonly KeptKind[] = ['detail']

/**
 * The kept answers that a write may have changed. A booking, or anything else below a venue, changes no list of venues. If it emptied the cache,
 * nothing would be kept just when bookings follow one another and the quota is short (bench/quota.mjs: 1.1 requests served for one upstream
 * instead of 2).
 */
export function changedBy (target: string): readonly KeptKind[] {
  return keptKindOf(target) === undefined ? DETAILS : ALL_KINDS
}

/** One segment of unreserved characters (RFC 3986 §2.3): an escaped one may be an availability or a booking, once the API has decoded it. */
const DETAIL = /^\/venues\/(?!bookings$|\.+$)[\w.~-]+$/i

/** The list of venues (`/venues`) or one of them (`/venues/{id}`), with any query; undefined for all else, whatever is forwarded. */
export function keptKindOf (target: string): KeptKind | undefined {
  if (!target.startsWith('/venues')) return undefined
  const queryAt = target.indexOf('?')
  const path = queryAt === -1 ? target : target.slice(0, queryAt)
  return path === '/venues' ? 'list' : DETAIL.test(path) ? 'detail' : undefined
}
