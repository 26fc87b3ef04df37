import type { AccessToken } from './access-token.ts'

/** What a token must say of itself. */
export interface ExpectedClaims {
  readonly issuer: string
  /** Undefined: no audience is asked for, and any will do. */
  readonly audience: string | undefined
  readonly requiredScopes: readonly string[]
}

/** The issuer's clock may be ahead by this; with NTP it is less. */
const CLOCK_TOLERANCE_S = 5

/**
 * What is wrong with the claims of a JWT (RFC 7519 §4.1), naming the claim. Pure.
 * @returns undefined where nothing is
 */
export function mistakeInClaims (token: AccessToken, expected: ExpectedClaims, nowMs: number): string | undefined {
  const { iss, aud, exp, nbf } = token.claims
  const told = (claim: string, value: unknown): string => value === undefined ? `has no ${claim}` : `has ${claim} "${token.show(value)}"`
  if (Object.keys(token.claims).length === 0) return 'is no JWT, so that nothing in it can be verified: check BOOKABLE_AUDIENCE'
  if (iss !== expected.issuer) return `${told('iss', iss)}, but BOOKABLE_ISSUER is "${expected.issuer}"`
  if (expected.audience !== undefined && ![aud].flat().includes(expected.audience)) return `${told('aud', aud)}, but BOOKABLE_AUDIENCE is "${expected.audience}"`
  if (typeof exp !== 'number') return told('exp', exp)
  if (exp * 1000 <= nowMs) return `had expired when it came (exp ${exp}): check the clock of this machine`
  if (nbf !== undefined && !(Number(nbf) * 1000 <= nowMs + CLOCK_TOLERANCE_S * 1000)) return `is not valid yet (nbf ${token.show(nbf)}): check the clock of this machine`
  return undefined
}

/** @returns undefined where none is missing */
export function mistakeInScopes ({ show }: Pick<AccessToken, 'show'>, required: readonly string[], scopes: readonly string[]): string | undefined {
  const missing = required.filter(scope => !scopes.includes(scope))
  if (missing.length === 0) return undefined
  return `lacks scope "${missing.join(' ')}" of REQUIRED_SCOPES: it has "${show(scopes.join(' '))}"`
}
