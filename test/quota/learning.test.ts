import t from 'tap'
import { QuotaWorld, servedOf } from './world.ts'

t.test('where the app of the first request hung up, the next ones go first, four at a time, and no more are sent than the limit', async t => {
  const world = new QuotaWorld({ reserve: 0 })
  world.ask('write').hangUp()
  await world.clock.advanceMs(5_000)
  const asked = world.askMany(40, 'write')
  t.equal(asked.filter(({ sent }) => sent === 1).length, 4)
  await world.clock.advanceMs(100)
  // The one whose app hung up was counted in this window.
  t.equal(servedOf(asked), 9)
  t.equal(world.refusals, 0)
})

t.test('while the first answer is waited for, whoever waits goes in the place of one whose app hung up, and all of them after a second', async t => {
  const world = new QuotaWorld()
  world.isHanging = true
  const [first, ...others] = world.askMany(20, 'read')
  await world.clock.advanceMs(600)
  first?.hangUp()
  t.equal(others.filter(({ sent }) => sent === 1).length, 4)
  await world.clock.advanceMs(401)
  t.equal(others.filter(({ sent }) => sent === 1).length, 19, 'the second is not counted anew')
})
