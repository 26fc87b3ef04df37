import { ENVIRONMENTS } from './environments.ts'
import { METHODS, parseHosts, parseHttpUrl, parseMethods, parseProxy, parseRoutes, parseSocketPath, parseWhole } from './parse.ts'
import { parseRedisUrl } from './redis-url.ts'

/** How a value is written in the environment, as JSON schema for env-schema. */
interface SettingSchema {
  readonly type: 'string' | 'integer'
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
}

/** One setting: everything that validation, --help and docs/settings.md say of it. */
export interface Setting {
  readonly schema: SettingSchema
  /** As one would write it in the environment; absent where there is none. */
  readonly default?: string
  /** Shown instead of a default that follows from other settings. */
  readonly defaultNote?: string
  readonly unit?: 'ms' | 's' | '%' | 'MB' | 'records' | 'requests' | 'connections'
  /** Completes "allowed: …". */
  readonly allowed: string
  /** Never printed, and readable from a file named by NAME_FILE. */
  readonly isSecret?: true
  readonly isRequired?: true
  /** Also read in lower case, which wins: so do the other programs that share it. */
  readonly isShared?: true
  /** Its value may hold a password anywhere, and is not shown. */
  readonly isHidden?: true
  /** What a schema can't say; throws an Error that says what is wrong. */
  readonly check?: (value: string) => unknown
  /** For some of its values, another setting that must be set too. */
  readonly needs?: Readonly<Record<string, string>>
  readonly doc: string
}

const DAY_MS = 24 * 60 * 60 * 1000
const MONTH_S = 31 * 24 * 60 * 60
const BOOKING_SOURCES = ['email', 'phone', 'api', 'webhook', 'js-tag', 'chatbot', 'puller', 'portal'] as const

const text = (allowed: string) => ({ schema: { type: 'string' }, allowed }) as const
const whole = (minimum: number, maximum: number) =>
  ({ schema: { type: 'integer', minimum, maximum }, check: parseWhole, allowed: `a whole number from ${minimum} to ${maximum}` }) as const
const oneOf = (values: readonly string[]) =>
  ({ schema: { type: 'string', enum: values }, allowed: values.join(', ') }) as const
const url = {
  ...text('an https URL, or http to a loopback host; without credentials, query and fragment'), check: parseHttpUrl
} as const
const proxy = {
  ...text('an http or https URL, with user and password where the proxy asks for them'), isShared: true, isHidden: true, check: parseProxy
} as const
const memoryOrRedis = { ...oneOf(['memory', 'redis']), default: 'memory', needs: { redis: 'REDIS_URL' } } as const
/** What may stand in a header that we send for the app. */
const headerValue = { schema: { type: 'string', pattern: '^[\\x21-\\x7e]+$' }, allowed: 'visible ASCII without spaces' } as const

/**
 * The settings, in the order in which people read of them. Validation, `--help` and the table of docs/settings.md come from here.
 */
