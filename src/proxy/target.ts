import { isUtf8 } from 'node:buffer'

/** Servers and the frameworks behind them decode a path once or twice; one more for good measure. */
const MAX_DECODINGS = 3

/** Nothing in it needs a closer look: no escape, dot segment, backslash, control, fragment or parameter. */
const PLAIN_PATH = /^(?:\/(?!\.)[\w\-.~!$&'()*+,=:@|]*)+$/

const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/

/** A segment that climbs, also with what some servers cut off behind it: a parameter (`..;x`), a decoded query or fragment. */
const CLIMBS = /(^|\/)\.\.([;?#/]|$)/

// eslint-disable-next-line no-control-regex -- controls are what it looks for
const CONTROL_OR_BACKSLASH = /[\x00-\x1f\x7f\\]/

/** The route that a request target belongs to, or why none. */
export type TargetVerdict = { readonly route: string } | { readonly refusal: 'malformed' | 'no-route' }

/**
 * Decides over the raw request target, as the API's server may come to read it. What gets a route goes on unchanged.
 * @param target the request-target of the request line (RFC 9112 §3.2)
 * @param routes prefixes without trailing slash, longest first; compared raw, by whole segments
 */
export function routeOf (target: string, routes: readonly string[]): TargetVerdict {
  const queryAt = target.indexOf('?')
  const path = queryAt === -1 ? target : target.slice(0, queryAt)
  // A fragment is no part of a request-target; what a server makes of one is anybody's guess.
  if (target.includes('#') || (!PLAIN_PATH.test(path) && mayEscape(path))) return { refusal: 'malformed' }
  const route = routes.find(prefix => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'))
  return route === undefined ? { refusal: 'no-route' } : { route }
}

/** A target as the log may have it: without query, fragment, and the credentials that an absolute-form target may hold. */
export function pathOf (target: string): string {
  const end = target.search(/[?#]/)
  const path = end === -1 ? target : target.slice(0, end)
  return path.startsWith('/') ? path : path.replace(/\/\/[^/]*@/, '//')
}

function mayEscape (path: string): boolean {
  // Absolute-form and authority-form name a host; `*` is a target of its own and simply no route.
  if (!path.startsWith('/') && path !== '*') return true
  if (BAD_ESCAPE.test(path)) return true
  let decoded = path
  for (let i = 0; ; i++) {
    // Overlong forms of a dot or slash are not UTF-8.
    if (!isUtf8(Buffer.from(decoded, 'latin1'))) return true
    if (CONTROL_OR_BACKSLASH.test(decoded) || CLIMBS.test(decoded)) return true
    const next = i < MAX_DECODINGS ? decodeOnce(decoded) : decoded
    if (next === decoded) return false
    decoded = next
  }
}

/** Each escape becomes one byte, as a latin1 character; what is no escape stays (`50%25 off` decodes to `50% off`). */
function decodeOnce (text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}
