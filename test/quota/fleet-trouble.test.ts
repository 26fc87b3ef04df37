import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { GIVE_BACK, TAKE } from '../../src/quota/stores/redis-scripts.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { NO_REDIS, startRedis } from '../helpers/redis.ts'
import type { Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { FleetWorld, type Pod } from './fleet-world.ts'

async function started (t: Teardown, n: number, { limit = 60 } = {}) {
  const redis = await startRedis(t)
  const world = new FleetWorld(t, redis)
  world.limit = limit
  const pods = await world.addPods(n)
  await world.learnAll()
  const keys = async (): Promise<string[]> => (await redis.ask('KEYS', '*:quota:*')).split('\r\n').filter(line => line.startsWith('{')).sort()
  const ask = async (command: string, ...words: string[]): Promise<string> => redis.ask(command, (await keys())[0] ?? '', ...words)
  const granted = async (): Promise<number> => Number((await ask('HGET', 'granted')).split('\r\n')[1])
  return { redis, world, pods, keys, ask, granted }
}

const sum = (pods: readonly Pod[], how: string): number => pods.reduce((all, { statuses }) => all + (statuses[how] ?? 0), 0)

/** @param from how many windows are left out */
function hold (t: Test, world: FleetWorld, n: number, { least, refusals, from = 0 }: { least: number, refusals: number, from?: number }): void {
  const windows = [...world.windows.values()].slice(from, from + n)
  t.comment(JSON.stringify([...world.windows.values()]))
  t.equal(windows.length, n)
  for (const { served, refused } of windows) {
    t.ok(served >= least, `${served} used`)
    t.ok(refused <= refusals, `${refused} refused`)
  }
}

t.test('what was not used goes back; where that fails it is kept, and goes back later', { skip: NO_REDIS }, async t => {
  const { world, pods: [pod], granted } = await started(t, 2, { limit: 300 })
  pod?.ask('read')
  await world.advanceMs(100)
  const block = await granted()
  t.ok(block > 20, `${block} granted`)
  world.mishap = script => script === GIVE_BACK ? 'lost' : undefined
  await world.advanceMs(2_500)
  const before = world.commands
  pod?.askMany(5, 'read')
  await world.advanceMs(100)
  t.equal(world.commands, before, 'nothing was asked for again')
  t.equal(await granted(), block)
  world.mishap = undefined
  await world.advanceMs(5_000)
  t.equal(await granted(), 6)
  t.equal(world.window().served, 6)
})

t.test('a block whose answer came too late is lost for its window, and not spent twice', { skip: NO_REDIS }, async t => {
  const { world, pods, granted } = await started(t, 4)
  let late = 0
  world.mishap = script => script === TAKE && late < 2 ? (late++, 'late') : undefined
  for (const pod of pods.slice(0, 2)) pod.ask('read')
  await world.advanceMs(100)
  t.equal(late, 2)
  t.ok(await granted() > 2)
  t.equal(sum(pods, '200'), 6, 'they went all the same, on a share')
  await world.load(pods, 240, 1.9)
  hold(t, world, 2, { least: 50, refusals: 2 })
  hold(t, world, 1, { least: 57, refusals: 2, from: 1 })
  t.equal(sum(pods, '429'), 0)
})

t.test('something else under its name is told once, and all go on with their shares until it is gone', { skip: NO_REDIS }, async t => {
  const { world, pods, ask, keys, redis } = await started(t, 4)
  const [count = ''] = await keys()
  await ask('SET', 'somebody else')
  await world.load(pods, 240, 0.9)
  t.equal(world.warnings.length, pods.length)
  t.match(world.warnings[0], /Redis refused it: .*WRONGTYPE/)
  t.same(pods.map(({ allotment }) => allotment.status), pods.map(() => ({ pods: 4, isAlone: true })))
  t.equal(await redis.ask('GET', count).then(reply => reply.split('\r\n')[1]), 'somebody else')
  await redis.ask('DEL', count)
  await world.load(pods, 240, 2)
  hold(t, world, 3, { least: 54, refusals: 3 })
  t.same(pods.map(({ allotment }) => allotment.status.isAlone), pods.map(() => false))
  t.equal(world.warnings.length, pods.length)
})

t.test('what keeps a sidecar from the count of its fleet is in its log, and so is a file of REDIS_URL that is gone', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const dir = mkdtempSync(join(tmpdir(), 'redis-url-'))
  const path = join(dir, 'url')
  writeFileSync(path, redis.url)
  const clock = new FakeClock(Date.now())
  const { url, line, drain } = await startTestSidecar(t, {
    clock,
    env: { QUOTA_STORE: 'redis', REDIS_URL_FILE: path },
    api: (_req, res) => res.writeHead(200, { 'X-RateLimit-Limit': '10', 'X-RateLimit-Remaining': '9', 'X-RateLimit-Reset': String(Math.floor(clock.nowMs() / 60_000) * 60 + 60) }).end()
  })
  await clock.runUntil(line('redis is there'))
  const countOf = async (): Promise<string | undefined> => /\{\S+:quota:\S+/.exec(await redis.ask('KEYS', '*:quota:*'))?.[0]
  while (await countOf() === undefined) await clock.runUntil(call(url, '/venues'))
  await redis.ask('SET', await countOf() ?? '', 'mine')
  await clock.runUntil(line('quota store refused'))
  t.match(await line('quota store refused'), { level: 40, reason: /WRONGTYPE/ })
  rmSync(dir, { recursive: true })
  await clock.runUntil(line('secret file unreadable'))
  t.match(await line('secret file unreadable'), { level: 40, reason: /REDIS_URL_FILE/ })
  await clock.runUntil(drain())
})

for (const [field, garbage] of [['granted', 'many'], ['limit', 'nan'], ['ends', 'inf'], ['id', ''], ['since', '1e999'], ['foreign', '9'.repeat(400)]] as const) {
  t.test(`a count whose ${field} is garbage (${garbage.slice(0, 5)}) is replaced`, { skip: NO_REDIS }, async t => {
    const { world, pods, ask } = await started(t, 2)
    for (const pod of pods) pod.ask('read')
    await world.advanceMs(100)
    await ask('HSET', field, garbage)
    await world.load(pods, 240, 0.9)
    t.match((await ask('HGET', field)).split('\r\n')[1], /^\d{1,15}$/)
    t.same(world.warnings, [])
    hold(t, world, 1, { least: 57, refusals: 2 })
  })
}

for (const [what, reset] of [['far beyond any clock', '999999999999'], ['hours ahead', '1780329600'], ['in the past', '1700000000'], ['nothing', '0'], ['no number', 'soon']] as const) {
  t.test(`a window whose end the API tells to be ${what} takes the fleet's quota for a window at most`, { skip: NO_REDIS }, async t => {
    const { world, pods } = await started(t, 3)
    await world.load(pods, 120, 0.2)
    let told = 0
    world.headers = usual => told++ < 3 ? { ...usual, 'X-RateLimit-Reset': reset } : usual
    await world.load(pods, 240, 2.8)
    t.ok(told > 3)
    hold(t, world, 1, { least: 57, refusals: 3, from: 2 })
    // What the API says counts again.
    world.limit = 120
    await world.load(pods, 480, 2)
    hold(t, world, 1, { least: 117, refusals: 3, from: 4 })
    t.ok(sum(pods, '429') <= 3, 'no more than garbage accounts for')
  })
}

for (const [from, to, least] of [[60, 120, 108], [120, 60, 57]] as const) {
  t.test(`a limit that the API changes amid a window, from ${from} to ${to}, counts for the fleet`, { skip: NO_REDIS }, async t => {
    const { world, pods } = await started(t, 4, { limit: from })
    await world.load(pods, 100, 0.2)
    world.limit = to
    await world.load(pods, 480, 1.75)
    hold(t, world, 1, { least, refusals: 4 })
    hold(t, world, 1, { least: to - 3, refusals: 2, from: 1 })
    t.equal(sum(pods, '429'), 0)
  })
}

for (const sleptMs of [20_000, 65_000, 3_600_000]) {
  t.test(`machines that slept for ${sleptMs / 1000} s go on with the window that is`, { skip: NO_REDIS }, async t => {
    const { world, pods } = await started(t, 4)
    await world.load(pods, 60, 0.1)
    world.clock.sleepMs(sleptMs)
    await world.load(pods, 240, 3)
    const awake = [...world.windows.values()].slice(1)
    t.comment(JSON.stringify([...world.windows.values()]))
    for (const { refused } of awake) t.ok(refused <= 4, `${refused} refused`)
    hold(t, world, 1, { least: 57, refusals: 2, from: 2 })
    t.equal(sum(pods, '429'), 0)
  })
}

t.test('a fleet that grows and shrinks is counted, and those who leave give back what they hold', { skip: NO_REDIS }, async t => {
  const { world, pods, granted } = await started(t, 2, { limit: 300 })
  const more = await world.addPods(4)
  await world.advanceMs(21_000)
  t.same(world.pods.map(({ allotment }) => allotment.status.pods), [6, 6, 6, 6, 6, 6])
  // Before they know of a limit, and after.
  for (const n of [1, 2]) {
    for (const pod of more) pod.ask('read')
    await world.advanceMs(100 * n)
  }
  const held = await granted()
  t.ok(held > 4 * 8, `${held} granted`)
  await Promise.all(more.map(async ({ allotment }) => allotment.stop()))
  t.equal(await granted(), 8)
  await world.advanceMs(21_000)
  t.same(pods.map(({ allotment }) => allotment.status.pods), [2, 2])
  await world.advanceMs(world.msToTurn)
  world.windows.clear()
  await world.load(pods, 1_200, 0.95)
  hold(t, world, 1, { least: 297, refusals: 0 })
})

t.test('windows that pass while Redis is away, with what it knew, are made up for when it is back', { skip: NO_REDIS }, async t => {
  const { world, pods } = await started(t, 4)
  await world.load(pods, 240, 0.5)
  world.mishap = () => 'lost'
  await world.load(pods, 240, 2)
  world.mishap = undefined
  await world.load(pods, 240, 2.45)
  hold(t, world, 5, { least: 50, refusals: 3 })
  hold(t, world, 2, { least: 57, refusals: 2, from: 3 })
  t.equal(sum(pods, '429'), 0)
})

t.test('back from an outage a pod whose share is spent holds a request until the fleet has answered', { skip: NO_REDIS }, async t => {
  const { world, pods: [pod, other] } = await started(t, 2)
  world.mishap = () => 'lost'
  pod?.askMany(60, 'write')
  await world.advanceMs(6_000)
  const { 200: served = 0, 'RATE-R-001': refused = 0 } = pod?.statuses ?? {}
  t.ok(served >= 25 && served <= 32, `${served} went, its share`)
  t.ok(refused > 0)
  t.equal(other?.allotment.status.isAlone, false)
  world.mishap = undefined
  pod?.ask('write')
  await world.advanceMs(100)
  t.match(pod?.statuses, { 200: served + 1, 'RATE-R-001': refused })
  t.same(pod?.allotment.status, { pods: 2, isAlone: false })
})
