import { listOf, nameAt } from '../fields.ts'

/** How an answer may be kept, by its headers. */
export interface Keeping {
  /** How old it was when it came (RFC 9111 §4.2.3, for an API behind caches that say Age). */
  readonly ageMs: number
  /** How long from then on it may be given without asking the API; 0: not at all. */
  readonly freshMs: number
  /** Whether it may be given when it is no longer fresh, while the API is down (§4.2.4). */
  readonly mayBeStale: boolean
  /** The headers that ask the API whether it still holds (§4.3.1), names and values in turn; empty where the API gave no validator. */
  readonly conditions: readonly string[]
}

export interface KeepingTerms {
  /** The longest that anything is kept. */
  readonly ttlMs: number
  /** From the request to the head of its answer. */
  readonly delayMs: number
  /** The wall clock, for an answer without Date. */
  readonly nowMs: number
}

const SECOND_MS = 1000
/** Larger numbers count as this (RFC 9111 §1.2.2). */
const MAX_SECONDS = 2 ** 31

/**
 * Decides by an answer's headers how long it is kept. Pure.
 *
 * The rules are those of a shared cache, but for one: a request's Authorization does not forbid to keep its answer (RFC 9111 §3.5), since it is
 * always the sidecar's own, the same for all apps.
 * @param headers of a 200, names and values in turn
 * @returns undefined where it must not be kept, or could never be used
 */
export function keepingOf (headers: readonly string[], { ttlMs, delayMs, nowMs }: KeepingTerms): Keeping | undefined {
  const directives = parseDirectives(listOf(headers, 'cache-control') ?? '')
  if (directives.has('no-store') || directives.has('private')) return undefined
  const conditions = conditionsOf(headers)
  // An Age that is no number says nothing (§5.1).
  const ageMs = (secondsMs(listOf(headers, 'age')?.split(',')[0]?.trim()) ?? 0) + delayMs
  const lifetimeMs = directives.has('no-cache') ? 0 : Math.min(statedLifetimeMs(headers, directives, nowMs) ?? ttlMs, ttlMs)
  const freshMs = Math.max(lifetimeMs - ageMs, 0)
  if (freshMs === 0 && conditions.length === 0) return undefined
  // s-maxage says proxy-revalidate too (§5.2.2.10).
  const mayBeStale = !['no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage'].some(name => directives.has(name))
  return { ageMs, freshMs, mayBeStale, conditions }
}

/** The headers that describe the kept bytes, and are not taken from a 304 (RFC 9111 §3.2). */
const ABOUT_THE_BYTES = new Set(['content-length', 'content-encoding', 'content-range'])

/**
 * The headers of a kept answer after the API said that it still holds: those of the 304 replace kept ones of the same name (RFC 9111 §3.2).
 * @param kept names and values in turn
 * @param told those of the 304
 */
export function refreshed (kept: readonly string[], told: readonly string[]): string[] {
  const updates = told.filter((_, i) => !ABOUT_THE_BYTES.has(nameAt(told, i)))
  const names = new Set(updates.map((_, i) => nameAt(updates, i)))
  return [...kept.filter((_, i) => !names.has(nameAt(kept, i))), ...updates]
}

/** Headers without those that were true only when the answer came: its age, and how much of the quota was left. */
export function withoutDated (headers: readonly string[]): string[] {
  return headers.filter((_, i) => !isDated(nameAt(headers, i)))
}

function isDated (lowerCaseName: string): boolean {
  return lowerCaseName === 'age' || lowerCaseName.startsWith('x-ratelimit-')
}

function conditionsOf (headers: readonly string[]): string[] {
  const [etag, lastModified] = [listOf(headers, 'etag'), listOf(headers, 'last-modified')]
  return [...(etag === undefined ? [] : ['If-None-Match', etag]), ...(lastModified === undefined ? [] : ['If-Modified-Since', lastModified])]
}

/** What the API says itself: s-maxage, else max-age, else Expires (RFC 9111 §4.2.1); undefined where it says nothing. */
function statedLifetimeMs (headers: readonly string[], directives: ReadonlyMap<string, string>, nowMs: number): number | undefined {
  const stated = directives.get('s-maxage') ?? directives.get('max-age')
  // An answer with a malformed lifetime counts as stale (§4.2.1).
  if (stated !== undefined) return secondsMs(stated) ?? 0
  const expires = listOf(headers, 'expires')
  if (expires === undefined) return undefined
  const date = listOf(headers, 'date')
  const lifetimeMs = httpDateMs(expires) - (date === undefined ? nowMs : httpDateMs(date))
  // A date that can't be read, such as `0`, is past (§5.3).
  return lifetimeMs > 0 ? lifetimeMs : 0
}

/** By name in lower case; of a directive given twice, the first counts. */
function parseDirectives (cacheControl: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const [, name = '', quoted, plain = ''] of cacheControl.matchAll(/([^\s,=]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?/g)) {
    if (!directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), quoted ?? plain)
  }
  return directives
}

/** Undefined where it is no number of seconds. */
function secondsMs (text = ''): number | undefined {
  return /^\d+$/.test(text) ? Math.min(Number(text), MAX_SECONDS) * SECOND_MS : undefined
}

/** NaN for all but the one form that servers may send (RFC 9110 §5.6.7): `Date.parse` would read far too much. */
function httpDateMs (text: string): number {
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text) ? Date.parse(text) : NaN
}
