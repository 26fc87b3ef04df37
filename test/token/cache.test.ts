import t from 'tap'
import { Problem } from '../../src/problem.ts'
import { Secret } from '../../src/secret.ts'
import type { AccessToken } from '../../src/token/access-token.ts'
import { TokenCache } from '../../src/token/cache.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'

const HOUR_MS = 3_600_000
const BUFFER_MS = 60_000
const WAIT_MS = 5_000
const DAY_MS = 24 * HOUR_MS

/** A cache on a fake clock over a token endpoint that a test drives. */
function setUp ({ lifetimeMs = HOUR_MS, latencyMs = 0 } = {}) {
  const clock = new FakeClock()
  const endpoint = { requests: 0, running: 0, mostRunning: 0, failure: undefined as Problem | undefined, isRotated: false, lifetimeMs, latencyMs }
  const events: string[] = []
  const cache = new TokenCache({
    clock,
    random: () => 0,
    expiryBufferMs: BUFFER_MS,
    waitMs: WAIT_MS,
    source: {
      async requestToken () {
        const n = ++endpoint.requests
        endpoint.mostRunning = Math.max(endpoint.mostRunning, ++endpoint.running)
        if (endpoint.latencyMs > 0) await new Promise<void>(resolve => { clock.setTimer(resolve, endpoint.latencyMs) })
        endpoint.running--
        if (endpoint.failure !== undefined) throw endpoint.failure
        return token(`token-${n}`, endpoint.lifetimeMs)
      },
      haveCredentialsChanged: () => endpoint.isRotated
    },
    onRefreshed: (_token, { reason }) => events.push(reason),
    onFailed: ({ code }, { isStillValid }) => events.push(isStillValid ? `${code} but valid` : code)
  })
  t.teardown(() => cache.stop())
  return { clock, cache, endpoint, events, now: () => cache.current()?.value.reveal() }
}

function token (value: string, lifetimeMs: number): AccessToken {
  return { value: new Secret(value), lifetimeMs, scopes: [], ownScopes: [], claims: {}, show: String }
}

const DOWN = new Problem('TOKEN-R-001', 'down')
const REFUSED = new Problem('TOKEN-N-001', 'refused')

t.test('a thousand cold callers cost one token request', async t => {
  const { cache, clock, endpoint } = setUp({ latencyMs: 100 })
  cache.start()
  const callers = Array.from({ length: 1000 }, async () => (await cache.get()).value.reveal())
  await clock.advanceMs(100)
  t.same(new Set(await Promise.all(callers)), new Set(['token-1']))
  t.equal(endpoint.requests, 1)
})

t.test('the timer refreshes one expiry buffer before the end, unasked', async t => {
  const { cache, clock, endpoint, now } = setUp()
  cache.start()
  await clock.advanceMs(HOUR_MS - BUFFER_MS - 1)
  t.equal(endpoint.requests, 1)
  await clock.advanceMs(1)
  t.equal(endpoint.requests, 2)
  t.equal(now(), 'token-2')
})

t.test('fifty requests that meet an expired token cost one refresh', async t => {
  const { cache, clock, endpoint } = setUp()
  cache.start()
  await settle()
  clock.sleepMs(HOUR_MS)
  await Promise.all(Array.from({ length: 50 }, async () => cache.get()))
  t.equal(endpoint.requests, 2)
})

t.test('the old token serves while a refresh runs and when it fails, until it truly expires', async t => {
  const { cache, clock, endpoint, events, now } = setUp()
  cache.start()
  await settle()
  endpoint.failure = DOWN
  await clock.advanceMs(HOUR_MS - 1)
  t.equal(now(), 'token-1')
  t.match(events.at(-1), 'TOKEN-R-001 but valid')
  await clock.advanceMs(1)
  t.equal(now(), undefined)
  await t.rejects(cache.get(), { code: 'TOKEN-R-001' })
})

