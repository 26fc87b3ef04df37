import fc from 'fast-check'
import t from 'tap'
import { SEEDED } from '../helpers/seed.ts'
import { parseRedisUrl } from '../../src/config/redis-url.ts'
import { openRedis } from '../../src/redis/connection.ts'
import { evaluate } from '../../src/redis/script.ts'
import { CLAIM, FINISH, LEAVE } from '../../src/repeats/redis-scripts.ts'
import { ENGINES, startRedis } from '../helpers/redis.ts'
import { FakeRedis } from './fake-redis.ts'
import { FleetWorld, type Fate } from './fleet-world.ts'

const SEQUENCES = Number(process.env.MODEL_SEQUENCES ?? 500)
const HOUR_MS = 3_600_000

const pods = fc.constantFrom(0, 1)
const events = fc.array(fc.oneof(
  { weight: 40, arbitrary: fc.record({ time: fc.constantFrom(1, 60, 500, 1_100, 5_000, 20_000, HOUR_MS) }) },
  { weight: 70, arbitrary: fc.record({ book: pods, key: fc.constantFrom('a', 'a', 'b') }) },
  { weight: 20, arbitrary: fc.record({ fate: fc.constantFrom<Fate>('ok', 'ok', 'busy', 'unauthorized', 'hangs', 'breaks', 'unsent') }) },
  { weight: 20, arbitrary: fc.record({ waitMs: fc.constantFrom(0, 0, 300, 4_000, 9_000) }) },
  { weight: 20, arbitrary: fc.record({ redisMs: fc.constantFrom(0, 1, 60, 400, 499, 700, 1_500) }) },
  { weight: 15, arbitrary: fc.record({ leave: fc.nat(7) }) },
  { weight: 12, arbitrary: fc.record({ crash: pods }) },
  { weight: 12, arbitrary: fc.record({ pause: pods, ms: fc.constantFrom(100, 4_900, 5_100, 12_000) }) },
  { weight: 3, arbitrary: fc.record({ lose: pods, ms: fc.constantFrom(1_000, 8_000) }) }
), { maxLength: 30 })

type Event = typeof events extends fc.Arbitrary<ReadonlyArray<infer T>> ? T : never

async function happen (world: FleetWorld, event: Event): Promise<void> {
  if ('time' in event) await world.clock.advanceMs(event.time)
  else if ('book' in event) world.book(event.book, event.key)
  else if ('leave' in event) world.leave(event.leave)
  else if ('crash' in event) world.crash(event.crash)
  else if ('pause' in event) world.pause(event.pause, event.ms)
  else if ('lose' in event) world.lose(event.lose, event.ms)
  else Object.assign(world, event)
}

t.test(`in ${SEQUENCES} random histories of two sidecars no key is sent twice, whoever crashes, stops or is not heard in time`, { timeout: 600_000 }, async t => {
  // On failure the message has the seed, and the shortest history that breaks a promise.
  await fc.assert(fc.asyncProperty(events, async history => {
    const world = new FleetWorld()
    for (const event of history) await happen(world, event)
    await world.finish()
    if (world.violations.length > 0) throw new Error(world.violations.join('\n'))
  }), { numRuns: SEQUENCES, ...SEEDED })
  t.pass('all promises were kept')
})

/** Leases that are over at once, or not within this test. */
const calls = fc.array(fc.record({
  script: fc.constantFrom(CLAIM, CLAIM, FINISH, LEAVE), owner: fc.constantFrom('one', 'two', 'three'), leaseMs: fc.constantFrom(0, 600_000)
}), { minLength: 1, maxLength: 20 })

for (const { name: engine, skip } of ENGINES) {
  t.test(`${engine} runs the scripts as the model has them`, { skip }, async t => {
    const redis = await startRedis(t, [], { engine })
    const connection = await openRedis(parseRedisUrl(redis.url), { onLost: () => {}, signal: new AbortController().signal })
    t.teardown(() => connection.close())
    let histories = 0
    await fc.assert(fc.asyncProperty(calls, async history => {
      const key = `record-${histories++}`
      let nowMs = 0
      const fake = new FakeRedis(() => nowMs++)
      for (const { script, owner, leaseMs } of history) {
        const args = script === CLAIM ? [owner, `print-${owner}`, leaseMs, 600_000] : script === FINISH ? [owner, `print-${owner}`, 'box', 600_000] : [owner, 600_000]
        const [real, expected] = [await evaluate(connection, script, [key], args), fake.run(script, key, args)]
        if (JSON.stringify(real) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(real)} instead of ${JSON.stringify(expected)}`)
      }
    }), { numRuns: 300, ...SEEDED })
    t.pass('each answer was the same')
  })
}
