import { printableWithout, type Masks } from '../printable.ts'
import { Problem } from '../problem.ts'
import { Secret } from '../secret.ts'

/** A Bearer credential of the token endpoint (RFC 6749 §1.4). */
export interface AccessToken {
  readonly value: Secret
  /** Counted from the moment before the request left, so that latency never extends it. */
  readonly lifetimeMs: number
  /** As the token itself says, else as the response does. */
  readonly scopes: readonly string[]
  /** As the token itself says. */
  readonly ownScopes: readonly string[]
  /** Claims of the JWT, not verified; empty where the token is opaque. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Makes what the token or the response says fit for a log or a terminal; our secrets, where it echoes them, are masked. */
  readonly show: (value: unknown) => string
}

/** A header value of visible ASCII: anything else could split a header or be refused by the API. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** The longest lifetime that is believed: an absurd one would overflow dates. */
const MAX_LIFETIME_MS = 10 * 365 * 24 * 60 * 60 * 1000

/**
 * Turns a token endpoint's JSON into an access token. Pure: no I/O, no clock.
 * @param sentAtMs epoch ms before the request left, needed only for a JWT with `exp` and no `iat`
 * @param masks the secrets of the request, which the answer may echo
 * @throws TOKEN-R-002 when it is not a Bearer token response (RFC 6749 §5.1) or tells no usable lifetime
 */
export function parseTokenResponse (json: unknown, sentAtMs: number, masks: Masks = []): AccessToken {
  if (!isRecord(json)) throw unusable('is not a JSON object')
  const { access_token: token, token_type: type, expires_in: expiresIn, scope } = json
  if (typeof token !== 'string' || token === '') throw unusable('holds no access_token')
  if (!VISIBLE_ASCII.test(token)) throw unusable('holds an access_token with characters that no header may carry')
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) throw unusable('holds a token that is not of type Bearer')
  const claims = readClaims(token)
  return {
    value: new Secret(token),
    lifetimeMs: lifetimeMs(seconds(expiresIn), claims, sentAtMs),
    scopes: readScopes(claims.scope ?? scope),
    ownScopes: readScopes(claims.scope),
    claims,
    show: value => printableWithout([...masks, [token, '[token]']], value)
  }
}

/** min(expires_in, exp - iat): where a token endpoint says both, they may disagree, and the shorter one is safe. */
function lifetimeMs (expiresInS: number | undefined, claims: AccessToken['claims'], sentAtMs: number): number {
  const exp = seconds(claims.exp)
  const iat = seconds(claims.iat) ?? sentAtMs / 1000
  const told = [expiresInS, exp === undefined ? undefined : exp - iat].filter(value => value !== undefined)
  if (told.length === 0) throw unusable('tells no lifetime, neither as expires_in nor in the token')
  // RFC 6749 §5.1 counts whole seconds; with a lifetime below one, a refresh would always be due.
  const ms = Math.floor(Math.min(...told)) * 1000
  if (ms <= 0) throw unusable('tells a lifetime that is over already')
  return Math.min(ms, MAX_LIFETIME_MS)
}

/** Some servers send numbers as strings. */
function seconds (value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Separated by spaces (RFC 6749 §3.3); some servers give an array. */
function readScopes (scope: unknown): readonly string[] {
  const names: unknown[] = typeof scope === 'string' ? scope.split(' ') : [scope].flat()
  return names.filter(name => typeof name === 'string' && name !== '') as string[]
}

/** The payload of a JWT (RFC 7519 §3), or nothing where the token is opaque. Not a verification. */
function readClaims (token: string): AccessToken['claims'] {
  const [, payload, signature] = token.split('.')
  if (payload === undefined || signature === undefined) return {}
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return isRecord(claims) ? claims : {}
  } catch {
    return {}
  }
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unusable (what: string): Problem {
  return new Problem('TOKEN-R-002', `The answer of the token endpoint ${what}.`)
}