t.test('the lifetime counts from before the request: latency never extends it', async t => {
  const { cache, clock, endpoint, now } = setUp({ lifetimeMs: 10_000, latencyMs: 3_000 })
  cache.start()
  await clock.advanceMs(3_000)
  t.equal(now(), 'token-1')
  endpoint.failure = DOWN
  await clock.advanceMs(6_999)
  t.equal(now(), 'token-1')
  await clock.advanceMs(1)
  t.equal(now(), undefined)
})

t.test('a token that has expired before its answer comes is a failure, and not asked for again at once', async t => {
  const { cache, clock, endpoint, events } = setUp({ lifetimeMs: 2_000, latencyMs: 2_500 })
  cache.start()
  await clock.advanceMs(60_000)
  t.same(new Set(events), new Set(['TOKEN-R-002']))
  t.ok(endpoint.requests <= 6, `${endpoint.requests} requests`)
})

t.test('a token of 30 days waits 30 days, although Node\'s timers cannot', async t => {
  const { cache, clock, endpoint } = setUp({ lifetimeMs: 30 * DAY_MS })
  cache.start()
  await clock.advanceMs(30 * DAY_MS - BUFFER_MS - 1)
  t.equal(endpoint.requests, 1)
  await clock.advanceMs(1)
  t.equal(endpoint.requests, 2)
})

t.test('a laptop that slept past the expiry never hands out the old token', async t => {
  const { cache, clock, endpoint, now } = setUp()
  cache.start()
  await settle()
  clock.sleepMs(8 * HOUR_MS)
  t.equal(now(), undefined)
  await settle()
  t.equal(now(), 'token-2')
  t.equal(endpoint.requests, 2)
})

t.test('a wall clock that is set back by hours does not lengthen a token\'s life', async t => {
  const { cache, clock, endpoint, now } = setUp()
  cache.start()
  await settle()
  clock.jumpWallMs(-5 * HOUR_MS)
  t.equal(now(), 'token-1')
  endpoint.failure = DOWN
  await clock.advanceMs(HOUR_MS)
  t.equal(now(), undefined)
})

t.test('a wall clock that is set ahead costs one refresh', async t => {
  const { cache, clock, endpoint, now } = setUp()
  cache.start()
  await settle()
  clock.jumpWallMs(5 * HOUR_MS)
  await cache.get()
  t.equal(now(), 'token-2')
  await clock.advanceMs(HOUR_MS / 2)
  t.equal(endpoint.requests, 2)
})

t.test('a caller waits for a token as long as TOKEN_WAIT_MS, and is told so', async t => {
  const { cache, clock, endpoint } = setUp({ latencyMs: 60_000 })
  cache.start()
  const caller = t.rejects(cache.get(), { code: 'TOKEN-R-001', message: /within 5000 ms/ })
  await clock.advanceMs(WAIT_MS)
  await caller
  t.equal(endpoint.requests, 1)
})

t.test('a caller is refused at once where the next try lies beyond its wait', async t => {
  const { cache, clock, endpoint } = setUp()
  endpoint.failure = new Problem('TOKEN-R-001', 'come back later', { retryAfterMs: 60_000 })
  cache.start()
  await settle()
  await t.rejects(cache.get(), { code: 'TOKEN-R-001', message: 'come back later', retryAfterMs: 60_000 })
  endpoint.failure = undefined
  await clock.advanceMs(60_000)
  t.equal((await cache.get()).value.reveal(), 'token-2')
})

t.test('a caller that waits gets the token of the next try', async t => {
  const { cache, clock, endpoint } = setUp()
  endpoint.failure = new Problem('TOKEN-R-001', 'down', { retryAfterMs: 2_000 })
  cache.start()
  await settle()
  const caller = cache.get()
  endpoint.failure = undefined
  await clock.advanceMs(2_000)
  t.equal((await caller).value.reveal(), 'token-2')
})

