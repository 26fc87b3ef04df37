import type { AccessToken } from './access-token.ts'
import { printable } from './printable.ts'

/** What a token must say of itself. */
export interface ExpectedClaims {
  readonly issuer: string
  /** Undefined: none is asked for, so any will do. */
  readonly audience: string | undefined
  readonly requiredScopes: readonly string[]
}

/** Clocks that NTP keeps differ by less. */
const CLOCK_TOLERANCE_S = 5

/**
 * What is wrong with the claims of a JWT (RFC 7519 §4.1), naming the claim. Pure.
 * @returns undefined where nothing is
 */
export function mistakeInClaims ({ claims, scopes }: AccessToken, expected: ExpectedClaims, nowMs: number): string | undefined {
  const { iss, aud, exp, nbf } = claims
  if (Object.keys(claims).length === 0) return 'is no JWT, so that nothing in it can be verified: check BOOKABLE_AUDIENCE'
  if (iss !== expected.issuer) return `${told('iss', iss)}, but BOOKABLE_ISSUER is "${expected.issuer}"`
  if (expected.audience !== undefined && ![aud].flat().includes(expected.audience)) return `${told('aud', aud)}, but BOOKABLE_AUDIENCE is "${expected.audience}"`
  if (typeof exp !== 'number') return told('exp', exp)
  if (exp * 1000 <= nowMs - CLOCK_TOLERANCE_S * 1000) return `had expired when it came (exp ${exp}): check the clock of this machine`
  if (typeof nbf === 'number' && nbf * 1000 > nowMs + CLOCK_TOLERANCE_S * 1000) return `is not valid yet (nbf ${nbf}): check the clock of this machine`
  return mistakeInScopes(scopes, expected.requiredScopes)
}

/** @returns undefined where none is missing */
export function mistakeInScopes (scopes: readonly string[], required: readonly string[]): string | undefined {
  const missing = required.filter(scope => !scopes.includes(scope))
  if (missing.length === 0) return undefined
  return `lacks scope "${printable(missing.join(' '))}" of REQUIRED_SCOPES: it has "${printable(scopes.join(' '))}"`
}

function told (claim: string, value: unknown): string {
  if (value === undefined) return `has no ${claim}`
  return `has ${claim} "${printable(value)}"`
}
