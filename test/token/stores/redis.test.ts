import t from 'tap'
import { fixedSecret } from '../../../src/config/secret-source.ts'
import { RedisHome } from '../../../src/redis/home.ts'
import { RedisSource } from '../../../src/redis/source.ts'
import { RedisTokenStore } from '../../../src/token/stores/redis.ts'
import type { TokenSeal } from '../../../src/token/stores/seal.ts'
import { FakeClock, settle } from '../../helpers/fake-clock.ts'
import { NO_REDIS, startRedis, type RunningRedis } from '../../helpers/redis.ts'
import type { Teardown } from '../../helpers/servers.ts'
import { CountingEndpoint, HOUR_MS, seal, startCache, type StartedCache } from './helper.ts'

const DUE_MS = HOUR_MS - 60_000

interface PodOptions { readonly sealedBy?: TokenSeal, readonly clock?: FakeClock, readonly endpoint?: CountingEndpoint, readonly requiredScopes?: readonly string[] }

interface Pod extends StartedCache { readonly home: RedisHome, readonly homeClock: FakeClock }

/** A fleet on one Redis, whose time is the machine's. That of the caches is moved, and that of its home stands still: nothing is called late. */
async function setUp (t: Teardown) {
  const redis = await startRedis(t)
  const clock = new FakeClock()
  const endpoint = new CountingEndpoint()
  const warnings: string[] = []
  const pod = (options: PodOptions = {}): Pod => {
    const onRefused = (reason: string): void => { warnings.push(reason) }
    const homeClock = new FakeClock()
    const home = new RedisHome({ clock: homeClock, random: () => 0, source: new RedisSource(fixedSecret(redis.url), () => {}) })
    t.teardown(() => home.stop())
    home.start()
    const ofPod = { clock, endpoint, requiredScopes: [], ...options }
    const store = new RedisTokenStore({ clock: ofPod.clock, redis: home, readSeal: () => options.sealedBy ?? seal(), onRefused })
    return { ...startCache(t, { ...ofPod, store, onRefused }), home, homeClock }
  }
  const started = async (options?: PodOptions) => {
    const one = pod(options)
    one.cache.start()
    await (options?.clock ?? clock).runUntil(one.event(1))
    await one.written()
    return one
  }
  return { redis, clock, endpoint, warnings, pod, started }
}

async function keysIn (redis: RunningRedis): Promise<string[]> {
  return (await redis.ask('KEYS', '*')).split('\r\n').filter(line => line.startsWith('{') && !line.endsWith(':probe')).toSorted()
}

t.test('a fleet that starts at once makes one token request', { skip: NO_REDIS }, async t => {
  const { clock, endpoint, pod } = await setUp(t)
  let open = (): void => {}
  endpoint.gate = new Promise(resolve => { open = resolve })
  const pods = Array.from({ length: 8 }, () => pod())
  for (const { cache } of pods) cache.start()
  await endpoint.asked(1)
  const all = Promise.all(pods.map(async ({ event }) => event(1)))
  await clock.advanceMs(500)
  open()
  await clock.runUntil(all)
  t.same(new Set(pods.map(({ now }) => now())), new Set(['token-1']))
  t.equal(endpoint.requests, 1)
  t.equal((await all).filter(event => event === 'start, stored').length, 7)
})

t.test('over six lifetimes a fleet makes six requests, and all use the same token', { skip: NO_REDIS }, async t => {
  const { clock, endpoint, started } = await setUp(t)
  const pods = [await started(), await started(), await started()]
  for (let lifetime = 1; lifetime <= 6; lifetime++) {
    t.equal(endpoint.requests, lifetime)
    t.same(pods.map(({ now }) => now()), Array(3).fill(`token-${lifetime}`))
    const all = Promise.all(pods.map(async ({ event, events }) => event(events.length + 1)))
    await clock.advanceMs(DUE_MS)
    await clock.runUntil(all)
    await Promise.all(pods.map(async ({ written }) => written()))
  }
})

t.test('who reads Redis learns neither token nor client nor secret', { skip: NO_REDIS }, async t => {
  const { redis, started } = await setUp(t)
  await started()
  const keys = await keysIn(redis)
  t.match(keys, [/^\{bookable-sidecar\}:token:1:[\w-]{22}$/, /:fence$/])
  const all = await Promise.all(keys.map(async key => redis.ask(key.endsWith(':fence') ? 'GET' : 'HGETALL', key)))
  t.notMatch([...keys, ...all].join(), /token-1|venue:read|fake-client|obviously-fake/)
})

