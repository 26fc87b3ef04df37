import t from 'tap'
import { textOf } from '../helpers/docs.ts'
import { call } from '../helpers/http.ts'
import { NO_REDIS, startRedis, startSentinel, type RunningRedis } from '../helpers/redis.ts'
import { startServer, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar, type TestSidecar } from '../helpers/sidecar.ts'
import { untilElsewhere } from '../helpers/until.ts'
import { book, heldApi, inFlight, problemOf, statusOf } from './helper.ts'

/** Two sidecars of one fleet, and an API that answers when it is told to. */
async function startFleet (t: Teardown, env: Readonly<Record<string, string>> = {}) {
  const redis = await startRedis(t)
  const api = heldApi()
  const apiUrl = await startServer(t, api.api)
  const pod = async (): Promise<TestSidecar> => {
    const sidecar = await startTestSidecar(t, { apiUrl, env: { IDEMPOTENCY_STORE: 'redis', REDIS_URL: redis.url, ...env } })
    await sidecar.line('redis is there')
    await sidecar.line('token refreshed')
    return sidecar
  }
  return { redis, ...api, pod, one: await pod(), two: await pod() }
}

async function recordIn (redis: RunningRedis): Promise<string> {
  let key: string | undefined
  await untilElsewhere(async () => {
    key = /\{bookable-sidecar\}:repeat:\S+/.exec(await redis.ask('KEYS', '*:repeat:*'))?.[0]
    return key !== undefined
  })
  return key ?? ''
}

/** Waits until Redis has the outcome. */
async function kept (redis: RunningRedis): Promise<void> {
  const key = await recordIn(redis)
  await untilElsewhere(async () => await redis.ask('HEXISTS', key, 'box') === ':1')
}

/** Its owner crashed a while ago. */
async function lapse (redis: RunningRedis): Promise<void> {
  await redis.ask('HSET', await recordIn(redis), 'lease', '1')
}

t.test('a repeat that meets another sidecar gets the first one\'s answer', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one, two, pod } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  answer()
  t.equal((await first).headers['idempotency-replayed'], undefined)
  await kept(redis)
  for (const { url } of [two, await pod()]) {
    const repeat = await book(url, { key: 'k' })
    t.same([repeat.status, repeat.body.toString(), repeat.headers['idempotency-replayed']], [201, 'booking 1', 'true'])
    t.same(problemOf(await book(url, { key: 'k', body: 'other' })).code, 'IDEMP-N-001')
  }
  t.equal(seen.length, 1)
})

t.test('something else under a record\'s name is told of, overwritten by nobody, and each sidecar goes on alone', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  const key = await recordIn(redis)
  await redis.ask('SET', key, 'mine')
  answer()
  t.equal((await first).status, 201)
  // When it ends, and when it is claimed.
  t.match(await one.line('idempotency store refused'), { level: 40, reason: /^Redis refused it: WRONGTYPE/ })
  const other = book(two.url, { key: 'k' })
  await arrived(2)
  answer()
  t.match((await other).headers['idempotency-replayed'], undefined)
  t.match(await two.line('idempotency store refused'), { reason: /WRONGTYPE/ })
  t.match(await redis.ask('GET', key), 'mine')
  t.equal((await book(one.url, { key: 'k' })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 2)
})

t.test('a repeat that meets another sidecar while the first runs waits for it', { skip: NO_REDIS }, async t => {
  const { seen, arrived, answer, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  const repeats = [book(two.url, { key: 'k' }), book(two.url, { key: 'k' })]
  await inFlight(two.adminUrl, 2)
  t.equal(problemOf(await book(two.url, { key: 'k', body: 'other' })).code, 'IDEMP-N-001')
  answer()
  t.equal((await first).status, 201)
  for (const repeat of await Promise.all(repeats)) t.same([repeat.status, repeat.body.toString(), repeat.headers['idempotency-replayed']], [201, 'booking 1', 'true'])
  t.equal(seen.length, 1)
  t.match(await two.requestLine(2), { repeat: 'waited', attempts: 0 })
})

t.test('a repeat at another sidecar waits for UPSTREAM_TIMEOUT_MS, and not longer', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one } = await startFleet(t)
  const hasty = await startTestSidecar(t, { apiUrl: one.apiUrl, env: { IDEMPOTENCY_STORE: 'redis', REDIS_URL: redis.url, UPSTREAM_TIMEOUT_MS: '300' } })
  await hasty.line('redis is there')
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  t.match(problemOf(await book(hasty.url, { key: 'k' })), { code: 'IDEMP-R-001', detail: /300 ms/ })
  t.equal((await statusOf(hasty.adminUrl)).counts.inFlight, 0)
  answer()
  t.equal((await first).status, 201)
  t.equal(seen.length, 1)
})