export const SETTINGS = {
  BOOKABLE_CLIENT_ID: {
    ...text('the client id that Bookable gave you'), isSecret: true, isRequired: true, doc: 'OAuth2 client id. Required, except in `demo`.'
  },
  BOOKABLE_CLIENT_SECRET: {
    ...text('the client secret that Bookable gave you'), isSecret: true, isRequired: true, doc: 'OAuth2 client secret. Required, except in `demo`.'
  },
  BOOKABLE_ENVIRONMENT: {
    ...oneOf(Object.keys(ENVIRONMENTS)), default: 'production', doc: 'Preset of the API and token URL.'
  },
  BOOKABLE_API_URL: {
    ...url, defaultNote: 'by BOOKABLE_ENVIRONMENT', doc: 'The API. A path in it is put before the path of the app.'
  },
  BOOKABLE_TOKEN_URL: {
    ...url, defaultNote: 'by BOOKABLE_ENVIRONMENT', doc: 'The token endpoint: Bookable\'s, any Auth0 domain or any OAuth2 server.'
  },
  BOOKABLE_AUDIENCE: {
    ...text('an audience, or none'), default: 'api.bookabletech.com', doc: 'Audience of the token request; `none` sends none.'
  },
  BOOKABLE_SCOPE: {
    ...text('scopes separated by spaces, or none'), default: 'none', doc: 'Scope of the token request; `none` sends none.'
  },
  BOOKABLE_TOKEN_REQUEST_FORMAT: {
    ...oneOf(['json', 'form']), default: 'json', doc: '`json` for Bookable and Auth0, `form` (RFC 6749) for any other OAuth2 server.'
  },
  HOST: {
    ...text('a host name or address; none with SOCKET_PATH'),
    default: 'localhost',
    doc: 'Where apps connect. `localhost` is 127.0.0.1 and, where there is one, ::1; with `none` there is only the unix socket.'
  },
  PORT: { ...whole(0, 65535), default: '8080', doc: 'Port for apps; 0 takes a free one.' },
  ADMIN_HOST: { ...text('a host name or address'), default: 'localhost', doc: 'Where probes connect.' },
  ADMIN_PORT: { ...whole(0, 65535), default: '8081', doc: 'Port for probes; 0 takes a free one.' },
  ALLOWED_HOSTS: {
    ...text('host names or addresses without port, separated by commas'),
    defaultNote: 'loopback names when HOST is loopback, else any',
    check: parseHosts,
    doc: 'Host headers that are accepted: a guard against DNS rebinding. Not asked on the unix socket.'
  },
  INBOUND_API_KEY: {
    ...text('a key of your own making, long and random'),
    isSecret: true,
    doc: 'When set, apps must send it: as x-api-key, as Basic password or as Bearer. It is never forwarded.'
  },
  SOCKET_PATH: { ...text('a path in a folder that exists'), check: parseSocketPath, doc: 'Also listens on this unix socket, which only the same user may open (mode 0600).' },
  ROUTES: {
    ...text('path prefixes separated by commas, each starting with / and longer than that'),
    default: '/venues,/bookings',
    check: parseRoutes,
    doc: 'Path prefixes that are forwarded, by whole segments, case-sensitive. Nothing else is.'
  },
  ALLOWED_METHODS: {
    ...text(`some of ${METHODS.join(', ')}, separated by commas`),
    default: METHODS.join(','),
    check: parseMethods,
    doc: 'Other methods get 405. `GET,HEAD` makes the sidecar read-only.'
  },
  TOKEN_EXPIRY_BUFFER_SECONDS: {
    ...whole(0, DAY_MS / 1000), default: '60', unit: 's', doc: 'The token is refreshed this long before it expires; at half-life where it lives less than twice as long.'
  },
  TOKEN_TIMEOUT_MS: { ...whole(1, DAY_MS), default: '10000', unit: 'ms', doc: 'Limit of one token request.' },
  TOKEN_WAIT_MS: { ...whole(0, DAY_MS), default: '5000', unit: 'ms', doc: 'How long a request of an app waits for a token.' },
  VERIFY_TOKEN: {
    ...oneOf(['off', 'claims', 'signature']),
    default: 'off',
    doc: 'What of a new token is verified before it is used: `claims` aud, iss and exp; `signature` also that by the issuer\'s keys.'
  },
  BOOKABLE_ISSUER: {
    ...url,
    defaultNote: 'origin of BOOKABLE_TOKEN_URL and /',
    doc: 'The iss that VERIFY_TOKEN expects. Its keys are found by its /.well-known/openid-configuration, else /.well-known/jwks.json.'
  },
  REQUIRED_SCOPES: { ...text('scopes separated by spaces or commas'), doc: 'A token without all of these is refused.' },
  TOKEN_STORE: {
    ...oneOf(['memory', 'file', 'redis']),
    default: 'memory',
    needs: { file: 'TOKEN_STORE_PATH', redis: 'REDIS_URL' },
    doc: 'Where the token is kept: `file` outlives a restart, `redis` is shared by a fleet. Encrypted in both with the client secret.'
  },
  TOKEN_STORE_PATH: { ...text('a path in a folder that exists and may be written to'), doc: 'The file of TOKEN_STORE=file. Only its owner may read it (mode 0600).' },
  REDIS_URL: {
    ...text('redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS, +sentinel://HOST,HOST/MASTER or +cluster://HOST,HOST behind either'),
    isSecret: true,
    check: parseRedisUrl,
    doc: 'The Redis or Valkey of the stores that are there. The sidecar goes on alone while it cannot be used.'
  },
  UPSTREAM_CONNECT_TIMEOUT_MS: { ...whole(1, DAY_MS), default: '5000', unit: 'ms', doc: 'Limit of connecting to the API, TLS included.' },
  UPSTREAM_TIMEOUT_MS: {
    ...whole(1, DAY_MS), default: '30000', unit: 'ms', doc: 'Limit of one attempt up to the head of the answer, waiting for a connection included; then the longest silence in the body.'
  },
  UPSTREAM_CONNECTIONS: { ...whole(1, 65535), default: '256', unit: 'connections', doc: 'Connections to the API at most.' },
  MAX_IN_FLIGHT: { ...whole(1, 1_000_000), default: '1024', unit: 'requests', doc: 'Above this, an app gets 503 LOAD-R-001 at once.' },
  QUOTA_MAX_WAIT_MS: {
    ...whole(0, DAY_MS), default: '5000', unit: 'ms', doc: 'How long a request is held while the quota is spent; 0 refuses at once. A 429 of the API is waited out if its reset lies within this.'
  },
  QUOTA_RESERVE: { ...whole(0, 90), default: '10', unit: '%', doc: 'The part of each quota window that is kept for writes. It melts away towards the window\'s end.' },
  QUOTA_STORE: { ...memoryOrRedis, doc: 'Where the quota is counted: `redis` is one count for all sidecars of a client.' },
  COALESCE: { ...oneOf(['true', 'false']), default: 'true', doc: 'Identical GETs in flight at the same moment share one call of the API.' },
  CACHE_TTL_SECONDS: {
    ...whole(0, DAY_MS / 1000), default: '0', unit: 's', doc: 'Answers of GET /venues and /venues/{id} are kept this long; less where the API says so. Never availability, never bookings; 0 keeps none.'
  },
  CACHE_MAX_MB: { ...whole(1, 4096), default: '16', unit: 'MB', doc: 'All that is kept takes no more memory than this; what was asked for last stays.' },
  CACHE_STALE_IF_ERROR_SECONDS: {
    ...whole(0, DAY_MS / 1000), default: '0', unit: 's', doc: 'A kept list of venues is given this long after its end while the API is down.'
  },
  IDEMPOTENCY_TTL_SECONDS: {
    ...whole(1, MONTH_S), default: '86400', unit: 's', doc: 'How long the outcome of a POST or PATCH with an Idempotency-Key is remembered, from its end.'
  },
  IDEMPOTENCY_MAX_RECORDS: { ...whole(1, 10_000_000), default: '100000', unit: 'records', doc: 'Outcomes that are remembered at most; the oldest one that has ended makes room.' },
  IDEMPOTENCY_MAX_MB: { ...whole(1, 65_536), default: '64', unit: 'MB', doc: 'Memory for them at most, likewise.' },
  IDEMPOTENCY_STORE: {
    ...memoryOrRedis, doc: 'Where they are remembered: `memory` forgets at a restart, `redis` is shared by a fleet and encrypted with the client secret.'
  },
  BOOKING_REPEAT_WINDOW_SECONDS: {
    ...whole(0, DAY_MS / 1000), default: '0', unit: 's', doc: 'Equal bookings without a key are one from the start of the first until this long after its end; 0: off. 60 for apps known to retry.'
  },
  PARTNER_REFERENCE: { ...headerValue, doc: 'X-Partner-Reference, added where the app sent none.' },
  BOOKING_SOURCE: { ...oneOf(BOOKING_SOURCES), doc: 'X-Booking-Source, added where the app sent none.' },
  SHUTDOWN_DELAY_MS: { ...whole(0, DAY_MS), default: '0', unit: 'ms', doc: 'After SIGTERM: not ready any more, but still serving, for this long.' },
  SHUTDOWN_TIMEOUT_MS: { ...whole(0, DAY_MS), default: '25000', unit: 'ms', doc: 'Then requests that run may take this long to finish.' },
  HTTPS_PROXY: {
    ...proxy,
    doc: 'Outbound proxy to the token endpoint, the issuer\'s keys and the API. TLS is verified through it, end to end; loopback never goes through it.'
  },
  HTTP_PROXY: { ...proxy, doc: 'The same for plain http, which goes to loopback only, and so through no proxy.' },
  NO_PROXY: {
    ...text('host names, with or without port, addresses and networks, separated by commas, or *'),
    isShared: true,
    doc: 'Reached without HTTPS_PROXY. A name stands for all below it too.'
  },
  NODE_EXTRA_CA_CERTS: {
    ...text('a PEM file'), doc: 'More certificate authorities to trust, as of a proxy that inspects TLS. Node reads it at the start.'
  },
  LOG_LEVEL: { ...oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), default: 'info', doc: 'Least severe level that is logged.' }
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

/** A row of the table as the interface that all rows share. */
export function settingOf (name: SettingName): Setting {
  return SETTINGS[name]
}
