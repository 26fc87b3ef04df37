import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'

/** Who a token is for and how long it lives. */
export interface TokenGrant {
  readonly issuer: string
  readonly audience: string
  readonly clientId: string
  readonly scope: string
  readonly lifetimeS: number
}

/** Signs access tokens with a key pair of its own (ES256) and knows the ones it gave out. */
export class TokenIssuer {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #expiresAtMs = new Map<string, number>()
  readonly #publicJwk = this.#keys.publicKey.export({ format: 'jwk' })
  readonly #kid = thumbprint(this.#publicJwk)

  /** An access token as Auth0 makes them for client credentials (RFC 7519), counted from the whole second. */
  issue ({ issuer, audience, clientId, scope, lifetimeS }: TokenGrant, nowMs: number): string {
    const iat = Math.floor(nowMs / 1000)
    const exp = iat + lifetimeS
    const header = { alg: 'ES256', typ: 'JWT', kid: this.#kid }
    const claims = { iss: issuer, sub: `${clientId}@clients`, aud: audience, azp: clientId, iat, exp, scope, jti: randomUUID() }
    const signed = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const signature = sign('sha256', Buffer.from(signed), { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' })
    const token = `${signed}.${signature.toString('base64url')}`
    this.#expiresAtMs.set(token, exp * 1000)
    return token
  }

  /** Whether the token came from here and still lives. The register stands in for the signature: it costs a lookup. */
  isValid (token: string, nowMs: number): boolean {
    return nowMs < (this.#expiresAtMs.get(token) ?? 0)
  }

  /** From now on no token given out so far is valid. */
  revokeAll (): void {
    this.#expiresAtMs.clear()
  }

  /** The public key as a key set (RFC 7517 §5). */
  jwks (): object {
    return { keys: [{ ...this.#publicJwk, kid: this.#kid, use: 'sig', alg: 'ES256' }] }
  }
}

/** The key's id: its thumbprint (RFC 7638), members in the order the RFC wants. */
function thumbprint ({ crv, kty, x, y }: { crv?: string, kty?: string, x?: string, y?: string }): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}
