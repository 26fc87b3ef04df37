import type { Clock } from '../clock.ts'
import { Problem } from '../problem.ts'
import { mistakeInClaims, mistakeInScopes, type ExpectedClaims } from './claims.ts'
import type { TokenEndpoint } from './endpoint.ts'
import type { IssuerKeys } from './issuer-keys.ts'

export interface VerifiedOptions {
  readonly clock: Clock
  readonly mode: 'off' | 'claims' | 'signature'
  readonly expected: ExpectedClaims
  /** Used for `signature`. */
  readonly keys: IssuerKeys
}

/**
 * A token endpoint whose tokens are looked at before anyone gets them: one for something else, without the scope to book, or from
 * elsewhere is refused when it comes, and not by the API at the hundredth booking.
 */
export function verified (endpoint: TokenEndpoint, { clock, mode, expected, keys }: VerifiedOptions): TokenEndpoint {
  return {
    async requestToken () {
      if (mode === 'signature') await keys.load()
      const token = await endpoint.requestToken()
      const mistake = mode === 'off'
        ? mistakeInScopes(token, expected.requiredScopes)
        : mistakeInClaims(token, expected, clock.nowMs())
      if (mistake !== undefined) throw new Problem('TOKEN-R-002', `The token ${mistake}.`)
      if (mode === 'signature') await keys.verify(token.value)
      // An endpoint may hand out a token that it made a while ago. Where claims count, and so the clock, its end is by the clock.
      return mode === 'off' ? token : { ...token, lifetimeMs: Math.min(token.lifetimeMs, Number(token.claims.exp) * 1000 - clock.nowMs()) }
    },
    haveCredentialsChanged: () => endpoint.haveCredentialsChanged()
  }
}