t.test('refused credentials are tried again on the slow lane', async t => {
  const { cache, clock, endpoint, events } = setUp()
  endpoint.failure = REFUSED
  cache.start()
  await clock.advanceMs(63_000)
  t.equal(endpoint.requests, 7)
  await clock.advanceMs(600_000)
  t.equal(endpoint.requests, 17)
  t.same(new Set(events), new Set(['TOKEN-N-001']))
})

t.test('refused credentials that are replaced are tried within a second', async t => {
  const { cache, clock, endpoint, events, now } = setUp()
  endpoint.failure = REFUSED
  cache.start()
  await clock.advanceMs(200_000)
  const { requests } = endpoint
  endpoint.isRotated = true
  endpoint.failure = undefined
  await clock.advanceMs(1_000)
  t.equal(endpoint.requests, requests + 1)
  t.equal(now(), `token-${requests + 1}`)
  t.equal(events.at(-1), 'rotated')
})

t.test('an outage of an hour with callers all the time sees at most 150 requests, one at a time', async t => {
  const { cache, clock, endpoint } = setUp({ latencyMs: 20 })
  endpoint.failure = DOWN
  cache.start()
  for (let s = 0; s < 3600; s++) {
    const callers = Array.from({ length: 100 }, async () => cache.get().catch(() => {}))
    await clock.advanceMs(1_000)
    if (s % 600 === 0) t.equal(callers.length, 100)
  }
  t.ok(endpoint.requests <= 150, `${endpoint.requests} requests`)
  t.ok(endpoint.requests > 50, `${endpoint.requests} requests`)
  t.equal(endpoint.mostRunning, 1)
})

t.test('fifty rejections of one token cost one refresh', async t => {
  const { cache, clock, endpoint } = setUp({ latencyMs: 100 })
  cache.start()
  await clock.advanceMs(100)
  const used = await cache.get()
  const rejected = Array.from({ length: 50 }, async () => (await cache.reject(used))?.value.reveal())
  await clock.advanceMs(100)
  t.same(new Set(await Promise.all(rejected)), new Set(['token-2']))
  t.equal(endpoint.requests, 2)
})

t.test('a late rejection of a token that was replaced already gets the newer one', async t => {
  const { cache, endpoint } = setUp()
  cache.start()
  const used = await cache.get()
  await cache.reject(used)
  t.equal((await cache.reject(used))?.value.reveal(), 'token-2')
  t.equal(endpoint.requests, 2)
})

t.test('refreshes are forced at most once in 30 seconds', async t => {
  const { cache, clock, endpoint } = setUp()
  cache.start()
  await cache.reject(await cache.get())
  t.equal(await cache.reject(await cache.get()), undefined)
  await clock.advanceMs(29_999)
  t.equal(await cache.reject(await cache.get()), undefined)
  await clock.advanceMs(1)
  t.equal((await cache.reject(await cache.get()))?.value.reveal(), 'token-3')
  t.equal(endpoint.requests, 3)
})

t.test('a rejected token stays until a newer one replaces it', async t => {
  const { cache, endpoint, now } = setUp()
  cache.start()
  const used = await cache.get()
  endpoint.failure = DOWN
  t.equal(await cache.reject(used), undefined)
  t.equal(now(), 'token-1')
})

t.test('after stop() a caller that waits is told at once, and nothing is asked for', async t => {
  const { cache, clock, endpoint } = setUp({ latencyMs: 100 })
  endpoint.failure = DOWN
  cache.start()
  const caller = t.rejects(cache.get(), { code: 'TOKEN-R-001' })
  cache.stop()
  await clock.advanceMs(100)
  await caller
  await t.rejects(cache.get(), { code: 'TOKEN-R-001' })
  t.equal(endpoint.requests, 1)
})

t.test('after stop() no timer is left and none comes back', async t => {
  const { cache, clock } = setUp()
  cache.start()
  await settle()
  cache.stop()
  await clock.advanceMs(2 * HOUR_MS)
  t.equal(clock.pendingTimers, 0)
})
