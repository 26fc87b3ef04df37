import { ENVIRONMENTS } from './environments.ts'
import { parseHosts, parseHttpUrl, parseMethods, parseNoProxy, parseProxy, parseRoutes, parseScopes, type Method } from './parse.ts'
import { readSettings, settingsTable, type Environment } from './read-settings.ts'
import type { SecretSource } from './secret-source.ts'
import { SETTING_NAMES } from './settings.ts'

/** Every setting as the program uses it: times in milliseconds, `none` as undefined. */
export interface Config {
  /** The settings that differ from their defaults, as they may be shown. */
  readonly given: Readonly<Record<string, string>>
  readonly clientId: SecretSource
  readonly clientSecret: SecretSource
  readonly apiUrl: URL
  /** The path of apiUrl as it is put before the app's: empty where there is none. */
  readonly apiBasePath: string
  readonly tokenRequest: {
    readonly url: URL
    readonly format: 'json' | 'form'
    readonly audience: string | undefined
    readonly scope: string | undefined
    readonly timeoutMs: number
  }
  readonly tokenVerification: {
    readonly mode: 'off' | 'claims' | 'signature'
    /** Exactly as a token must name it. */
    readonly issuer: string
    readonly requiredScopes: readonly string[]
  }
  readonly tokenStore: {
    readonly kind: 'memory' | 'file' | 'redis'
    /** The file of kind `file`. */
    readonly path: string
  }
  readonly redisUrl: SecretSource | undefined
  /** Undefined: everything is reached directly. */
  readonly httpsProxy: ReturnType<typeof parseProxy> | undefined
  readonly noProxy: readonly string[]
  readonly host: string
  readonly port: number
  /** Undefined: none was named. */
  readonly allowedHosts: readonly string[] | undefined
  readonly inboundApiKey: SecretSource | undefined
  readonly socketPath: string | undefined
  readonly adminHost: string
  readonly adminPort: number
  readonly routes: readonly string[]
  readonly allowedMethods: readonly Method[]
  readonly tokenExpiryBufferMs: number
  readonly tokenWaitMs: number
  readonly upstreamConnectTimeoutMs: number
  readonly upstreamTimeoutMs: number
  readonly upstreamConnections: number
  readonly maxInFlight: number
  readonly quotaMaxWaitMs: number
  /** From 0 to 1. */
  readonly quotaReserve: number
  readonly quotaStore: 'memory' | 'redis'
  readonly coalesce: boolean
  readonly cache: {
    /** 0: nothing is kept. */
    readonly ttlMs: number
    readonly maxBytes: number
    readonly staleIfErrorMs: number
  }
  readonly idempotency: {
    readonly kind: 'memory' | 'redis'
    readonly ttlMs: number
    readonly maxRecords: number
    readonly maxBytes: number
    /** 0: only requests with a key are looked at. */
    readonly windowMs: number
  }
  readonly partnerReference: string | undefined
  readonly bookingSource: string | undefined
  readonly shutdownDelayMs: number
  readonly shutdownTimeoutMs: number
  readonly logLevel: string
}

const ALL = settingsTable(SETTING_NAMES)
const ADMIN_ADDRESS = settingsTable(['ADMIN_HOST', 'ADMIN_PORT'])

/**
 * The settings of an environment, validated as a whole.
 * @throws SettingsError
 */
