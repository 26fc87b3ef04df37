import fc from 'fast-check'
import t from 'tap'
import { SEEDED } from '../helpers/seed.ts'
import type { ApiBehaviour } from './fake-api.ts'
import { RepeatsWorld, type TokenBehaviour } from './repeats-world.ts'

const SEQUENCES = Number(process.env.MODEL_SEQUENCES ?? 500)
const HOUR_MS = 3_600_000

const apiBehaviours: readonly ApiBehaviour[] = [
  'ok', 'busy', 'too many', 'too large', 'unauthorized', 'forbidden', 'error', 'slow', 'hangs', 'refuses', 'drops', 'breaks amid the head', 'breaks amid the body', 'silent amid the body'
]

/** Few orders, so that they are asked for again and again. */
const orders = fc.record({ key: fc.constantFrom('a', 'a', 'b', undefined), body: fc.constantFrom('two', 'two', 'two', 'six') })

const events = fc.array(fc.oneof(
  { weight: 40, arbitrary: fc.record({ time: fc.constantFrom(1, 4, 60, 500, 5_000, 20_000, 29_999, HOUR_MS) }) },
  { weight: 70, arbitrary: fc.record({ book: orders }) },
  { weight: 30, arbitrary: fc.record({ api: fc.constantFrom(...apiBehaviours) }) },
  { weight: 15, arbitrary: fc.record({ token: fc.constantFrom<TokenBehaviour>('good', 'good', 'down', 'hangs') }) },
  { weight: 20, arbitrary: fc.record({ leave: fc.nat(7) }) },
  { weight: 4, arbitrary: fc.record({ restart: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ drain: fc.constant(true) }) }
), { maxLength: 30 })

type Event = typeof events extends fc.Arbitrary<ReadonlyArray<infer T>> ? T : never

async function happen (world: RepeatsWorld, event: Event): Promise<void> {
  if ('time' in event) await world.clock.advanceMs(event.time)
  else if ('book' in event) world.book(event.book)
  else if ('api' in event) world.api.behaviour = event.api
  else if ('token' in event) world.tokenBehaviour = event.token
  else if ('leave' in event) world.leave(event.leave)
  else if ('restart' in event) world.restart()
  else world.drain()
}

for (const [what, hasSlowStore] of [['at once', false], ['later', true]] as const) {
  t.test(`in ${SEQUENCES} random histories, with a store that answers ${what}, no order is booked twice, and every repeat learns what is known`, { timeout: 600_000 }, async t => {
    // On failure the message has the seed, and the shortest history that breaks a promise.
    await fc.assert(fc.asyncProperty(events, fc.double({ min: 0, max: 1, noNaN: true }), async (history, random) => {
      const world = new RepeatsWorld(() => random, hasSlowStore)
      for (const event of history) await happen(world, event)
      await world.finish()
      if (world.violations.length > 0) throw new Error(world.violations.join('\n'))
    }), { numRuns: SEQUENCES, ...SEEDED })
    t.pass('all promises were kept')
  })
}