t.test('a 401 anywhere costs the fleet one token, and not another for 30 seconds', { skip: NO_REDIS }, async t => {
  const { redis, clock, endpoint, started } = await setUp(t)
  const pods = [await started(), await started(), await started()]
  const rejectAll = async (): Promise<unknown> => {
    const answers = Promise.all(pods.map(async ({ cache }) => (await cache.reject(await cache.get()))?.value.reveal()))
    await clock.runUntil(answers)
    await Promise.all(pods.map(async ({ written }) => written()))
    return answers
  }
  t.same(await rejectAll(), Array(3).fill('token-2'))
  t.equal(endpoint.requests, 2)
  t.same(await rejectAll(), Array(3).fill(undefined))
  t.equal(endpoint.requests, 2)
  t.match(await redis.ask('PTTL', `${(await keysIn(redis))[0]}:forced`), /^:2\d{4}$/)
  // What its 30 seconds do.
  await redis.ask('DEL', `${(await keysIn(redis))[0]}:forced`)
  await clock.advanceMs(30_000)
  t.same(await rejectAll(), Array(3).fill('token-3'))
  t.equal(endpoint.requests, 3)
})

t.test('a 401 that comes late finds the newer token in the store, whenever', { skip: NO_REDIS }, async t => {
  const { clock, endpoint, started } = await setUp(t)
  const [first, second] = [await started(), await started()]
  for (const n of [2, 3]) {
    const used = await second.cache.get()
    await clock.advanceMs(n === 2 ? 0 : DUE_MS)
    const renewed = n === 2 ? first.cache.reject(await first.cache.get()) : first.event(3)
    await clock.runUntil(renewed)
    await first.written()
    const newer = second.cache.reject(used)
    await clock.runUntil(newer)
    t.equal((await newer)?.value.reveal(), `token-${n}`)
    t.equal(endpoint.requests, n)
  }
})

t.test('a fleet without a token sees within a second that one of it got one', { skip: NO_REDIS }, async t => {
  const { clock, endpoint, pod, started } = await setUp(t)
  endpoint.failure = new Error('down')
  const waiting = pod()
  waiting.cache.start()
  await waiting.event(1)
  await clock.advanceMs(60_000)
  const { requests } = endpoint
  endpoint.failure = undefined
  await started()
  await clock.advanceMs(1_000)
  await clock.runUntil((async () => { while (waiting.now() === undefined) await new Promise(resolve => setImmediate(resolve)) })())
  t.equal(waiting.now(), `token-${requests + 1}`)
  t.equal(endpoint.requests, requests + 1)
})

t.test('FLUSHALL costs nobody a token, and what was locked before it does not overwrite what came after', { skip: NO_REDIS }, async t => {
  const { redis, clock, endpoint, pod, started } = await setUp(t)
  const first = await started()
  let open = (): void => {}
  endpoint.gate = new Promise(resolve => { open = resolve })
  await clock.advanceMs(DUE_MS)
  await endpoint.asked(2)
  await redis.ask('FLUSHALL')
  endpoint.gate = Promise.resolve()
  const second = await started()
  t.equal(second.now(), 'token-3')
  open()
  await clock.runUntil(first.event(2))
  await first.written()
  t.equal(first.now(), 'token-2')
  const third = pod()
  third.cache.start()
  await clock.runUntil(third.event(1))
  t.equal(third.now(), 'token-3')
  t.equal(endpoint.requests, 3)
})

t.test('two clients, and two secrets of one, share a Redis and no token', { skip: NO_REDIS }, async t => {
  const { redis, started } = await setUp(t)
  const one = await started()
  const two = await started({ sealedBy: seal('another-obviously-fake') })
  const three = await started({ sealedBy: seal(undefined, { audience: 'other.example' }) })
  t.same([one.now(), two.now(), three.now()], ['token-1', 'token-2', 'token-3'])
  t.equal((await keysIn(redis)).length, 6)
})

t.test('a format of the future is left alone', { skip: NO_REDIS }, async t => {
  const { redis, started } = await setUp(t)
  const future = `{bookable-sidecar}:token:2:${seal().id}`
  await redis.ask('SET', future, 'of another shape')
  t.equal((await started()).now(), 'token-1')
  t.match(await redis.ask('GET', future), 'of another shape')
})

for (const [what, spoil, warning] of [
  ['does not open', ['HSET', 'KEY', 'box', 'AAAA'], /^what Redis holds is torn, was changed/],
  ['has lost its box', ['HDEL', 'KEY', 'box'], /^what Redis holds is torn/],
  ['was made to last', ['PERSIST', 'KEY'], /^what Redis holds has no end/]
] as const) {
  t.test(`what ${what} is refused with a warning, and replaced`, { skip: NO_REDIS }, async t => {
    const { redis, endpoint, started, warnings } = await setUp(t)
    await started()
    const [key = ''] = await keysIn(redis)
    await redis.ask(...spoil.map(word => word === 'KEY' ? key : word))
    t.equal((await started()).now(), 'token-2')
    t.equal((await started()).now(), 'token-2')
    t.equal(endpoint.requests, 2)
    t.match(warnings, [warning])
  })
}

t.test('something else under its name is told, and everyone goes on alone', { skip: NO_REDIS }, async t => {
  const { redis, started, warnings } = await setUp(t)
  await redis.ask('SET', `{bookable-sidecar}:token:1:${seal().id}`, 'mine')
  t.equal((await started()).now(), 'token-1')
  t.match(warnings, [/^Redis refused it: WRONGTYPE/])
})