export function loadConfig (environment: Environment): Config {
  const { text, integer, has, secret, given } = readSettings(environment, ALL)
  const preset = ENVIRONMENTS[text('BOOKABLE_ENVIRONMENT') as keyof typeof ENVIRONMENTS]
  const apiUrl = parseHttpUrl(text('BOOKABLE_API_URL') || preset.apiUrl)
  const tokenUrl = parseHttpUrl(text('BOOKABLE_TOKEN_URL') || preset.tokenUrl)
  const unlessNone = (value: string): string | undefined => value === 'none' ? undefined : value
  return {
    given,
    clientId: secret('BOOKABLE_CLIENT_ID'),
    clientSecret: secret('BOOKABLE_CLIENT_SECRET'),
    apiUrl,
    apiBasePath: apiUrl.pathname.replace(/\/$/, ''),
    tokenRequest: {
      url: tokenUrl,
      format: text('BOOKABLE_TOKEN_REQUEST_FORMAT') as Config['tokenRequest']['format'],
      audience: unlessNone(text('BOOKABLE_AUDIENCE')),
      scope: unlessNone(text('BOOKABLE_SCOPE')),
      timeoutMs: integer('TOKEN_TIMEOUT_MS')
    },
    tokenVerification: {
      mode: text('VERIFY_TOKEN') as Config['tokenVerification']['mode'],
      issuer: text('BOOKABLE_ISSUER') || `${tokenUrl.origin}/`,
      requiredScopes: parseScopes(text('REQUIRED_SCOPES'))
    },
    tokenStore: { kind: text('TOKEN_STORE') as Config['tokenStore']['kind'], path: text('TOKEN_STORE_PATH') },
    redisUrl: has('REDIS_URL') ? secret('REDIS_URL') : undefined,
    httpsProxy: has('HTTPS_PROXY') ? parseProxy(text('HTTPS_PROXY')) : undefined,
    noProxy: parseNoProxy(text('NO_PROXY')),
    host: text('HOST'),
    port: integer('PORT'),
    allowedHosts: has('ALLOWED_HOSTS') ? parseHosts(text('ALLOWED_HOSTS')) : undefined,
    inboundApiKey: has('INBOUND_API_KEY') ? secret('INBOUND_API_KEY') : undefined,
    socketPath: text('SOCKET_PATH') || undefined,
    adminHost: text('ADMIN_HOST'),
    adminPort: integer('ADMIN_PORT'),
    routes: parseRoutes(text('ROUTES')),
    allowedMethods: parseMethods(text('ALLOWED_METHODS')),
    tokenExpiryBufferMs: integer('TOKEN_EXPIRY_BUFFER_SECONDS') * 1000,
    tokenWaitMs: integer('TOKEN_WAIT_MS'),
    upstreamConnectTimeoutMs: integer('UPSTREAM_CONNECT_TIMEOUT_MS'),
    upstreamTimeoutMs: integer('UPSTREAM_TIMEOUT_MS'),
    upstreamConnections: integer('UPSTREAM_CONNECTIONS'),
    maxInFlight: integer('MAX_IN_FLIGHT'),
    quotaMaxWaitMs: integer('QUOTA_MAX_WAIT_MS'),
    quotaReserve: integer('QUOTA_RESERVE') / 100,
    quotaStore: text('QUOTA_STORE') as Config['quotaStore'],
    coalesce: text('COALESCE') === 'true',
    cache: {
      ttlMs: integer('CACHE_TTL_SECONDS') * 1000,
      maxBytes: integer('CACHE_MAX_MB') * 1024 * 1024,
      staleIfErrorMs: integer('CACHE_STALE_IF_ERROR_SECONDS') * 1000
    },
    idempotency: {
      kind: text('IDEMPOTENCY_STORE') as Config['idempotency']['kind'],
      ttlMs: integer('IDEMPOTENCY_TTL_SECONDS') * 1000,
      maxRecords: integer('IDEMPOTENCY_MAX_RECORDS'),
      maxBytes: integer('IDEMPOTENCY_MAX_MB') * 1024 * 1024,
      windowMs: integer('BOOKING_REPEAT_WINDOW_SECONDS') * 1000
    },
    partnerReference: text('PARTNER_REFERENCE') || undefined,
    bookingSource: text('BOOKING_SOURCE') || undefined,
    shutdownDelayMs: integer('SHUTDOWN_DELAY_MS'),
    shutdownTimeoutMs: integer('SHUTDOWN_TIMEOUT_MS'),
    logLevel: text('LOG_LEVEL')
  }
}

/**
 * Where the probes of a running sidecar answer; all that `healthcheck` and `wait` need.
 * @throws SettingsError
 */
export function loadAdminAddress (environment: Environment): { readonly host: string, readonly port: number } {
  const { text, integer } = readSettings(environment, ADMIN_ADDRESS)
  return { host: text('ADMIN_HOST'), port: integer('ADMIN_PORT') }
}