t.test('what failed before it was sent is sent by a repeat that waits at another sidecar', { skip: NO_REDIS }, async t => {
  const { seen, arrived, refuse, answer, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  const repeat = book(two.url, { key: 'k' })
  await inFlight(two.adminUrl, 1)
  refuse()
  t.equal((await first).status, 503)
  await arrived(2)
  answer()
  t.equal((await repeat).headers['idempotency-replayed'], undefined)
  t.equal(seen.length, 2)
})

t.test('an outcome that nobody knows is unknown at every sidecar', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, due, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  due()?.destroy()
  t.match(problemOf(await first), { status: 502, code: 'UPSTR-N-001' })
  await kept(redis)
  t.match(problemOf(await book(two.url, { key: 'k' })), { code: 'UPSTR-N-001' })
  t.same(two.log.filter(({ level }) => Number(level) > 30), [])
  t.equal(seen.length, 1)
})

t.test('an outcome that somebody changed in Redis is given to nobody, and told of', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  answer()
  t.equal((await first).status, 201)
  await kept(redis)
  await redis.ask('HSET', await recordIn(redis), 'box', 'a booking of theirs')
  t.match(problemOf(await book(two.url, { key: 'k' })), { status: 502, code: 'UPSTR-N-001' })
  t.match(await two.line('idempotency store refused'), { level: 40, reason: /torn, or was changed/ })
  t.equal(seen.length, 1)
})

t.test('what a sidecar had under way when it crashed is unknown, and never sent again', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  await lapse(redis)
  t.match(problemOf(await book(two.url, { key: 'k' })), { status: 502, code: 'UPSTR-N-001', detail: /another sidecar/ })
  // It was only paused: what it tells after all counts.
  answer()
  t.equal((await first).status, 201)
  await kept(redis)
  t.equal((await book(two.url, { key: 'k' })).body.toString(), 'booking 1')
  t.equal(seen.length, 1)
})

t.test('who reads Redis learns nothing of a booking', { skip: NO_REDIS }, async t => {
  const { redis, arrived, answer, one } = await startFleet(t)
  const first = book(one.url, { key: 'adas-table' })
  await arrived(1)
  answer()
  await first
  await kept(redis)
  const key = await recordIn(redis)
  const all = key + await redis.ask('HGETALL', key)
  t.notMatch(all, /adas|booking 1|partySize|201/)
  t.ok(Number((await redis.ask('PTTL', key)).slice(1)) > 86_300_000)
})

t.test('a Redis that hangs is asked until it is known to be away, and then a booking goes alone, once', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one, two } = await startFleet(t)
  redis.child.kill('SIGSTOP')
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  t.equal(one.log.filter(({ msg }) => msg === 'redis cannot be used, going on alone').length, 1, 'and not before')
  const repeat = book(one.url, { key: 'k' })
  await inFlight(one.adminUrl, 2)
  redis.child.kill('SIGCONT')
  await one.line('redis is there', 2)
  // Redis was away while it was claimed, and learns of it all the same.
  await recordIn(redis)
  const elsewhere = book(two.url, { key: 'k' })
  await inFlight(two.adminUrl, 1)
  answer()
  t.equal((await first).status, 201)
  t.equal((await repeat).body.toString(), 'booking 1')
  t.equal((await elsewhere).body.toString(), 'booking 1')
  t.equal(seen.length, 1)
})

t.test('a Redis that lost everything learns again what runs', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one, two } = await startFleet(t)
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  await redis.ask('FLUSHALL')
  await recordIn(redis)
  const repeat = book(two.url, { key: 'k' })
  await inFlight(two.adminUrl, 1)
  answer()
  t.equal((await first).status, 201)
  t.equal((await repeat).body.toString(), 'booking 1')
  await redis.ask('FLUSHALL')
  // Its own memory is left.
  t.equal((await book(one.url, { key: 'k' })).body.toString(), 'booking 1')
  t.equal(seen.length, 1)
})

