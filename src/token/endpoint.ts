import { request, type Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import type { Secret } from '../secret.ts'
import { Problem } from '../problem.ts'
import { parseTokenResponse, type AccessToken } from './access-token.ts'

interface Credentials { readonly clientId: Secret, readonly clientSecret: Secret }

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

/** A token response is some kilobytes; more is not one. */
const MAX_BODY_BYTES = 64 * 1024

/** Longer than any rate limit's window; a garbled date must not stop the sidecar for years. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000

/** How much of the endpoint's own words is shown. */
const MAX_ERROR_CHARS = 80

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
  { clock, dispatcher, config }: { clock: Clock, dispatcher: Dispatcher, config: TokenEndpointConfig }
): TokenEndpoint {
  let used: Credentials | undefined
  return {
    async requestToken () {
      const sentAtMs = clock.nowMs()
      const deadline = new AbortController()
      const timer = clock.setTimer(() => deadline.abort(), config.timeoutMs)
      try {
        used = config.readCredentials()
        const { statusCode, headers, body } = await request(config.url, {
          method: 'POST', dispatcher, signal: deadline.signal, ...tokenRequest(config, used)
        })
        const json = await readJson(body)
        if (statusCode >= 200 && statusCode < 300) return parseTokenResponse(json, sentAtMs)
        throw refusal(statusCode, json, retryAfterMs(headers, sentAtMs), used)
      } catch (thrown) {
        if (thrown instanceof Problem) throw thrown
        const what = deadline.signal.aborted
          ? `The token endpoint did not answer in ${config.timeoutMs} ms.`
          : 'The token endpoint could not be reached.'
        throw new Problem('TOKEN-R-001', what, { cause: thrown })
      } finally {
        timer.cancel()
      }
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

/** The body as JSON, or undefined where it is none or too large. */
async function readJson (body: Dispatcher.ResponseData['body']): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return undefined
  }
}

/** RFC 6749 §5.2: 400 (and 401, 403 of Auth0) with an `error` is a refusal; all else may heal. */
function refusal (status: number, json: unknown, retryAfterMs: number | undefined, used: Credentials): Problem {
  const error = typeof json === 'object' && json !== null && 'error' in json ? json.error : undefined
  if ([400, 401, 403].includes(status) && typeof error === 'string') {
    return new Problem('TOKEN-N-001', `The token endpoint refused the client credentials with status ${status} and error "${printable(error, used)}".`)
  }
  return new Problem('TOKEN-R-001', `The token endpoint answered with status ${status}.`, { retryAfterMs })
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3), else Auth0's x-ratelimit-reset in epoch seconds. */
function retryAfterMs (headers: Record<string, string | string[] | undefined>, nowMs: number): number | undefined {
  const retryAfter = String(headers['retry-after'] ?? '')
  const reset = String(headers['x-ratelimit-reset'] ?? '')
  const ms = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1000
    : retryAfter !== '' ? Date.parse(retryAfter) - nowMs : /^\d+$/.test(reset) ? Number(reset) * 1000 - nowMs : NaN
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined
}

/** Foreign text in our own: visible ASCII, cut, and without what we sent, should it be echoed. */
function printable (text: string, { clientId, clientSecret }: Credentials): string {
  return text.replaceAll(clientSecret.reveal(), '[secret]').replaceAll(clientId.reveal(), '[client id]').replace(/[^\x20-\x7e]/g, '').replaceAll('"', "'").slice(0, MAX_ERROR_CHARS)
}
