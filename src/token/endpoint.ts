import { cureOf } from '../cause.ts'
import { deadline, type Clock } from '../clock.ts'
import { printableWithout, type Masks } from '../printable.ts'
import { Problem } from '../problem.ts'
import type { Secret } from '../secret.ts'
import { parseTokenResponse, type AccessToken } from './access-token.ts'

export interface Credentials { readonly clientId: Secret, readonly clientSecret: Secret }

/** What stands for the credentials where a server may echo them. */
export function masksOf ({ clientId, clientSecret }: Credentials): Masks {
  return [[clientSecret.reveal(), '[secret]'], [clientId.reveal(), '[client id]']]
}

export interface TokenEndpointConfig {
  readonly url: URL
  /** `json` as Bookable and Auth0 want it, `form` as RFC 6749 §4.4.2 has it; the credentials go in the body. */
  readonly format: 'json' | 'form'
  readonly audience: string | undefined
  readonly scope: string | undefined
  readonly timeoutMs: number
  /** Read at each request, so that a rotated secret needs no restart. */
  readonly readCredentials: () => Credentials
}

/** One small request to an authorization server, without following redirects; `json` is undefined where the body is no JSON. */
export type FetchJson = (
  url: URL, request: { method?: 'GET' | 'POST', headers?: Readonly<Record<string, string>>, body?: string, signal: AbortSignal }
) => Promise<{ status: number, headers: Readonly<Record<string, string | string[] | undefined>>, json: unknown }>

/** Longer than any rate limit's window; a garbled date must not stop the sidecar for years. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000

export interface TokenEndpoint {
  /**
   * One client credentials request (RFC 6749 §4.4).
   * @throws TOKEN-N-001, TOKEN-R-001 or TOKEN-R-002
   */
  requestToken (): Promise<AccessToken>
  /** Whether the credentials are others than those of the last request: a secret file was rotated. */
  haveCredentialsChanged (): boolean
}

export function createTokenEndpoint (
  { clock, fetchJson, config }: { clock: Clock, fetchJson: FetchJson, config: TokenEndpointConfig }
): TokenEndpoint {
  let used: Credentials | undefined

  async function post (credentials: Credentials): ReturnType<FetchJson> {
    const { signal, cancel } = deadline(clock, config.timeoutMs)
    try {
      return await fetchJson(config.url, { method: 'POST', signal, ...tokenRequest(config, credentials) })
    } catch (cause) {
      const what = signal.aborted ? `The token endpoint did not answer in ${config.timeoutMs} ms.` : `The token endpoint could not be reached. ${cureOf(cause) ?? ''}`.trimEnd()
      throw new Problem('TOKEN-R-001', what, { cause })
    } finally {
      cancel()
    }
  }

  return {
    async requestToken () {
      const sentAtMs = clock.nowMs()
      used = config.readCredentials()
      const { status, headers, json } = await post(used)
      const masks = masksOf(used)
      if (status >= 200 && status < 300) return parseTokenResponse(json, sentAtMs, masks)
      throw refusal(status, json, retryAfterMs(headers, sentAtMs), masks)
    },
    haveCredentialsChanged () {
      const { clientId, clientSecret } = config.readCredentials()
      return used !== undefined && !(clientId.equals(used.clientId) && clientSecret.equals(used.clientSecret))
    }
  }
}

function tokenRequest ({ format, audience, scope }: TokenEndpointConfig, { clientId, clientSecret }: Credentials) {
  const fields = {
    grant_type: 'client_credentials',
    client_id: clientId.reveal(),
    client_secret: clientSecret.reveal(),
    ...(audience === undefined ? {} : { audience }),
    ...(scope === undefined ? {} : { scope })
  }
  return format === 'json'
    ? { headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(fields) }
    : { headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }, body: new URLSearchParams(fields).toString() }
}

/** RFC 6749 §5.2: 400 (and 401, 403 of Auth0) with an `error` is a refusal; all else may heal. */
function refusal (status: number, json: unknown, retryAfterMs: number | undefined, masks: Masks): Problem {
  const error = typeof json === 'object' && json !== null && 'error' in json ? json.error : undefined
  if ([400, 401, 403].includes(status) && typeof error === 'string') {
    // Not its error_description, which is prose of any length about whatever was sent.
    return new Problem('TOKEN-N-001', `The token endpoint refused the client credentials with status ${status} and error "${printableWithout(masks, error)}".`)
  }
  return new Problem('TOKEN-R-001', `The token endpoint answered with status ${status}.`, { retryAfterMs })
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3), else Auth0's x-ratelimit-reset in epoch seconds. */
function retryAfterMs (headers: Readonly<Record<string, string | string[] | undefined>>, nowMs: number): number | undefined {
  const retryAfter = String(headers['retry-after'] ?? '')
  const reset = String(headers['x-ratelimit-reset'] ?? '')
  const ms = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1000
    : retryAfter !== '' ? Date.parse(retryAfter) - nowMs : /^\d+$/.test(reset) ? Number(reset) * 1000 - nowMs : NaN
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined
}