t.test('a stored token is verified as a new one is', { skip: NO_REDIS }, async t => {
  const { endpoint, started, warnings } = await setUp(t)
  await started()
  const second = await started({ requiredScopes: ['venue-booking:create'] })
  t.match(second.events, [/^TOKEN-R-002 .*lacks scope/])
  t.match(warnings, [/lacks scope "venue-booking:create"/])
  t.equal(endpoint.requests, 2)
})

t.test('clocks that differ by hours agree on the end of a token', { skip: NO_REDIS }, async t => {
  const { started } = await setUp(t)
  await started()
  for (const hours of [-5, 5]) {
    const clock = new FakeClock()
    clock.jumpWallMs(hours * HOUR_MS)
    const { now, cache } = await started({ clock })
    t.equal(now(), 'token-1')
    const leftMs = (cache.status.held?.expiresAtMs ?? 0) - clock.nowMs()
    t.ok(leftMs > HOUR_MS - 5_000 && leftMs <= HOUR_MS, `${leftMs} ms`)
  }
})

t.test('a token that is over before it comes is not stored, and locks nobody out', { skip: NO_REDIS }, async t => {
  const { redis, clock, endpoint, pod } = await setUp(t)
  let open = (): void => {}
  endpoint.gate = new Promise(resolve => { open = resolve })
  const { cache, event, written } = pod()
  cache.start()
  await clock.runUntil(endpoint.asked(1))
  await clock.advanceMs(HOUR_MS)
  open()
  await event(1)
  await written()
  t.same((await keysIn(redis)).filter(key => !key.endsWith(':fence')), [])
})

t.test('where Redis goes while a token is asked for, the token is used all the same', { skip: NO_REDIS }, async t => {
  const { redis, clock, endpoint, pod } = await setUp(t)
  let open = (): void => {}
  endpoint.gate = new Promise(resolve => { open = resolve })
  const { cache, event, written, now, home } = pod()
  cache.start()
  await clock.runUntil(endpoint.asked(1))
  await redis.kill()
  while (home.isUp) await settle()
  open()
  await event(1)
  await written()
  t.equal(now(), 'token-1')
})

t.test('another sidecar that asks for a token is waited for as long as for the token endpoint', async t => {
  const clock = new FakeClock()
  const busy = startCache(t, { clock, endpoint: new CountingEndpoint(), store: { take: async () => ({ kind: 'busy' }) }, waitMs: 1_000 })
  busy.cache.start()
  await clock.runUntil(busy.event(1))
  t.match(busy.events, [/^TOKEN-R-001 Another sidecar is asking the token endpoint, and had no token within 1000 ms/])
})

t.test('without Redis each goes on with a token of its own, and together again when it is back', { skip: NO_REDIS }, async t => {
  const { redis, clock, endpoint, pod, started } = await setUp(t)
  const pods = [await started(), await started()]
  await redis.kill()
  const alone = Promise.all(pods.map(async ({ event }) => event(2)))
  await clock.advanceMs(DUE_MS)
  await clock.runUntil(alone)
  t.same(new Set(pods.map(({ now }) => now())), new Set(['token-2', 'token-3']))
  await startRedis(t, [], { port: redis.port })
  for (const { home, homeClock } of pods) while (!home.isUp) await homeClock.advanceMs(10)
  const together = Promise.all(pods.map(async ({ event }) => event(3)))
  await clock.advanceMs(DUE_MS)
  await clock.runUntil(together)
  t.same(new Set(pods.map(({ now }) => now())), new Set(['token-4']))
  t.equal(endpoint.requests, 4)
  const late = pod()
  late.cache.start()
  await clock.runUntil(late.event(1))
  t.equal(late.now(), 'token-4')
})

for (const reason of ['expired', 'retry', 'rejected', 'rotated'] as const) {
  t.test(`requests that wait for a token (${reason}) wait 50 ms at most for a Redis that hangs`, { skip: NO_REDIS }, async t => {
    const redis = await startRedis(t)
    const clock = new FakeClock()
    const home = new RedisHome({ clock, random: () => 0, source: new RedisSource(fixedSecret(redis.url), () => {}) })
    t.teardown(() => home.stop())
    home.start()
    const store = new RedisTokenStore({ clock, redis: home, readSeal: () => seal(), onRefused: () => {} })
    await store.take({ reason: 'start', held: undefined, mayRequest: false }, async () => undefined)
    while (!home.isUp) await settle()
    redis.child.kill('SIGSTOP')
    const found: string[] = []
    void store.take({ reason, held: undefined, mayRequest: true }, async () => undefined).then(({ kind }) => found.push(kind))
    await clock.advanceMs(49)
    t.same(found, [])
    await clock.advanceMs(1)
    t.same(found, ['turn'])
  })
}
