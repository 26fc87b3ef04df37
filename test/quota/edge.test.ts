import t from 'tap'
import { QuotaWorld, servedOf, WINDOW_MS } from './world.ts'

/** Of a world in which an answer takes 40 ms: a request that goes so long before the turn is counted before it, and answered after it. */
const BEFORE_TURN_MS = 30

/** The API's limit changes, and is told only by an answer that comes when its window is over: at that turn of the window, from now on. */
async function tellLate (world: QuotaWorld, limit: number, turn: number): Promise<void> {
  world.ask('write')
  await world.clock.advanceMs(100)
  world.limit = limit
  await world.clock.advanceMs(world.msToTurn + (turn - 1) * WINDOW_MS - BEFORE_TURN_MS)
  world.ask('write')
  await world.clock.advanceMs(1_000)
}

t.test('a limit that was raised is learnt from an answer that comes when its window is over, and the next window is used whole', async t => {
  // By our clock the window turns a little too early.
  const world = new QuotaWorld({ reserve: 0 })
  world.skewMs = -21
  await world.clock.advanceMs(20_000)
  await tellLate(world, 11, 3)
  t.match(world.governor.status, { limit: 11, remaining: 11 })
  const asked = world.askMany(11, 'write')
  await world.clock.advanceMs(100)
  t.equal(servedOf(asked), 11)
  t.equal(world.refusals, 0)
})

t.test('a limit that was lowered is learnt from such an answer, before more than that are sent', async t => {
  const world = new QuotaWorld({ reserve: 0 })
  await tellLate(world, 4, 2)
  const asked = world.askMany(10, 'write')
  await world.clock.advanceMs(100)
  t.equal(servedOf(asked), 4)
  t.equal(world.refusals, 0)
})

t.test('a burst at the start of a process, just before the turn, is not sent beyond the limit that its first answer tells after the turn', async t => {
  const world = new QuotaWorld({ reserve: 0 })
  await world.clock.advanceMs(world.msToTurn - BEFORE_TURN_MS)
  const asked = world.askMany(40, 'read')
  await world.clock.advanceMs(1_000)
  // Of the four that went first the API may have counted three in the new window, as far as anybody knew then.
  t.equal(servedOf(asked), 4 + 7)
  t.equal(world.askMany(3, 'read').filter(({ sent }) => sent === 1).length, 3, 'it had not')
  await world.clock.advanceMs(100)
  t.equal(world.refusals, 0)
})
