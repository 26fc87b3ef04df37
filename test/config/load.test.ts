import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadAdminAddress, loadConfig } from '../../src/config/load.ts'
import type { Environment, SettingsError } from '../../src/config/read-settings.ts'
import { SETTING_NAMES, settingOf } from '../../src/config/settings.ts'

const CREDENTIALS = { BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake' }

function mistakesOf (environment: Environment): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    return (error as SettingsError).mistakes
  }
  return []
}

function fail (message: string): never {
  throw new Error(message)
}

t.test('without settings but the credentials, everything has the default that the table tells', async t => {
  t.match(loadConfig(CREDENTIALS), {
    apiUrl: new URL('https://api.bookabletech.com'),
    tokenRequest: { url: new URL('https://auth.bookabletech.com/oauth/token'), audience: 'api.bookabletech.com', format: 'json', scope: undefined, timeoutMs: 10_000 },
    host: 'localhost',
    port: 8080,
    adminPort: 8081,
    tokenExpiryBufferMs: 60_000,
    maxInFlight: 1024,
    shutdownTimeoutMs: 25_000,
    logLevel: 'info'
  })
  t.equal(loadConfig(CREDENTIALS).partnerReference, undefined)
})

for (const [environment, api, token] of [
  ['sandbox', 'https://api-sandbox.bookabletech.com/', 'https://auth-sandbox.bookabletech.com/oauth/token'],
  ['legacy', 'https://api.bookabletech.com/', 'https://bookabletech.uk.auth0.com/oauth/token']
]) {
  t.test(`${environment} presets both URLs, and each can be overridden`, async t => {
    const preset = loadConfig({ ...CREDENTIALS, BOOKABLE_ENVIRONMENT: environment })
    t.same([preset.apiUrl.href, preset.tokenRequest.url.href], [api, token])
    const own = loadConfig({ ...CREDENTIALS, BOOKABLE_ENVIRONMENT: environment, BOOKABLE_TOKEN_URL: 'https://me.eu.auth0.com/oauth/token' })
    t.same([own.apiUrl.href, own.tokenRequest.url.href], [api, 'https://me.eu.auth0.com/oauth/token'])
  })
}

t.test('an empty setting is an unset one', async t => {
  t.equal(loadConfig({ ...CREDENTIALS, PORT: '', LOG_LEVEL: ' ' }).port, 8080)
  t.match(mistakesOf({ BOOKABLE_CLIENT_ID: '', BOOKABLE_CLIENT_SECRET: 'x' }), [/^BOOKABLE_CLIENT_ID: missing/])
})

t.test('what reads share is on, and what is kept is off, unless told otherwise', async t => {
  t.match(loadConfig(CREDENTIALS), { coalesce: true, cache: { ttlMs: 0, maxBytes: 16 * 1024 * 1024, staleIfErrorMs: 0 } })
  t.match(loadConfig({ ...CREDENTIALS, COALESCE: 'false', CACHE_TTL_SECONDS: '60', CACHE_MAX_MB: '1', CACHE_STALE_IF_ERROR_SECONDS: '5' }), { coalesce: false, cache: { ttlMs: 60_000, maxBytes: 1024 * 1024, staleIfErrorMs: 5_000 } })
  t.match(mistakesOf({ ...CREDENTIALS, COALESCE: 'yes', CACHE_MAX_MB: '0' }), [/^COALESCE: "yes"/, /^CACHE_MAX_MB: "0"/])
})

t.test('where the audience is told to be none, none is asked for', async t => {
  t.equal(loadConfig({ ...CREDENTIALS, BOOKABLE_AUDIENCE: 'none' }).tokenRequest.audience, undefined)
})

for (const [name, value] of [
  ['PORT', 'abc'], ['PORT', '-1'], ['PORT', '65536'], ['PORT', '80.5'], ['ADMIN_PORT', '1 2'],
  ['BOOKABLE_ENVIRONMENT', 'staging'], ['BOOKABLE_TOKEN_REQUEST_FORMAT', 'xml'], ['LOG_LEVEL', 'loud'],
  ['BOOKABLE_API_URL', 'api.bookabletech.com'], ['BOOKABLE_API_URL', 'http://api.bookabletech.com'], ['BOOKABLE_API_URL', 'ftp://localhost'],
  ['BOOKABLE_API_URL', 'https://a.example/?x=1'], ['BOOKABLE_TOKEN_URL', 'https://a.example/#x'], ['BOOKABLE_TOKEN_URL', 'http://localhost.evil.example/'],
  ['BOOKABLE_TOKEN_URL', 'http://127.0.0.1.evil.example/'],
  ['HOST', 'none'], ['SOCKET_PATH', '/'.repeat(99)], ['ROUTES', '/'], ['ROUTES', 'venues'], ['ROUTES', '/a/../b'], ['ROUTES', '/a%2Fb'], ['ROUTES', ','],
  ['ALLOWED_METHODS', 'GET,TRACE'], ['ALLOWED_METHODS', 'get'],
  ['TOKEN_EXPIRY_BUFFER_SECONDS', '-1'], ['TOKEN_TIMEOUT_MS', '0'], ['UPSTREAM_CONNECTIONS', '0'], ['MAX_IN_FLIGHT', '0'],
  ['PARTNER_REFERENCE', 'a b'], ['PARTNER_REFERENCE', 'a\r\nb'], ['BOOKING_SOURCE', 'fax']
] as const) {
  t.test(`${name}=${JSON.stringify(value)} is a mistake, told with its value and what is allowed`, async t => {
    const mistakes = mistakesOf({ ...CREDENTIALS, [name]: value })
    t.equal(mistakes.length, 1)
    t.ok(mistakes[0]?.startsWith(`${name}: ${JSON.stringify(value)} `))
    t.ok(mistakes[0]?.includes(`allowed: ${settingOf(name).allowed}`))
  })
}

