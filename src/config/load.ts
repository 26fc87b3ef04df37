import { envSchema } from 'env-schema'
import { withoutControls } from '../printable.ts'
import { ENVIRONMENTS, type EnvironmentName } from './environments.ts'
import { NO_HOST, parseHosts, parseHttpUrl, parseMethods, parseNoProxy, parseProxy, parseRoutes, parseScopes, type Method } from './parse.ts'
import { fileSecret, fixedSecret, type SecretSource } from './secret-source.ts'
import { SETTING_NAMES, settingOf, type SettingName } from './settings.ts'

/** Every setting as the program uses it: times in milliseconds, `none` as undefined. */
export interface Config {
  /** The settings that differ from their defaults, as they may be shown. */
  readonly given: Readonly<Record<string, string>>
  readonly environment: EnvironmentName
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
    /** Of the file. */
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

export type Environment = Readonly<Record<string, string | undefined>>

/** All mistakes in the settings at once, each with the setting, the value (never a secret's) and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly mistakes: readonly string[]

  constructor (mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

/**
 * The settings of an environment, validated as a whole.
 * @throws SettingsError
 */
export function loadConfig (environment: Environment): Config {
  const { text, integer, has, secret, given } = readSettings(environment, SETTING_NAMES)
  const environmentName = text('BOOKABLE_ENVIRONMENT') as EnvironmentName
  const preset = ENVIRONMENTS[environmentName]
  const apiUrl = parseHttpUrl(text('BOOKABLE_API_URL') || preset.apiUrl)
  const tokenUrl = parseHttpUrl(text('BOOKABLE_TOKEN_URL') || preset.tokenUrl)
  const unlessNone = (value: string): string | undefined => value === 'none' ? undefined : value
  return {
    given,
    environment: environmentName,
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
    allowedHosts: text('ALLOWED_HOSTS') === '' ? undefined : parseHosts(text('ALLOWED_HOSTS')),
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
  const { text, integer } = readSettings(environment, ['ADMIN_HOST', 'ADMIN_PORT'])
  return { host: text('ADMIN_HOST'), port: integer('ADMIN_PORT') }
}

interface SettingsReader {
  /** Empty where the setting is unset and has no default. */
  readonly text: (name: SettingName) => string
  readonly integer: (name: SettingName) => number
  readonly has: (name: SettingName) => boolean
  readonly secret: (name: SettingName) => SecretSource
  readonly given: Readonly<Record<string, string>>
}

function readSettings (environment: Environment, names: readonly SettingName[]): SettingsReader {
  const mistakes: string[] = []
  const { given, secrets } = readGiven(environment, names, mistakes)
  const isBad = (name: SettingName): boolean => mistakes.some(mistake => mistake.startsWith(`${name}:`) || mistake.startsWith(`${name}_FILE:`))
  const values = validate(given, names, name => { if (!isBad(name)) mistakes.push(mistakeOf(name, given[name])) })
  for (const name of names) {
    const value = values[name]
    if (value === undefined || isBad(name)) continue
    const { check, needs } = settingOf(name)
    try {
      // What a file holds was looked at when it was read.
      if (!secrets.has(name)) check?.(String(value))
    } catch (error) {
      mistakes.push(mistakeOf(name, given[name], (error as Error).message))
    }
    const needed = needs?.[String(value)] as SettingName | undefined
    if (needed !== undefined && values[needed] === undefined && !isBad(needed)) mistakes.push(mistakeOf(name, String(value), `needs ${needed}, which is not set`))
  }
  if (values.HOST === NO_HOST && values.SOCKET_PATH === undefined) mistakes.push(mistakeOf('HOST', NO_HOST, 'leaves nowhere to connect, since SOCKET_PATH is not set'))
  if (mistakes.length > 0) throw new SettingsError(mistakes.map(withoutControls))
  return {
    text: name => String(values[name] ?? ''),
    integer: name => Number(values[name]),
    has: name => values[name] !== undefined,
    secret: name => secrets.get(name) ?? fixedSecret(String(values[name])),
    given: Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== settingOf(name as SettingName).default).map(([name, value]) => [name, shown(name as SettingName, value)]))
  }
}

/** An empty setting is an unset one; secrets may stand in files. */
function readGiven (environment: Environment, names: readonly SettingName[], mistakes: string[]) {
  const given: Partial<Record<SettingName, string>> = {}
  const secrets = new Map<SettingName, SecretSource>()
  for (const name of names) {
    const { isSecret, isShared } = settingOf(name)
    const path = isSecret === true ? environment[`${name}_FILE`]?.trim() ?? '' : ''
    const written = (isShared === true ? environment[name.toLowerCase()] : undefined) || (environment[name] ?? '')
    const value = isSecret === true ? written : written.trim()
    if (value !== '') given[name] = value
    if (path === '') continue
    if (value !== '') mistakes.push(`${name}: set together with ${name}_FILE; allowed: one of the two`)
    try {
      const source = fileSecret(name, path, settingOf(name).check)
      secrets.set(name, source)
      given[name] = 'in a file'
    } catch (error) {
      mistakes.push(`${name}_FILE: ${(error as Error).message}; allowed: a file that holds ${settingOf(name).allowed}`)
    }
  }
  return { given, secrets }
}

function validate (given: Partial<Record<SettingName, string>>, names: readonly SettingName[], onMistake: (name: SettingName) => void) {
  const properties = Object.fromEntries(names.map(name => {
    const { schema, default: value } = settingOf(name)
    return [name, value === undefined ? schema : { ...schema, default: value }]
  }))
  const required = names.filter(name => settingOf(name).isRequired)
  try {
    return envSchema<Partial<Record<SettingName, string | number>>>({
      env: false, data: { ...given }, schema: { type: 'object', properties, required: [...required] }
    })
  } catch (error) {
    const { errors } = error as { errors?: ReadonlyArray<{ instancePath: string, params: { missingProperty?: string } }> }
    if (errors === undefined) throw error
    const bad = new Set(errors.map(({ instancePath, params }) => params.missingProperty ?? instancePath.slice(1)))
    names.filter(name => bad.has(name)).forEach(onMistake)
    return Object.fromEntries(Object.entries(given).filter(([name]) => !bad.has(name))) as Partial<Record<SettingName, string | number>>
  }
}

function mistakeOf (name: SettingName, value: string | undefined, why?: string): string {
  const { isSecret, isHidden, allowed } = settingOf(name)
  const orFile = isSecret === true ? ` (or ${name}_FILE: a file that holds it)` : ''
  if (value === undefined) return `${name}: missing; allowed: ${allowed}${orFile}`
  const shown = isSecret === true || isHidden === true ? 'its value' : JSON.stringify(withoutUserinfo(value))
  return `${name}: ${shown} ${withoutUserinfo(why ?? 'is not allowed')}; allowed: ${allowed}${orFile}`
}

/** A value as it may stand in the log. */
function shown (name: SettingName, value: string): string {
  const { isSecret, isHidden } = settingOf(name)
  return isSecret === true || isHidden === true ? '[secret]' : withoutControls(withoutUserinfo(value))
}

/** A password in a URL is a secret too, in whatever setting and however it is written: all that stands before the last @ but a scheme. */
function withoutUserinfo (text: string): string {
  return text.replace(/^("?[a-z][a-z\d+.-]*:\/\/)?[^]*@/i, '$1[secret]@')
}
