import type { Socket } from 'node:net'
import type { Pool } from 'undici'
import type { Clock } from './clock.ts'
import type { Config } from './config/load.ts'
import { isLoopback, parseHttpUrl, withoutBrackets } from './config/parse.ts'
import { createTokenEndpoint, type Credentials, type TokenEndpoint } from './token/endpoint.ts'
import { IssuerKeys } from './token/issuer-keys.ts'
import { Verification, verified } from './token/verified.ts'
import { createFetchJson } from './upstream/fetch-json.ts'
import { isExempt, type OutboundProxy } from './upstream/outbound-proxy.ts'
import { connectWithin, createPool } from './upstream/pool.ts'

/** The outbound proxy on the way to an origin, or undefined where it is reached directly. */
export function proxyFor ({ httpsProxy, noProxy }: Config, origin: URL): OutboundProxy | undefined {
  const isDirect = origin.protocol === 'http:' || isLoopback(origin.hostname) || isExempt(origin, noProxy)
  return isDirect ? undefined : httpsProxy
}

/** The connections to the API, as the settings want them. */
export function createApiPool (config: Config, clock: Clock, connections = config.upstreamConnections): Pool {
  return createPool({
    clock,
    config: { origin: config.apiUrl.origin, connections, connectTimeoutMs: config.upstreamConnectTimeoutMs, proxy: proxyFor(config, config.apiUrl) }
  })
}

/** A connection of its own to an origin, TLS verified; the caller destroys it. */
export function connectTo (config: Config, origin: URL, clock: Clock): Promise<Socket> {
  const { protocol, host, hostname, port } = origin
  const connect = connectWithin(clock, { proxy: proxyFor(config, origin), connectTimeoutMs: config.upstreamConnectTimeoutMs })
  return new Promise((resolve, reject) => {
    connect({ protocol, host, hostname: withoutBrackets(hostname), port }, (error, socket) => {
      // With an error it gives no socket, whatever its type says.
      if (error !== null || socket === null) reject(error ?? new Error('no connection'))
      else resolve(socket)
    })
  })
}

export interface TokenSourceOptions {
  readonly readCredentials: () => Credentials
  /** Aborted: no token is needed any more. */
  readonly stop: AbortSignal
}

/** Where tokens come from, as the settings want them: one request at a time, each token verified. */
export function createTokenSource (config: Config, clock: Clock, options: TokenSourceOptions): TokenEndpoint {
  const { endpoint, verification } = createTokenParts(config, clock, options)
  return verified(endpoint, verification)
}

/** The same in its two parts, for who wants to know at which of them it fails. */
export function createTokenParts (config: Config, clock: Clock, { readCredentials, stop }: TokenSourceOptions): { endpoint: TokenEndpoint, verification: Verification } {
  const { tokenRequest, tokenVerification: { mode, issuer, requiredScopes } } = config
  const { audience, timeoutMs } = tokenRequest
  const fetchJson = createFetchJson({ clock, connectTimeoutMs: timeoutMs, proxyFor: origin => proxyFor(config, origin), stop })
  const keys = new IssuerKeys({ clock, fetchJson, issuer, timeoutMs, parseUrl: parseHttpUrl })
  return {
    endpoint: createTokenEndpoint({ clock, fetchJson, config: { ...tokenRequest, readCredentials } }),
    verification: new Verification({ clock, mode, expected: { issuer, audience, requiredScopes }, keys })
  }
}
