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

/** The home of Redis, or undefined where no store is to be there: then nothing of it is loaded. */
export function createRedisHome (config: Config, { clock, random, onChange, warn }: Pick<RedisLinkOptions, 'clock' | 'random' | 'onChange'> & { warn: (reason: string) => void }): RedisHome | undefined {
  const { redisUrl, tokenStore, quotaStore, idempotency } = config
  if (redisUrl === undefined || (tokenStore.kind !== 'redis' && quotaStore !== 'redis' && idempotency.kind !== 'redis')) return undefined
  return new RedisHome({ clock, random, source: new RedisSource(redisUrl, warn), ...(onChange === undefined ? {} : { onChange }) })
}

export interface StoreOptions {
  /** As they were at the last token request. */
  readonly readCredentials: () => Credentials
  readonly redis: RedisHome | undefined
  readonly onRefused: (reason: string) => void
}

/** The count of the quota that a fleet shares, or undefined where each sidecar counts for itself. */
export function createQuotaStore ({ apiUrl, quotaStore, quotaReserve }: Config, { readCredentials, redis, onRefused }: StoreOptions): QuotaStore | undefined {
  if (redis === undefined || quotaStore !== 'redis') return undefined
  return new RedisQuotaStore({ redis, readClientId: () => readCredentials().clientId, apiUrl, reserve: quotaReserve, onRefused })
}

/** Where the outcomes of bookings are remembered, as the settings want it. */
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

export interface TokenSourceOptions extends TokenPartsOptions {
  /** From 0 to 1. */
  readonly random: () => number
  readonly redis: RedisHome | undefined
  /** Told why a stored token was not used, or one not stored. */
  readonly onStoreRefused: (reason: string) => void
}

/** Where tokens come from, as the settings want them: one request at a time, each token verified, and kept where the settings say. */
export function createTokenSource (config: Config, clock: Clock, options: TokenSourceOptions): TokenSource {
  const { readCredentials, stop, random, redis, onStoreRefused: onRefused } = options
  const { tokenStore, tokenRequest } = config
  const parts = createTokenParts(config, clock, options)
  const endpoint = verified(parts.endpoint, parts.verification)
  const readSeal = (): TokenSeal => new TokenSeal(readCredentials(), { ...tokenRequest, tokenUrl: tokenRequest.url })
  const store = redis !== undefined && tokenStore.kind === 'redis'
    ? new RedisTokenStore({ clock, redis, readSeal, onRefused })
    : tokenStore.kind === 'file' ? new FileTokenStore({ clock, path: tokenStore.path, readSeal, onRefused }) : undefined
  if (store === undefined) return endpoint
  return new SharedTokenSource({ clock, random, endpoint, verification: parts.verification, store, waitMs: tokenRequest.timeoutMs, onRefused, stop })
}

/** The same in its two parts, for who wants to know at which of them it fails. */
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
