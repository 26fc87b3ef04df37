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

/** What is asked of a token before anyone gets it; each throws TOKEN-R-002, in words that name the claim. */
export class Verification {
  readonly #options: VerificationOptions

  constructor (options: VerificationOptions) {
    this.#options = options
  }

  /** What must be at hand before a token is asked for, and paid, that could not be verified then. */
  async prepare (): Promise<void> {
    if (this.#options.mode === 'signature') await this.#options.keys.load()
  }

  /** By the claims, and by the signature that makes them true. */
  async verify (token: AccessToken): Promise<AccessToken> {
    const { clock, mode, expected, keys } = this.#options
    if (mode === 'off') return token
    refuseFor(mistakeInClaims(token, expected, clock.nowMs()))
    if (mode === 'signature') await keys.verify(token.value)
    // An endpoint may hand out a token that it made a while ago. Where claims count, and so the clock, its end is by the clock.
    return { ...token, lifetimeMs: Math.min(token.lifetimeMs, Number(token.claims.exp) * 1000 - clock.nowMs()) }
  }

  /** Where claims count, by the token's alone: what the response says of it, nobody has signed. */
  verifyScopes (token: AccessToken): void {
    const { mode, expected } = this.#options
    refuseFor(mistakeInScopes(token, expected.requiredScopes, mode === 'off' ? token.scopes : token.ownScopes))
  }
}

/**
 * A token endpoint whose tokens are looked at before anyone gets them: one for something else, without the scope to book, or from
 * elsewhere is refused when it comes, and not by the API at the hundredth booking.
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
