import t from 'tap'
import { NO_REDIS, startRedis } from '../helpers/redis.ts'
import type { Teardown } from '../helpers/servers.ts'
import { FleetWorld, type Pod } from './fleet-world.ts'

const sum = (pods: readonly Pod[], how: string): number => pods.reduce((all, { statuses }) => all + (statuses[how] ?? 0), 0)

async function started (t: Teardown, n: number, options?: Parameters<FleetWorld['addPods']>[1]) {
  const redis = await startRedis(t)
  const world = new FleetWorld(t, redis)
  const pods = await world.addPods(n, options)
  return { redis, world, pods }
}

for (const n of [3, 10]) {
  t.test(`${n} pods at four times the quota use each window, and the API refuses next to nothing`, { skip: NO_REDIS }, async t => {
    const { world, pods } = await started(t, n)
    await world.advanceMs(world.msToTurn - 20_000)
    for (const pod of pods) pod.ask('read')
    await world.advanceMs(20_000)
    world.windows.clear()
    const before = world.commands
    await world.load(pods, 240, 4)
    const windows = [...world.windows.values()].slice(0, 4)
    const perRequest = (world.commands - before) / 4 / 240
    t.comment(JSON.stringify(windows), `${perRequest} commands a request`)
    t.ok(perRequest < 0.75, `${perRequest} commands a request`)
    for (const { served, refused } of windows) {
      t.ok(served >= 57, `${served} used`)
      t.ok(refused <= 2, `${refused} refused`)
    }
    t.equal(sum(pods, '429'), 0)
    t.same(world.warnings, [])
  })
}

t.test('most requests pay no round trip', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 3)
  world.limit = 6_000
  await world.advanceMs(world.msToTurn)
  const before = world.commands
  await world.load(pods, 3_000, 1)
  t.comment(`${world.commands - before} commands for 3000 requests`)
  t.ok(world.commands - before < 300)
  t.equal(world.windows.size > 0 && sum(pods, '200') >= 2_990, true)
})

t.test('a window that is spent is asked for no more often, however many want it', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 3)
  await world.learnAll()
  const before = world.commands
  await world.load(pods, 4_800, 1)
  t.comment(`${world.commands - before} commands for 4800 requests`)
  t.ok(world.commands - before < 150, `${world.commands - before} commands`)
  const [window] = [...world.windows.values()]
  t.ok(window !== undefined && window.served >= 57, `${window?.served} used`)
})

t.test('what of the reserve melts is not asked for by all who wait, and is used all the same', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 20)
  world.limit = 200
  await world.learnAll()
  const before = world.commands
  await world.load(pods, 800, 2)
  const windows = [...world.windows.values()].slice(0, 2)
  const perRequest = (world.commands - before) / 2 / 800
  t.comment(JSON.stringify(windows), `${perRequest} commands a request`)
  t.ok(perRequest < 0.6, `${perRequest} commands a request`)
  for (const { served, refused } of windows) {
    t.ok(served >= 196, `${served} used`)
    t.equal(refused, 0)
  }
})

t.test('those who wait for a window do not ask all at one moment when it turns', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 100)
  await world.learnAll()
  await world.load(pods, 600, 0.2)
  await world.advanceMs(world.msToTurn - 4_000)
  for (const pod of pods) pod.ask('read')
  await world.advanceMs(3_980)
  const asked = new Set<number>()
  world.mishap = () => {
    asked.add(world.clock.monotonicMs())
    return undefined
  }
  await world.advanceMs(60)
  t.comment(`at ${asked.size} moments`)
  t.ok(asked.size >= 10)
})

t.test('what is kept for writes is kept by the whole fleet', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 4)
  await world.advanceMs(world.msToTurn - 10_000)
  for (const pod of pods) pod.ask('read')
  await world.advanceMs(10_040)
  for (const pod of pods) pod.askMany(30, 'list')
  await world.advanceMs(2_000)
  const { served } = world.window()
  t.ok(served >= 50 && served <= 54, `${served} lists`)
  pods[3]?.askMany(6, 'write')
  await world.advanceMs(1_000)
  t.equal(world.window().byLane.write, 6)
  t.equal(world.window().refused, 0)
})

