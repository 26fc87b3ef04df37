import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import { SettingsError, type Environment } from '../../src/config/read-settings.ts'
import { parseRedisUrl } from '../../src/config/redis-url.ts'

const PLAIN = { kind: 'single', nodes: [{ host: 'redis', port: 6379 }], isTls: false, username: undefined, database: 0, masterName: '' }

for (const [url, address, password] of [
  ['redis://redis', PLAIN, undefined],
  ['rediss://redis:6380/3', { ...PLAIN, isTls: true, nodes: [{ host: 'redis', port: 6380 }], database: 3 }, undefined],
  ['redis://:p%40ss%2F@redis/', PLAIN, 'p@ss/'],
  ['redis://fleet:a:b@[::1]:1', { ...PLAIN, nodes: [{ host: '::1', port: 1 }], username: 'fleet' }, 'a:b'],
  ['redis+sentinel://fleet:pass@one,two:26380/main/2', { ...PLAIN, kind: 'sentinel', nodes: [{ host: 'one', port: 26379 }, { host: 'two', port: 26380 }], username: 'fleet', masterName: 'main', database: 2 }, 'pass'],
  ['rediss+sentinel://one/main?sentinelUsername=watch', { ...PLAIN, kind: 'sentinel', isTls: true, nodes: [{ host: 'one', port: 26379 }], masterName: 'main', sentinelUsername: 'watch' }, undefined],
  ['rediss+cluster://one,two', { ...PLAIN, kind: 'cluster', isTls: true, nodes: [{ host: 'one', port: 6379 }, { host: 'two', port: 6379 }] }, undefined]
] as const) {
  t.test(`${url.replace(/\/\/.*@/, '//…@')} is read`, async t => {
    const found = parseRedisUrl(url)
    t.match(found, address)
    t.equal(found.password?.reveal(), password)
  })
}

t.test('the password of the sentinels is their own', async t => {
  t.equal(parseRedisUrl('redis+sentinel://one/main?sentinelPassword=a%40b').sentinelPassword?.reveal(), 'a@b')
})

for (const [url, why] of [
  ['', /no Redis URL/],
  ['http://redis', /no Redis URL/],
  ['redis://', /no Redis URL/],
  ['redis:redis', /no Redis URL/],
  ['redis://one,two', /more than one host/],
  ['redis://redis:0', /host and port/],
  ['redis://redis:65536', /host and port/],
  ['redis://redis:x', /host and port/],
  ['redis://redis/x', /database/],
  ['redis://redis/1/2', /database/],
  ['redis://fleet@redis', /without a password/],
  ['redis://:%zz@redis', /% escape/],
  ['redis://redis?family=6', /parameter/],
  ['redis+sentinel://one', /no master/],
  ['redis+sentinel://one/main?tls=0', /parameter/],
  ['redis+cluster://one/1', /but one/],
  ['redis+other://one', /no Redis URL/]
] as const) {
  t.test(`"${url}" is refused`, async t => {
    t.throws(() => parseRedisUrl(url), { message: why })
  })
}

const CREDENTIALS = { BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake' }

function mistakesOf (environment: Environment): readonly string[] {
  try {
    loadConfig({ ...CREDENTIALS, ...environment })
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes
    throw error
  }
}

t.test('a store without what it needs is a mistake, told with all others', async t => {
  t.match(mistakesOf({ TOKEN_STORE: 'redis', PORT: 'x' }), [/^PORT: /, /^TOKEN_STORE: "redis" needs REDIS_URL, which is not set; allowed: memory, file, redis$/])
  t.match(mistakesOf({ TOKEN_STORE: 'file' }), [/^TOKEN_STORE: "file" needs TOKEN_STORE_PATH, which is not set/])
  t.match(mistakesOf({ TOKEN_STORE: 'memory', REDIS_URL: 'redis://redis' }), [])
  t.match(mistakesOf({ TOKEN_STORE: 'elsewhere' }), [/^TOKEN_STORE: "elsewhere" is not allowed/])
})

t.test('a REDIS_URL that cannot be is told without its value, once, also from a file', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'redis-url-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'url')
  writeFileSync(path, 'http://:obviously-fake-password@redis\n')
  for (const environment of [{ REDIS_URL: 'http://:obviously-fake-password@redis' }, { REDIS_URL_FILE: path }]) {
    const mistakes = mistakesOf({ TOKEN_STORE: 'redis', ...environment })
    t.match(mistakes, [/^REDIS_URL(_FILE)?: .*is no Redis URL; allowed: /])
    t.equal(mistakes.length, 1)
    t.notMatch(mistakes.join(), 'obviously-fake')
  }
  writeFileSync(path, 'redis://redis\n')
  t.same(mistakesOf({ TOKEN_STORE: 'redis', REDIS_URL_FILE: path }), [])
})