for (const [name, value] of [
  ['BOOKABLE_API_URL', 'http://localhost:9000'], ['BOOKABLE_API_URL', 'http://127.9.9.9'], ['BOOKABLE_API_URL', 'http://[::1]:1'],
  ['BOOKABLE_API_URL', 'http://api.localhost/v1'], ['PORT', '0'], ['PORT', '65535'], ['QUOTA', 'anything'], ['TOKEN_WAIT_MS', '0'], ['ROUTES', ' /a , /b/c/ ']
] as const) {
  t.test(`${name}=${value} is fine`, async t => {
    t.same(mistakesOf({ ...CREDENTIALS, [name]: value }), [])
  })
}

t.test('all mistakes are told at once', async t => {
  const mistakes = mistakesOf({ PORT: 'x', ROUTES: '/', BOOKABLE_ENVIRONMENT: 'y', BOOKABLE_API_URL: 'z' })
  t.same(mistakes.map(mistake => mistake.split(':')[0]).sort(), [
    'BOOKABLE_API_URL', 'BOOKABLE_CLIENT_ID', 'BOOKABLE_CLIENT_SECRET', 'BOOKABLE_ENVIRONMENT', 'PORT', 'ROUTES'
  ])
})

t.test('credentials in a URL are a mistake that does not show them', async t => {
  t.notMatch(mistakesOf({ ...CREDENTIALS, BOOKABLE_API_URL: 'https://user:pa/ss@a.example' }).join(), 'ss@')
  t.match(mistakesOf({ ...CREDENTIALS, BOOKABLE_API_URL: 'https://user:pass@a.example' }), [/^BOOKABLE_API_URL: "https:\/\/\[secret\]@a\.example" holds credentials/])
})

t.test('a secret in a file loses one trailing newline and nothing else', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'secrets-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  for (const [content, expected] of [['a$b', 'a$b'], ['a\n', 'a'], ['a\r\n', 'a'], ['a\n\n', 'a\n'], [' a ', ' a ']] as const) {
    writeFileSync(join(dir, 'secret'), content)
    const { clientSecret } = loadConfig({ BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET_FILE: join(dir, 'secret') })
    t.equal(clientSecret.read(fail).reveal(), expected)
  }
})

t.test('a secret file is read again each time; when it becomes unreadable the old value stays, with one warning', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'secrets-'))
  const path = join(dir, 'secret')
  writeFileSync(path, 'old')
  const { clientSecret } = loadConfig({ BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET_FILE: path })
  writeFileSync(path, 'new')
  t.equal(clientSecret.read(fail).reveal(), 'new')
  rmSync(dir, { recursive: true })
  const warnings: string[] = []
  for (let i = 0; i < 3; i++) t.equal(clientSecret.read(warning => warnings.push(warning)).reveal(), 'new')
  t.match(warnings, [/BOOKABLE_CLIENT_SECRET_FILE.*ENOENT.*stays in use/])
  t.equal(warnings.length, 1)
})

t.test('a secret both ways, in no file or in an empty one is a mistake', async t => {
  t.match(mistakesOf({ ...CREDENTIALS, BOOKABLE_CLIENT_SECRET_FILE: '/nowhere' }), [
    /^BOOKABLE_CLIENT_SECRET: set together with BOOKABLE_CLIENT_SECRET_FILE/, /^BOOKABLE_CLIENT_SECRET_FILE: \/nowhere cannot be read \(ENOENT\)/
  ])
  t.match(mistakesOf({ BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET_FILE: '/dev/null' }), [/^BOOKABLE_CLIENT_SECRET_FILE: \/dev\/null is empty/])
})

t.test('no mistake shows a secret', async t => {
  for (const name of SETTING_NAMES.filter(name => settingOf(name).isSecret)) {
    t.notMatch(mistakesOf({ [name]: 'obviously-fake', [`${name}_FILE`]: '/nowhere', PORT: 'x' }).join(), 'obviously-fake')
  }
})

t.test('probes need no credentials', async t => {
  t.same(loadAdminAddress({ ADMIN_HOST: '0.0.0.0', PORT: 'nonsense' }), { host: '0.0.0.0', port: 8081 })
  t.throws(() => loadAdminAddress({ ADMIN_PORT: 'x' }), { message: /^ADMIN_PORT: "x"/ })
})
