import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadConfig, type Config } from '../../src/config/load.ts'
import { SettingsError, type Environment } from '../../src/config/read-settings.ts'
import { SETTING_NAMES, settingOf } from '../../src/config/settings.ts'
import { hasControls } from './answers.ts'
import { holds } from './runs.ts'

/** Part of every secret here: no message may show it. */
const CANARY = 'obviously-fake-canary'

const folder = mkdtempSync(join(tmpdir(), 'settings-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const FILES = { good: join(folder, 'good'), empty: join(folder, 'empty'), binary: join(folder, 'binary') }
writeFileSync(FILES.good, `${CANARY}\n`)
writeFileSync(FILES.empty, '')
writeFileSync(FILES.binary, Buffer.from([0, 255, 10, 13, 128]))

const odd = fc.oneof(
  fc.array(fc.constantFrom('a', '/', ',', ' ', '\r', '\n', '\0', '\u001b[2J', '\u009b', '\u2028', '"', '\\', 'é', '😀', '\ud800', ':', '.', '..', '%', '$HOME', '$(id)', '#', '?', '@', '[', ']'), { maxLength: 10 }).map(parts => parts.join('')),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constant('x'.repeat(100_000))
)
const numeral = fc.oneof(
  fc.constantFrom('0', '-0', '+1', '-1', '1e3', '1e99', '0x10', '0b1', '0o7', '1_000', '1.0', '1.5', '.5', '5.', 'NaN', 'Infinity', '٣', '１２', '9'.repeat(400), '00012', ' 7 ', '7\n'),
  fc.integer().map(String), fc.double().map(String)
)
const url = fc.tuple(
  fc.constantFrom('https://', 'http://', 'HTTPS://', 'https:', 'https:\\\\', 'ftp://', '//', 'https:///', 'h\nttps://', ' https://', 'javascript:', ''),
  fc.constantFrom('', `user:${CANARY}@`, `${CANARY}@`, `user:\n${CANARY}@`, `user:${CANARY}%40@`, `a@b:${CANARY}@`),
  fc.constantFrom('api.example', 'localhost', '127.0.0.1', '[::1]', '[::1', 'a b', 'xn--', 'é.example', '0x7f.1', '127.1', 'localhost.', '999.9.9.9', '%6cocalhost', 'evil.example\\@localhost', ''),
  fc.constantFrom('', ':1', ':99999', ':x', ':0'),
  fc.constantFrom('', '/', '/v1', '/a/../b', '/%2e%2e', '/é', '/a b', '?q=1', '#f', '/\r\nX: y', '/;a')
).map(parts => parts.join(''))
const listed = fc.array(fc.oneof(fc.constantFrom('/venues', '/', '/a/..', 'GET', 'get', 'TRACE', 'localhost', '::1', '*.example', 'a:1', '/a\nb', 'a\u001b', 'none', 'email'), url, odd), { maxLength: 4 }).map(items => items.join(','))

const value = fc.oneof(odd, numeral, url, listed, fc.constantFrom('', ' ', 'none', 'json', 'form', 'production', 'legacy', '__proto__', 'constructor', 'trace', 'localhost'))
const path = fc.oneof(fc.constantFrom(...Object.values(FILES), folder, ' ', '/nowhere', '/nowhere\nPORT: x', '/nowhere/\u001b[2J', '/nowhere\0'), odd.map(text => join(folder, text)))

const setting = fc.constantFrom(...SETTING_NAMES).chain(name => {
  const isSecret = settingOf(name).isSecret === true
  if (!isSecret) return fc.record({ name: fc.constant<string>(name), value })
  return fc.oneof(fc.record({ name: fc.constant<string>(name), value: odd.map(text => CANARY + text) }), fc.record({ name: fc.constant(`${name}_FILE`), value: path }))
})

/** With what is required, so that more than the first mistake is looked at, or without. */
const environment: fc.Arbitrary<Environment> = fc.tuple(fc.boolean(), fc.array(setting, { maxLength: 8 })).map(([isWhole, settings]) => ({
  ...(isWhole ? { BOOKABLE_CLIENT_ID: CANARY, BOOKABLE_CLIENT_SECRET: CANARY } : {}),
  ...Object.fromEntries(settings.map(({ name, value }) => [name, value]))
}))

const STARTS = SETTING_NAMES.flatMap(name => [`${name}: `, `${name}_FILE: `])

/** What is wrong with how it was refused. */
function faultsOfRefusal (error: unknown): string[] {
  if (!(error instanceof SettingsError)) return [`threw ${error instanceof Error ? error.stack : String(error)}`]
  const lines = error.message.split('\n')
  return [
    ...lines.filter(line => !STARTS.some(start => line.startsWith(start))).map(line => `a line that begins with no setting: ${JSON.stringify(line.slice(0, 100))}`),
    ...lines.filter(hasControls).map(line => `a line with controls: ${JSON.stringify(line.slice(0, 100))}`),
    ...(error.message.includes(CANARY) ? [`a secret: ${JSON.stringify(error.message.slice(0, 300))}`] : [])
  ]
}

/** Whole numbers within their bounds, and URLs that may be called. */
function faultsOfConfig ({ port, adminPort, maxInFlight, upstreamConnections, tokenWaitMs, upstreamTimeoutMs, apiUrl, tokenRequest, routes, allowedMethods }: Config): string[] {
  const DAY_MS = 86_400_000
  const bounds = { port: [port, 0, 65_535], adminPort: [adminPort, 0, 65_535], maxInFlight: [maxInFlight, 1, 1e6], upstreamConnections: [upstreamConnections, 1, 65_535], tokenWaitMs: [tokenWaitMs, 0, DAY_MS], upstreamTimeoutMs: [upstreamTimeoutMs, 1, DAY_MS] } as const
  return [
    ...Object.entries(bounds).filter(([, [is, least, most]]) => !(Number.isInteger(is) && is >= least && is <= most)).map(([name, [is]]) => `${name} is ${is}`),
    ...[apiUrl, tokenRequest.url].filter(({ protocol, hostname, username, password }) => !(protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[\d.]+|.+\.localhost|\[::1\])$/.test(hostname))) || username + password !== '').map(({ href }) => `calls ${href}`),
    ...routes.filter(route => !/^\/[^%?#\s]*[^/%?#\s]$/.test(route)).map(route => `the route ${route}`),
    ...(allowedMethods.length > 0 ? [] : ['no method'])
  ]
}

t.test('random settings are taken, or refused in lines that each begin with a setting and show no secret', { timeout: 600_000 }, async t => {
  await holds(t, 200, fc.property(environment, environment => {
    const faults = outcomeOf(environment)
    if (faults.length > 0) throw new Error(faults.join('\n'))
    return true
  }))
})

function outcomeOf (environment: Environment): string[] {
  try {
    return faultsOfConfig(loadConfig(environment))
  } catch (error) {
    return faultsOfRefusal(error)
  }
}
