import type { Masks } from '../../printable.ts'
import { derivedKey, hiddenName, opened, sealed } from '../../seal.ts'
import { parseTokenResponse, type AccessToken } from '../access-token.ts'
import { masksOf, type Credentials } from '../endpoint.ts'

/** The version of what is stored. Each has its own key, and its own name in Redis; a file of a newer one is left alone. */
export const FORMAT = 1

export interface SealScope {
  readonly tokenUrl: URL
  readonly audience: string | undefined
  readonly scope: string | undefined
}

/** A token as it was stored. */
export interface Unsealed {
  readonly token: AccessToken
  /** Epoch milliseconds, by the clock of who stored it. */
  readonly issuedAtMs: number
}

/**
 * Locks tokens under a key from the client secret, bound to client, token URL, audience and scope: who reads a store gets no token, and a box that
 * was written for another client, or changed, does not open.
 */
export class TokenSeal {
  readonly #key: Buffer
  readonly #binding: Buffer
  readonly #masks: Masks
  /** Names the slot of these credentials, and tells nothing of them. */
  readonly id: string

  constructor (credentials: Credentials, { tokenUrl, audience, scope }: SealScope) {
    const { clientId, clientSecret } = credentials
    const derive = (purpose: string): Buffer => derivedKey(clientSecret.reveal(), `${purpose} ${FORMAT}`)
    this.#key = derive('token store')
    this.#binding = Buffer.from(JSON.stringify([FORMAT, clientId.reveal(), tokenUrl.href, audience ?? null, scope ?? null]))
    this.#masks = masksOf(credentials)
    this.id = hiddenName(derive('token slot'), this.#binding)
  }

  seal ({ value, scopes, lifetimeMs }: AccessToken, issuedAtMs: number): string {
    const text = JSON.stringify({ token: value.reveal(), scope: scopes.join(' '), lifetimeMs, issuedAtMs })
    return sealed(this.#key, this.#binding, Buffer.from(text))
  }

  /** @throws an Error whose message completes "the stored token …" */
  open (box: string): Unsealed {
    const text = opened(this.#key, this.#binding, box)?.toString()
    if (text === undefined) throw new Error('is torn, was changed, or is for another client, secret, token URL, audience or scope')
    // By us: nobody else has the key.
    const { token, scope, lifetimeMs, issuedAtMs } = JSON.parse(text) as { token: string, scope: string, lifetimeMs: number, issuedAtMs: number }
    return { token: parseTokenResponse({ access_token: token, scope, expires_in: lifetimeMs / 1000 }, issuedAtMs, this.#masks), issuedAtMs }
  }
}
