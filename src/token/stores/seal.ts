import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { parseTokenResponse, type AccessToken, type SentSecrets } from '../access-token.ts'
import type { Credentials } from '../endpoint.ts'

/** Of what is stored. Another one is another key, another name in Redis, and left alone in a file. */
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

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Locks tokens with AES-256-GCM under a key from the client secret (HKDF, RFC 5869), bound to client, token URL, audience and scope: who reads a
 * store has no token, and what was written for another client, or was changed, does not open.
 */
export class TokenSeal {
  readonly #key: Buffer
  readonly #binding: Buffer
  readonly #sent: SentSecrets
  /** Names the slot of these credentials, and tells nothing of them. */
  readonly id: string

  constructor ({ clientId, clientSecret }: Credentials, { tokenUrl, audience, scope }: SealScope) {
    const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', clientSecret.reveal(), 'bookable-sidecar', `${purpose} ${FORMAT}`, 32))
    this.#key = derive('token store')
    this.#binding = Buffer.from(JSON.stringify([FORMAT, clientId.reveal(), tokenUrl.href, audience ?? null, scope ?? null]))
    this.#sent = [[clientSecret.reveal(), '[secret]'], [clientId.reveal(), '[client id]']]
    this.id = createHmac('sha256', derive('token slot')).update(this.#binding).digest('base64url').slice(0, 22)
  }

  seal ({ value, scopes, lifetimeMs }: AccessToken, issuedAtMs: number): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(this.#binding)
    const text = JSON.stringify({ token: value.reveal(), scope: scopes.join(' '), lifetimeMs, issuedAtMs })
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** @throws an Error whose message completes "the stored token …" */
  open (box: string): Unsealed {
    const bytes = Buffer.from(box, 'base64')
    const text = this.#decrypt(bytes)
    if (text === undefined) throw new Error('is torn, was changed, or is for another client, secret, token URL, audience or scope')
    // By us: nobody else has the key.
    const { token, scope, lifetimeMs, issuedAtMs } = JSON.parse(text) as { token: string, scope: string, lifetimeMs: number, issuedAtMs: number }
    return { token: parseTokenResponse({ access_token: token, scope, expires_in: lifetimeMs / 1000 }, issuedAtMs, this.#sent), issuedAtMs }
  }

  #decrypt (bytes: Buffer): string | undefined {
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(this.#binding)
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }
}
