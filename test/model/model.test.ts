import fc from 'fast-check'
import t from 'tap'
import { SEEDED } from '../helpers/seed.ts'
import type { ApiBehaviour } from './fake-api.ts'
import { World, type CallKind, type TokenBehaviour } from './world.ts'

const SEQUENCES = Number(process.env.MODEL_SEQUENCES ?? 500)
const HOUR_MS = 3_600_000

const tokenBehaviours: readonly TokenBehaviour[] = ['good', 'short-lived', 'down', 'refuses', 'unusable', 'hangs']
const apiBehaviours: readonly ApiBehaviour[] = [
  'ok', 'unauthorized', 'spent', 'soon spent', 'forbidden', 'error', 'slow', 'hangs', 'refuses', 'drops', 'breaks amid the head', 'breaks amid the body', 'silent amid the body'
]

/** What may happen next. Time passes most often, since that is where things go wrong. */
const events = fc.array(fc.oneof(
  { weight: 40, arbitrary: fc.record({ time: fc.constantFrom(1, 60, 500, 5_000, 29_999, 40_000, HOUR_MS) }) },
  { weight: 50, arbitrary: fc.record({ call: fc.constantFrom<CallKind>('GET', 'POST', 'GET', 'POST', 'upload', 'half an upload') }) },
  { weight: 20, arbitrary: fc.record({ token: fc.constantFrom(...tokenBehaviours) }) },
  { weight: 30, arbitrary: fc.record({ api: fc.constantFrom(...apiBehaviours) }) },
  { weight: 10, arbitrary: fc.record({ leave: fc.nat(7) }) },
  { weight: 10, arbitrary: fc.record({ wallClock: fc.constantFrom(-5 * HOUR_MS, 5 * HOUR_MS) }) },
  { weight: 2, arbitrary: fc.record({ drain: fc.constant(true) }) }
), { maxLength: 25 })

type Event = typeof events extends fc.Arbitrary<ReadonlyArray<infer T>> ? T : never

async function happen (world: World, event: Event): Promise<void> {
  if ('time' in event) await world.clock.advanceMs(event.time)
  else if ('call' in event) world.call(event.call)
  else if ('token' in event) world.tokenBehaviour = event.token
  else if ('api' in event) world.api.behaviour = event.api
  else if ('leave' in event) world.leave(event.leave)
  else if ('wallClock' in event) world.clock.jumpWallMs(event.wallClock)
  else world.drain()
}

t.test(`in ${SEQUENCES} random histories no promise about tokens, writes, answers and readiness is broken`, { timeout: 600_000 }, async t => {
  // On failure the message has the seed, and the shortest history that breaks a promise.
  await fc.assert(fc.asyncProperty(events, fc.double({ min: 0, max: 1, noNaN: true }), async (history, random) => {
    const world = new World(() => random)
    for (const event of history) {
      await happen(world, event)
      world.check()
    }
    await world.finish()
    if (world.violations.length > 0) throw new Error(world.violations.join('\n'))
  }), { numRuns: SEQUENCES, ...SEEDED })
  t.pass('all promises were kept')
})