t.test('until the first answer of a pod four of its requests are in flight, as of one alone', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 1)
  pods[0]?.askMany(10, 'list')
  await world.advanceMs(20)
  t.equal(world.window().served, 4)
  await world.advanceMs(2_000)
  t.equal(sum(pods, '200'), 10)
})

t.test('a turn that was never sent is for the next who asks, and costs no round trip', { skip: NO_REDIS }, async t => {
  const { world, pods: [pod] } = await started(t, 1)
  await world.learnAll()
  pod?.ask('read')
  await world.advanceMs(100)
  const take = (): number => pod?.governor.take('read') ?? 0
  const turns = []
  for (let turn = take(); turn > 0; turn = take()) turns.push(turn)
  const [first = 0, second = 0] = turns
  pod?.governor.giveBack(first, true)
  t.equal(take(), 0)
  pod?.governor.giveBack(second, false)
  t.ok(take() > 0)
  t.equal(take(), 0)
})

t.test('what a dead pod had reserved is lost for one window', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 3)
  world.limit = 300
  await world.advanceMs(world.msToTurn - 10_000)
  for (const pod of pods) pod.ask('read')
  await world.advanceMs(10_040)
  const [dead, ...alive] = pods
  dead?.ask('read')
  await world.advanceMs(100)
  if (dead !== undefined) dead.isDead = true
  dead?.home.stop()
  await world.load(alive, 1_200, 2)
  const [, first, second] = [...world.windows.values()].slice(-4)
  t.comment(JSON.stringify([...world.windows.values()]))
  t.ok(first !== undefined && first.served >= 300 - 25, `${first?.served} in its window`)
  t.ok(second !== undefined && second.served >= 297, `${second?.served} in the next`)
  t.equal(alive[0]?.allotment.status.pods, 2)
})

t.test('FLUSHALL in mid-window is repaired by what the API says', { skip: NO_REDIS }, async t => {
  const { redis, world, pods } = await started(t, 4)
  await world.advanceMs(world.msToTurn - 10_000)
  for (const pod of pods) pod.ask('read')
  await world.advanceMs(10_040)
  await world.load(pods, 60, 0.5)
  await redis.ask('FLUSHALL')
  const window = world.window()
  await world.load(pods, 240, 0.45)
  t.comment(JSON.stringify(window))
  t.ok(window.served >= 57)
  t.ok(window.refused <= 2, `${window.refused} refused`)
  t.equal(sum(pods, '429'), 0)
})

t.test('without Redis each pod goes on with its share, and comes back by itself', { skip: NO_REDIS }, async t => {
  const { redis, world, pods } = await started(t, 4)
  await world.advanceMs(world.msToTurn - 10_000)
  for (const pod of pods) pod.ask('read')
  await world.advanceMs(10_000)
  world.windows.clear()
  await world.load(pods, 240, 0.25)
  await redis.kill()
  await world.untilRedis(false)
  await world.load(pods, 240, 1.75)
  const back = await startRedis(t, [], { port: redis.port })
  await world.untilRedis(true)
  await world.load(pods, 240, 2)
  t.comment(JSON.stringify([...world.windows.values()]))
  const windows = [...world.windows.values()].slice(0, 4)
  for (const { served, refused } of windows) {
    t.ok(served >= 54, `${served} used`)
    t.ok(refused <= 3, `${refused} refused`)
  }
  t.equal(sum(pods, '429'), 0)
  t.equal(pods[0]?.allotment.status.pods, 4)
  t.match(await back.ask('KEYS', '*:quota:*'), /quota/)
})

t.test('what others spend is taken from the fleet', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 4)
  await world.advanceMs(world.msToTurn - 10_000)
  for (const pod of pods) pod.ask('read')
  await world.advanceMs(10_040)
  world.window().foreign = 30
  const window = world.window()
  await world.load(pods, 240, 0.9)
  t.comment(JSON.stringify(window))
  t.ok(window.served >= 28)
  t.ok(window.refused <= 4, `${window.refused} refused`)
})
