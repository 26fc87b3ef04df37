import type { createRemoteJWKSet } from 'jose'
import { deadline, type Clock } from '../clock.ts'
import { printable } from '../printable.ts'
import { Problem } from '../problem.ts'
import type { Secret } from '../secret.ts'
import type { FetchJson } from './endpoint.ts'

/** Signatures by a private key of the issuer. Neither `none`, nor HMAC: who can verify that can also sign (RFC 8725 §3.1). */
const ALGORITHMS = ['RS256', 'ES256', 'PS256']

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>

export interface IssuerKeysOptions {
  readonly clock: Clock
  readonly fetchJson: FetchJson
  readonly issuer: string
  readonly timeoutMs: number
  /** @throws where the sidecar must not go there */
  readonly parseUrl: (value: string) => URL
}

/**
 * The keys with which an issuer signs, found by its metadata (OpenID Connect Discovery §4), or where Auth0 has them. They are fetched again
 * when they are ten minutes old, or when a token names one that is not among them.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions
  #keys: RemoteKeys | undefined

  constructor (options: IssuerKeysOptions) {
    this.#options = options
  }

  /**
   * The keys, fetched where they are not at hand or too old.
   * @throws TOKEN-R-002
   */
  async load (): Promise<RemoteKeys> {
    try {
      const keys = this.#keys ?? await this.#find()
      if (!keys.fresh) await keys.reload()
      // Kept only once it has worked: where the metadata could not be had, the place was a guess.
      this.#keys = keys
      return keys
    } catch (cause) {
      if (cause instanceof Problem) throw cause
      throw new Problem('TOKEN-R-002', `The keys of the issuer ${printable(this.#options.issuer)} could not be had, so that no token can be verified.`, { cause })
    }
  }

  /** @throws TOKEN-R-002 unless the token was signed by one of them */
  async verify (token: Secret): Promise<void> {
    const keys = await this.load()
    const { compactVerify } = await import('jose')
    await compactVerify(token.reveal(), keys, { algorithms: ALGORITHMS }).catch((cause: Error) => {
      throw new Problem('TOKEN-R-002', `The signature of the token is not one of ${printable(this.#options.issuer)}: ${printable(cause.message)}.`, { cause })
    })
  }

  async #find (): Promise<RemoteKeys> {
    const { createRemoteJWKSet, customFetch } = await import('jose')
    const { fetchJson, timeoutMs } = this.#options
    return createRemoteJWKSet(await this.#findUrl(), {
      timeoutDuration: timeoutMs,
      // An unknown key is looked for at once: tokens come from the token endpoint alone, so nobody else can make us ask often.
      cooldownDuration: 0,
      [customFetch]: async (url: string, { signal }: { signal: AbortSignal }) => {
        const { status, json } = await fetchJson(new URL(url), { signal })
        return Response.json(json ?? null, { status })
      }
    })
  }

  async #findUrl (): Promise<URL> {
    const { clock, fetchJson, issuer, timeoutMs, parseUrl } = this.#options
    const base = issuer.replace(/\/$/, '')
    const { signal, cancel } = deadline(clock, timeoutMs)
    try {
      const { status, json } = await fetchJson(new URL(`${base}/.well-known/openid-configuration`), { signal })
      const metadata: { issuer?: unknown, jwks_uri?: unknown } = typeof json === 'object' && json !== null ? json : {}
      if (status !== 200 || typeof metadata.jwks_uri !== 'string') return new URL(`${base}/.well-known/jwks.json`)
      // §4.3: else another issuer's metadata, and so its keys, could be put in this one's place.
      if (metadata.issuer !== undefined && metadata.issuer !== issuer) {
        throw new Problem('TOKEN-R-002', `The metadata at ${printable(base)} is of issuer "${printable(metadata.issuer)}", but BOOKABLE_ISSUER is "${issuer}".`)
      }
      const url = parseUrl(metadata.jwks_uri)
      if (issuer.startsWith('https:') && url.protocol !== 'https:') throw new Error('the jwks_uri of an https issuer is not https')
      return url
    } finally {
      cancel()
    }
  }
}
