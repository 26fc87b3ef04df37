import t from 'tap'
import { RedisAway } from '../../src/redis/trouble.ts'
import { MemoryStore } from '../../src/repeats/memory-store.ts'
import { RecordSeal } from '../../src/repeats/record-seal.ts'
import { RedisRepeatStore } from '../../src/repeats/redis-store.ts'
import { Secret } from '../../src/secret.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { FakeRedis } from '../model/fake-redis.ts'

const CLAIM = { id: 'key k', fingerprint: 'f', ttlMs: 60_000 }
const seal = new RecordSeal({ clientId: new Secret('id'), clientSecret: new Secret('obviously-fake'), apiUrl: new URL('http://api') })

/** Sidecars on one Redis, each of which may lose sight of it. */
function startFleet () {
  const clock = new FakeClock()
  const redis = new FakeRedis(() => clock.nowMs())
  const keys: string[] = []
  const pod = () => {
    const home = { level: 'up' as 'up' | 'away', isDeaf: false, gate: Promise.resolve() }
    const memory = new MemoryStore({ clock, maxRecords: 10, maxBytes: 1_000_000 })
    const store = new RedisRepeatStore({
      clock,
      memory,
      readSeal: () => seal,
      onRefused: reason => { throw new Error(reason) },
      redis: {
        get state () { return { level: home.level, sinceMs: 0, trouble: undefined } },
        run: async (script, [key = '', ...others], args) => {
          keys.push(key, ...others)
          await home.gate
          if (home.level === 'away') throw new RedisAway('away')
          const answer = redis.run(script, key, args)
          if (home.isDeaf) throw new RedisAway('slow')
          return answer
        }
      }
    })
    return { home, store }
  }
  return { clock, keys, one: pod(), two: pod() }
}

t.test('what went alone does not leave once Redis says that another sidecar has it', async t => {
  const { clock, one, two } = startFleet()
  one.home.level = 'away'
  t.equal(await one.store.claim(CLAIM), 'mine')
  t.equal(await two.store.claim(CLAIM), 'mine')
  t.ok(one.store.mayBeSent('key k'))
  one.home.level = 'up'
  await clock.advanceMs(1_000)
  t.same([one.store.mayBeSent('key k'), two.store.mayBeSent('key k')], [false, true])
  await Promise.all([one.store.stop(), two.store.stop()])
})

t.test('what is given up while Redis is asked for it is held by nobody, and another sidecar may have it', async t => {
  const { one, two } = startFleet()
  let open = (): void => {}
  one.home.gate = new Promise(resolve => { open = resolve })
  const claimed = one.store.claim(CLAIM)
  for (let times = 0; times < 2; times++) one.store.forget(CLAIM.id)
  open()
  t.equal(await claimed, 'mine')
  await one.store.stop()
  t.equal(await two.store.claim(CLAIM), 'mine')
  await two.store.stop()
})

t.test('a machine that slept, or was held up, holds nothing until Redis has renewed it', async t => {
  for (const [what, sleeps] of [['slept', true], ['was held up', false]] as const) {
    const { clock, one } = startFleet()
    t.equal(await one.store.claim(CLAIM), 'mine')
    one.home.isDeaf = true
    if (sleeps) clock.sleepMs(4_999)
    else await clock.advanceMs(4_999)
    t.ok(one.store.mayBeSent('key k'), what)
    if (sleeps) clock.sleepMs(1)
    else await clock.advanceMs(1)
    t.notOk(one.store.mayBeSent('key k'), what)
    one.home.level = 'away'
    t.ok(one.store.mayBeSent('key k'), 'known to be away, it goes alone')
    one.home.level = 'up'
    one.home.isDeaf = false
    await clock.advanceMs(1_000)
    t.ok(one.store.mayBeSent('key k'), 'nobody was told meanwhile')
    await one.store.stop()
  }
})

t.test('a repeat that is not heard when it asks again leaves nothing behind', async t => {
  const { one, two } = startFleet()
  t.equal(await one.store.claim(CLAIM), 'mine')
  one.store.forget('key k')
  await settle()
  two.home.isDeaf = true
  t.match(await two.store.claim({ ...CLAIM, isAgain: true }), { outcome: { state: 'running' } })
  await settle()
  two.home.isDeaf = false
  t.equal(await two.store.claim({ ...CLAIM, isAgain: true }), 'mine')
  await Promise.all([one.store.stop(), two.store.stop()])
})

t.test('each script is asked of one key, and all keys are on one node of a cluster', async t => {
  const { keys, one } = startFleet()
  for (const id of ['key a', 'key {b}', 'equal c']) {
    t.equal(await one.store.claim({ ...CLAIM, id }), 'mine')
    if (id === 'key a') one.store.forget(id)
    else one.store.finish(id, { state: 'unknown', why: 'no-answer' })
  }
  await one.store.stop()
  t.equal(keys.length, 6)
  for (const key of keys) t.match(key, /^\{bookable-sidecar\}:repeat:1:[\w-]{22}$/)
})
