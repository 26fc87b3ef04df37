import type { Socket } from 'node:net'
import type { Pool } from 'undici'
import type { Clock } from './clock.ts'
import type { Config } from './config/load.ts'
import { isLoopback, parseHttpUrl, withoutBrackets } from './config/parse.ts'
import { RedisQuotaStore } from './quota/stores/redis.ts'
import type { QuotaStore } from './quota/stores/store.ts'
import { RedisHome } from './redis/home.ts'
import type { RedisLinkOptions } from './redis/link.ts'
import { RedisSource } from './redis/source.ts'
import { MemoryStore } from './repeats/memory-store.ts'
import { RecordSeal } from './repeats/record-seal.ts'
import { RedisRepeatStore } from './repeats/redis-store.ts'
import type { RepeatStore } from './repeats/store.ts'
import { createTokenEndpoint, type Credentials, type TokenEndpoint } from './token/endpoint.ts'
import { IssuerKeys } from './token/issuer-keys.ts'
import { SharedTokenSource } from './token/shared.ts'
import type { TokenSource } from './token/source.ts'
import { FileTokenStore } from './token/stores/file.ts'
import { RedisTokenStore } from './token/stores/redis.ts'
import { TokenSeal } from './token/stores/seal.ts'
import type { TokenStore } from './token/stores/store.ts'
import { Verification, verified } from './token/verified.ts'
import { createFetchJson } from './upstream/fetch-json.ts'
import { isExempt, type OutboundProxy } from './upstream/outbound-proxy.ts'
import { connectWithin, createPool } from './upstream/pool.ts'

// What the settings make of the ways out of the sidecar: to the API, to the token endpoint, to Redis, and the stores on them.

/** The outbound proxy on the way to an origin; undefined where there is none. */
export function proxyFor ({ httpsProxy, noProxy }: Config, origin: URL): OutboundProxy | undefined {
  const isDirect = origin.protocol === 'http:' || isLoopback(origin.hostname) || isExempt(origin, noProxy)
  return isDirect ? undefined : httpsProxy
}

/** The connections to the API. */
export function createApiPool (config: Config, clock: Clock, connections = config.upstreamConnections): Pool {
  return createPool({
    clock,
    config: { origin: config.apiUrl.origin, connections, connectTimeoutMs: config.upstreamConnectTimeoutMs, proxy: proxyFor(config, config.apiUrl) }
  })
}

/** Opens one connection to an origin, TLS verified; the caller destroys it. */
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

export interface RedisHomeOptions extends Omit<RedisLinkOptions, 'source'> {
  /** Told once when the file of REDIS_URL has become unusable. */
  readonly warn: (reason: string) => void
}

/** The way to Redis; undefined where no store uses it. */
export function createRedisHome ({ redisUrl, tokenStore, quotaStore, idempotency }: Config, { warn, ...options }: RedisHomeOptions): RedisHome | undefined {
  const isUsed = [tokenStore.kind, quotaStore, idempotency.kind].includes('redis')
  return redisUrl === undefined || !isUsed ? undefined : new RedisHome({ ...options, source: new RedisSource(redisUrl, warn) })
}

export interface StoreOptions {
  readonly readCredentials: () => Credentials
  readonly redis: RedisHome | undefined
  /** Told why something that was stored was not used, or something not stored. */
  readonly onRefused: (reason: string) => void
}

/** The count of the quota that a fleet shares; undefined where each sidecar counts for itself. */
export function createQuotaStore ({ apiUrl, quotaStore, quotaReserve }: Config, { readCredentials, redis, onRefused }: StoreOptions): QuotaStore | undefined {
  if (redis === undefined || quotaStore !== 'redis') return undefined
  return new RedisQuotaStore({ redis, readClientId: () => readCredentials().clientId, apiUrl, reserve: quotaReserve, onRefused })
}

/** Where the outcomes of bookings are remembered. */
export function createRepeatStore ({ apiUrl, idempotency }: Config, clock: Clock, { readCredentials, redis, onRefused }: StoreOptions): RepeatStore {
  const memory = new MemoryStore({ clock, ...idempotency })
  if (redis === undefined || idempotency.kind !== 'redis') return memory
  let used: { readonly credentials: Credentials, readonly seal: RecordSeal } | undefined
  return new RedisRepeatStore({
    clock,
    redis,
    memory,
    onRefused,
    readSeal () {
      const credentials = readCredentials()
      if (used?.credentials !== credentials) used = { credentials, seal: new RecordSeal({ ...credentials, apiUrl }) }
      return used.seal
    }
  })
}

export interface TokenPartsOptions {
  readonly readCredentials: () => Credentials
  /** Aborted: no token is needed any more. */
  readonly stop: AbortSignal
}

export interface TokenSourceOptions extends TokenPartsOptions, StoreOptions {
  /** From 0 to 1. */
  readonly random: () => number
}

/** Where tokens come from: each is verified, and kept where TOKEN_STORE says. */
export function createTokenSource (config: Config, clock: Clock, options: TokenSourceOptions): TokenSource {
  const { stop, random, onRefused } = options
  const { endpoint, verification } = createTokenParts(config, clock, options)
  const verifiedEndpoint = verified(endpoint, verification)
  const store = createTokenStore(config, clock, options)
  if (store === undefined) return verifiedEndpoint
  return new SharedTokenSource({ clock, random, endpoint: verifiedEndpoint, verification, store, waitMs: config.tokenRequest.timeoutMs, onRefused, stop })
}

function createTokenStore ({ tokenStore, tokenRequest }: Config, clock: Clock, { readCredentials, redis, onRefused }: StoreOptions): TokenStore | undefined {
  const readSeal = (): TokenSeal => new TokenSeal(readCredentials(), { ...tokenRequest, tokenUrl: tokenRequest.url })
  if (tokenStore.kind === 'file') return new FileTokenStore({ clock, path: tokenStore.path, readSeal, onRefused })
  return redis === undefined || tokenStore.kind !== 'redis' ? undefined : new RedisTokenStore({ clock, redis, readSeal, onRefused })
}

/** The token endpoint and the verification apart, for `check`, which tells at which of them a token fails. */
export function createTokenParts (config: Config, clock: Clock, { readCredentials, stop }: TokenPartsOptions): { endpoint: TokenEndpoint, verification: Verification } {
  const { tokenRequest, tokenVerification: { mode, issuer, requiredScopes } } = config
  const { audience, timeoutMs } = tokenRequest
  const fetchJson = createFetchJson({ clock, connectTimeoutMs: timeoutMs, proxyFor: origin => proxyFor(config, origin), stop })
  const keys = new IssuerKeys({ clock, fetchJson, issuer, timeoutMs, parseUrl: parseHttpUrl })
  return {
    endpoint: createTokenEndpoint({ clock, fetchJson, config: { ...tokenRequest, readCredentials } }),
    verification: new Verification({ clock, mode, expected: { issuer, audience, requiredScopes }, keys })
  }
}
