import fc from 'fast-check'
import t from 'tap'
import { SEEDED } from '../helpers/seed.ts'
import { LANES, type Lane } from '../../src/quota/lanes.ts'
import { QuotaWorld, servedOf } from './world.ts'

const HISTORIES = Number(process.env.QUOTA_HISTORIES ?? 200)
const MAX_WAIT_MS = 5_000

/** Two tries at the head of a queue, an attempt each, and their time at the API. */
const SLACK_MS = 500

const events = fc.array(fc.oneof(
  { weight: 8, arbitrary: fc.record({ ask: fc.constantFrom<Lane>(...LANES), times: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 8, arbitrary: fc.record({ time: fc.constantFrom(1, 20, 100, 1_000, 5_000, 20_000) }) },
  { weight: 2, arbitrary: fc.record({ leave: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ foreign: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ limit: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ wallClock: fc.constantFrom(-90_000, 300, 90_000) }) }
), { maxLength: 40 })

/** When the process starts, from the begin of a window: often so that its first answers come when that is over. */
const starts = fc.oneof(fc.integer({ min: 59_940, max: 60_000 }), fc.nat(60_000))

type Event = typeof events extends fc.Arbitrary<ReadonlyArray<infer T>> ? T : never

async function happen (world: QuotaWorld, event: Event): Promise<void> {
  if ('ask' in event) world.askMany(event.times, event.ask)
  else if ('time' in event) await world.clock.advanceMs(event.time)
  else if ('leave' in event) world.outcomes.filter(({ status }) => status === 0)[event.leave]?.hangUp()
  else if ('foreign' in event) world.spendElsewhere(event.foreign)
  else if ('limit' in event) world.limit = event.limit
  else if ('wallClock' in event) {
    world.clock.jumpWallMs(event.wallClock)
    // The API's own clock does not jump.
    world.skewMs -= event.wallClock
  }
}

t.test(`in ${HISTORIES} random histories everybody is answered in time, and what is left is used`, async t => {
  await fc.assert(fc.asyncProperty(starts, events, fc.integer({ min: -100_000, max: 100_000 }), fc.constantFrom(0, 0.1, 0.5), async (startMs, history, skewMs, reserve) => {
    const world = new QuotaWorld({ maxWaitMs: MAX_WAIT_MS, reserve })
    world.skewMs = skewMs
    await world.clock.advanceMs(startMs)
    for (const event of history) await happen(world, event)
    await world.clock.advanceMs(130_000)
    for (const { lane, status, code, askedAtMs, endedAtMs, sent } of world.outcomes) {
      if (status === 0) throw new Error(`a ${lane} was never answered`)
      if (endedAtMs - askedAtMs > MAX_WAIT_MS + SLACK_MS) throw new Error(`a ${lane} took ${endedAtMs - askedAtMs} ms`)
      if (code === 'RATE-R-001' && sent > 0) throw new Error(`a ${lane} that the API refused itself got an answer of ours`)
    }
    if (world.clock.pendingTimers > 0) throw new Error('a timer was left behind')
    // Nothing that happened keeps a later window from being used whole.
    world.ask('write')
    await world.clock.advanceMs(1_000)
    await world.clock.advanceMs(world.msToTurn + 2_000)
    const asked = world.askMany(world.limit, 'write')
    await world.clock.advanceMs(1_000)
    const served = servedOf(asked)
    if (served < world.limit) throw new Error(`${served} of ${world.limit} were served`)
  }), { numRuns: HISTORIES, ...SEEDED })
  t.pass('all of them were')
})

t.test('a sidecar alone, whose clock is the API\'s, is never refused', async t => {
  await fc.assert(fc.asyncProperty(starts, events, fc.constantFrom(0, 0.1, 0.5), async (startMs, history, reserve) => {
    const world = new QuotaWorld({ maxWaitMs: MAX_WAIT_MS, reserve })
    await world.clock.advanceMs(startMs)
    for (const event of history) if ('ask' in event || 'time' in event || 'leave' in event) await happen(world, event)
    await world.clock.advanceMs(60_000)
    if (world.refusals > 0) throw new Error(`${world.refusals} refusals`)
  }), { numRuns: HISTORIES, ...SEEDED })
  t.pass('none was')
})