// From more than a request waits for Redis to a good deal less than it takes to be away, for machines that are slow themselves.
for (const pauseMs of [60, 200]) {
  t.test(`a Redis that hangs for ${pauseMs} ms makes no booking two`, { skip: NO_REDIS }, async t => {
    const { redis, seen, arrived, answer, one, two } = await startFleet(t)
    redis.child.kill('SIGSTOP')
    const both = [book(one.url, { key: 'k' }), book(two.url, { key: 'k' })]
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    redis.child.kill('SIGCONT')
    await arrived(1)
    answer()
    const answers = await Promise.all(both)
    t.same(answers.map(({ body }) => body.toString()), ['booking 1', 'booking 1'])
    t.same(answers.map(({ headers }) => headers['idempotency-replayed']).sort(), ['true', undefined])
    t.equal(seen.length, 1)
  })
}

t.test('a replica that becomes the master knows what was booked, and what runs', { skip: NO_REDIS }, async t => {
  const master = await startRedis(t, ['repl-diskless-sync-delay 0'])
  const replica = await startRedis(t, [`replicaof 127.0.0.1 ${master.port}`])
  await untilElsewhere(async () => /master_link_status:up/.test(await replica.ask('INFO', 'replication')))
  const sentinel = await startSentinel(t, master.port)
  await untilElsewhere(async () => (await sentinel.ask('SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replica.port)))
  const { seen, arrived, answer, one, two } = await startFleet(t, { REDIS_URL: `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster` })
  const ended = book(one.url, { key: 'ended' })
  await arrived(1)
  answer()
  await ended
  const first = book(one.url, { key: 'running' })
  await arrived(2)
  await untilElsewhere(async () => (await replica.ask('KEYS', '*:repeat:*')).startsWith('*2'))
  await master.kill()
  await Promise.all([one, two].map(async ({ line }) => line('redis is there', 2)))
  t.equal((await book(two.url, { key: 'ended' })).body.toString(), 'booking 1')
  const repeat = book(two.url, { key: 'running' })
  await inFlight(two.adminUrl, 1)
  answer()
  t.same((await Promise.all([first, repeat])).map(({ body }) => body.toString()), ['booking 2', 'booking 2'])
  t.equal(seen.length, 2)
})

t.test('without Redis a sidecar remembers alone, and tells Redis when it is back', { skip: NO_REDIS }, async t => {
  const { redis, seen, arrived, answer, one } = await startFleet(t)
  await redis.kill()
  await one.line('redis cannot be used, going on alone')
  const first = book(one.url, { key: 'k' })
  await arrived(1)
  answer()
  t.equal((await first).status, 201)
  t.equal((await book(one.url, { key: 'k' })).headers['idempotency-replayed'], 'true')
  const again = await startRedis(t, [], { port: redis.port })
  await kept(again)
  const two = await startTestSidecar(t, { apiUrl: one.apiUrl, env: { IDEMPOTENCY_STORE: 'redis', REDIS_URL: again.url } })
  await two.line('redis is there')
  t.equal((await book(two.url, { key: 'k' })).body.toString(), 'booking 1')
  t.equal(seen.length, 1)
  t.equal((await statusOf(one.adminUrl)).counts.inFlight, 0)
  t.equal((await call(one.adminUrl, '/readyz')).status, 200)
})

t.test('the user that docs/fleet.md makes may do all that is asked of Redis', { skip: NO_REDIS }, async t => {
  const [, rules = ''] = /`ACL SETUSER fleet ([^`]+)`/.exec(textOf('docs/fleet.md')) ?? []
  const redis = await startRedis(t)
  t.equal(await redis.ask('ACL', 'SETUSER', 'fleet', ...rules.replace('PASSWORD', 'obviously-fake').split(' ')), '+OK')
  const env = { TOKEN_STORE: 'redis', IDEMPOTENCY_STORE: 'redis', REDIS_URL: redis.url.replace('//', '//fleet:obviously-fake@') }
  const sidecar = await startTestSidecar(t, { env })
  await sidecar.line('token refreshed')
  t.equal((await book(sidecar.url, { key: 'k' })).status, 200)
  await kept(redis)
  t.match(await redis.ask('KEYS', '*:token:*'), /:fence/)
  t.same(sidecar.log.filter(({ level }) => Number(level) >= 40), [])
})
