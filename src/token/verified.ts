import type { Clock } from '../clock.ts'
import { Problem } from '../problem.ts'
import type { AccessToken } from './access-token.ts'
import { mistakeInClaims, mistakeInScopes, type ExpectedClaims } from './claims.ts'
import type { TokenEndpoint } from './endpoint.ts'
import type { IssuerKeys } from './issuer-keys.ts'

export interface VerificationOptions {
  readonly clock: Clock
  readonly mode: 'off' | 'claims' | 'signature'
  readonly expected: ExpectedClaims
  /** Used for `signature`. */
  readonly keys: IssuerKeys
}

/** What VERIFY_TOKEN and REQUIRED_SCOPES ask of a token; each method throws TOKEN-R-002, in words that name the claim. */
export class Verification {
  readonly #options: VerificationOptions

  constructor (options: VerificationOptions) {
    this.#options = options
  }

  /** Has the keys at hand first: a token that could not be verified would be paid for in vain. */
  async prepare (): Promise<void> {
    if (this.#options.mode === 'signature') await this.#options.keys.load()
  }

  /** Checks the claims, and the signature that makes them true. */
  async verify (token: AccessToken): Promise<AccessToken> {
    const { clock, mode, expected, keys } = this.#options
    if (mode === 'off') return token
    refuseFor(mistakeInClaims(token, expected, clock.nowMs()))
    if (mode === 'signature') await keys.verify(token.value)
    // The endpoint may have made the token a while ago: then `exp` is nearer than its lifetime from now.
    return { ...token, lifetimeMs: Math.min(token.lifetimeMs, Number(token.claims.exp) * 1000 - clock.nowMs()) }
  }

  /** Where claims are verified, only the token's own scopes count: the response is not signed. */
  verifyScopes (token: AccessToken): void {
    const { mode, expected } = this.#options
    refuseFor(mistakeInScopes(token, expected.requiredScopes, mode === 'off' ? token.scopes : token.ownScopes))
  }
}

/**
 * A token endpoint that verifies its tokens before anyone gets them: a token for another audience, or without the scope to book, is refused
 * when it comes, and not by the API at the hundredth booking.
 */
export function verified (endpoint: TokenEndpoint, verification: Verification): TokenEndpoint {
  return {
    async requestToken () {
      await verification.prepare()
      const token = await verification.verify(await endpoint.requestToken())
      verification.verifyScopes(token)
      return token
    },
    haveCredentialsChanged: () => endpoint.haveCredentialsChanged()
  }
}

function refuseFor (mistake: string | undefined): void {
  if (mistake !== undefined) throw new Problem('TOKEN-R-002', `The token ${mistake}.`)
}
