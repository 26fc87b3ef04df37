import t from 'tap'
import { QuotaWorld, servedOf, type Outcome } from './world.ts'

const statuses = (outcomes: readonly Outcome[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { status, code } of outcomes) counts[code ?? status] = (counts[code ?? status] ?? 0) + 1
  return counts
}

/** A world whose governor knows its window, of which `left` are left, and that turns in `turnsInMs`. */
async function started (options: { left: number, turnsInMs: number, limit?: number, reserve?: number, maxWaitMs?: number, skewMs?: number }): Promise<QuotaWorld> {
  const world = new QuotaWorld({ reserve: options.reserve ?? 0, ...(options.maxWaitMs === undefined ? {} : { maxWaitMs: options.maxWaitMs }) })
  world.limit = options.limit ?? 10
  world.skewMs = options.skewMs ?? 0
  await world.clock.advanceMs(world.msToTurn - options.turnsInMs - 40)
  world.spendElsewhere(world.limit - options.left - 1)
  world.ask('read')
  await world.clock.advanceMs(40)
  world.outcomes.length = 0
  return world
}

t.test('until the first answer of a process four requests are in flight, and what they learn lets the others go', async t => {
  const world = new QuotaWorld()
  world.limit = 1_000
  world.latencyMs = () => 100
  const asked = world.askMany(20, 'read')
  await world.clock.advanceMs(199)
  t.equal(asked.filter(({ sent }) => sent > 0).length, 4)
  await world.clock.advanceMs(1)
  t.equal(asked.filter(({ sent }) => sent > 0).length, 20)
})

t.test('the first answer is waited for for a second at most', async t => {
  const world = new QuotaWorld()
  world.isHanging = true
  const asked = world.askMany(20, 'read')
  await world.clock.advanceMs(999)
  t.equal(asked.filter(({ sent }) => sent > 0).length, 4)
  await world.clock.advanceMs(2)
  t.equal(asked.filter(({ sent }) => sent > 0).length, 20)
})

t.test('with QUOTA_MAX_WAIT_MS=0 a burst at the start is not refused: the quota is not spent', async t => {
  const world = new QuotaWorld({ maxWaitMs: 0 })
  const asked = world.askMany(8, 'read')
  await world.clock.advanceMs(100)
  t.same(statuses(asked), { 200: 8 })
})

t.test('an API that names no limit is never held', async t => {
  const world = new QuotaWorld()
  world.limit = Infinity
  world.headers = ({ Date }) => ({ Date: Date ?? '' })
  world.askMany(5, 'list')
  await world.clock.advanceMs(100)
  const asked = world.askMany(10_000, 'list')
  t.equal(asked.filter(({ sent }) => sent === 1).length, 10_000)
})

t.test('an API that names its limit no more is not held by what it once said', async t => {
  const world = await started({ left: 5, turnsInMs: 1_000 })
  world.limit = 1_000
  world.headers = ({ Date }) => ({ Date: Date ?? '' })
  await world.clock.advanceMs(1_000)
  world.ask('read')
  await world.clock.advanceMs(100)
  const asked = world.askMany(100, 'read')
  await world.clock.advanceMs(100)
  t.same(statuses(asked), { 200: 100 })
})

t.test('what waits when the window turns goes then: writes, then reads, then lists, each in the order in which they came', async t => {
  const world = await started({ left: 0, turnsInMs: 3_000, limit: 6 })
  const lists = world.askMany(2, 'list')
  const reads = world.askMany(2, 'read')
  const writes = world.askMany(2, 'write')
  t.same(world.governor.waiting, { write: 2, read: 2, list: 2 })
  const order: Outcome[] = []
  for (const outcome of world.outcomes) Object.defineProperty(outcome, 'sent', { get: () => 0, set () { order.push(outcome) } })
  await world.clock.advanceMs(3_100)
  // The oldest of each lane first, so that none starves for longer than a window.
  t.same(order.map(outcome => world.outcomes.indexOf(outcome)), [writes[0], reads[0], lists[0], writes[1], reads[1], lists[1]].map(outcome => world.outcomes.indexOf(outcome as Outcome)))
  t.same(statuses(world.outcomes), { 200: 6 })
  t.equal(world.refusals, 0)
})

t.test('a lane starves until the next window at most', async t => {
  const world = await started({ left: 0, turnsInMs: 1_000, limit: 5 })
  const list = world.ask('list')
  world.askMany(5, 'write')
  world.askMany(5, 'read')
  await world.clock.advanceMs(1_100)
  t.equal(list.status, 200)
})

t.test('a wait that cannot succeed is refused at once, with the time of the next window', async t => {
  const world = await started({ left: 0, turnsInMs: 20_000 })
  const [asked] = world.askMany(1, 'write')
  t.match(asked, { status: 429, code: 'RATE-R-001', sent: 0 })
  t.ok((asked?.retryAfterMs ?? 0) > 19_000 && (asked?.retryAfterMs ?? 0) <= 21_000, String(asked?.retryAfterMs))
})

t.test('a request behind more than the next window holds is refused at once', async t => {
  const world = await started({ left: 0, turnsInMs: 2_000 })
  const asked = world.askMany(15, 'read')
  t.equal(asked.filter(({ code }) => code === 'RATE-R-001').length, 5)
  await world.clock.advanceMs(2_100)
  t.same(statuses(asked), { 200: 10, 'RATE-R-001': 5 })
})

t.test('those who wait in hope are told as soon as it is gone', async t => {
  const world = await started({ left: 10, turnsInMs: 8_000, limit: 100, reserve: 0.5 })
  const reads = world.askMany(5, 'read')
  await world.clock.advanceMs(1)
  t.same(world.governor.waiting.read, 2, 'what is kept for writes melts away in time')
  world.askMany(7, 'write')
  await world.clock.advanceMs(40)
  t.same(statuses(reads), { 200: 3, 'RATE-R-001': 2 })
  t.equal(world.refusals, 0)
})

t.test('no request is held for longer than QUOTA_MAX_WAIT_MS', async t => {
  const world = await started({ left: 0, turnsInMs: 3_000, maxWaitMs: 3_000 })
  world.skewMs -= 2_000
  const asked = world.ask('read')
  await world.clock.advanceMs(3_000)
  t.equal(world.governor.waiting.read, 0)
  await world.clock.advanceMs(100)
  t.match(asked, { status: 429 })
})

t.test('the last part of a window is kept for writes, and melts away towards its end', async t => {
  const world = await started({ left: 20, turnsInMs: 30_000, limit: 100, reserve: 0.2, maxWaitMs: 30_000 })
  // Half of the window is left, so that half of the 20 are kept.
  const reads = world.askMany(15, 'read')
  t.equal(reads.filter(({ sent }) => sent === 1).length, 10)
  t.equal(world.ask('write').sent, 1)
  await world.clock.advanceMs(15_010)
  t.equal(reads.filter(({ sent }) => sent === 1).length, 14, 'a quarter is left: 5 are kept, of 9 that were left')
  await world.clock.advanceMs(14_900)
  t.equal(reads.filter(({ sent }) => sent === 1).length, 15)
  t.equal(world.refusals, 0)
})

t.test('a flood of lists never makes a booking wait', async t => {
  const world = await started({ left: 100, turnsInMs: 55_000, limit: 100, reserve: 0.1 })
  world.askMany(2_000, 'list')
  const bookings = world.askMany(9, 'write')
  await world.clock.advanceMs(40)
  t.same(statuses(bookings), { 200: 9 }, 'one of ten has melted in five seconds')
  t.equal(world.refusals, 0)
})

t.test('what another process spends is learnt with the next answer', async t => {
  const world = await started({ left: 8, turnsInMs: 30_000 })
  world.spendElsewhere(6)
  world.ask('read')
  await world.clock.advanceMs(40)
  const asked = world.askMany(5, 'read')
  await world.clock.advanceMs(40)
  t.same(statuses(asked), { 200: 1, 'RATE-R-001': 4 })
  t.equal(world.refusals, 0)
})

t.test('a 429 is waited out if its window ends in time, and the request goes before those who never went', async t => {
  const world = await started({ left: 5, turnsInMs: 2_000 })
  world.spendElsewhere(5)
  const first = world.ask('write')
  await world.clock.advanceMs(40)
  t.match(first, { status: 0, sent: 1 })
  const later = world.askMany(20, 'write')
  await world.clock.advanceMs(2_000)
  t.match(first, { status: 200, sent: 2 })
  t.equal(servedOf(later), 9)
})

t.test('a 429 whose window ends too late is the app\'s, as it came', async t => {
  const world = await started({ left: 5, turnsInMs: 20_000 })
  world.spendElsewhere(5)
  const asked = world.ask('write')
  await world.clock.advanceMs(40)
  t.match(asked, { status: 429, code: undefined, sent: 1 })
})

t.test('after a 429 that is past its own reset one request asks again before the others go', async t => {
  const world = await started({ left: 0, turnsInMs: 1_000, limit: 50 })
  // The API turns its window late.
  world.skewMs -= 700
  const asked = world.askMany(40, 'read')
  await world.clock.advanceMs(1_000)
  world.headers = usual => ({ ...usual, 'X-RateLimit-Reset': String(Number(usual['X-RateLimit-Reset']) - 60) })
  await world.clock.advanceMs(650)
  world.headers = undefined
  const refusedOnce = world.refusals
  await world.clock.advanceMs(2_000)
  t.same(statuses(asked), { 200: 40 })
  t.ok(world.refusals - refusedOnce <= 3 && refusedOnce <= 42, `${refusedOnce}, then ${world.refusals - refusedOnce} refusals`)
})

t.test('an app that hangs up leaves the queue, and its turn goes to another', async t => {
  const world = await started({ left: 0, turnsInMs: 2_000, limit: 2 })
  const [gone, next] = world.askMany(2, 'read')
  gone?.hangUp()
  t.same(world.governor.waiting, { write: 0, read: 1, list: 0 })
  await world.clock.advanceMs(2_100)
  t.match([gone, next], [{ status: 499, sent: 0 }, { status: 200 }])
  t.equal(world.ask('read').sent, 1, 'there is one more')
})

t.test('requests that hang are counted once, as the API does, and hold up nobody', async t => {
  const world = await started({ left: 80, turnsInMs: 50_000, limit: 100 })
  world.isHanging = true
  world.askMany(40, 'read')
  await world.clock.advanceMs(2_000)
  world.isHanging = false
  const bookings = world.askMany(40, 'write')
  await world.clock.advanceMs(40)
  t.same(statuses(bookings), { 200: 40 })
  t.equal(world.refusals, 0)
})

t.test('requests that hang when the window turns take nothing of the next one', async t => {
  const world = await started({ left: 95, turnsInMs: 5_000, limit: 100 })
  world.isHanging = true
  world.askMany(95, 'read')
  await world.clock.advanceMs(5_000)
  world.isHanging = false
  const bookings = world.askMany(60, 'write')
  await world.clock.advanceMs(100)
  t.same(statuses(bookings), { 200: 60 })
})

t.test('bookings pass while the answers to a flood of lists are still to come', async t => {
  const world = await started({ left: 100, turnsInMs: 59_000, limit: 100, reserve: 0.1 })
  let n = 0
  world.latencyMs = () => 50 + (n++ * 97) % 800
  world.askMany(1_000, 'list')
  const bookings: Outcome[] = []
  for (let i = 0; i < 8; i++) {
    await world.clock.advanceMs(100)
    bookings.push(world.ask('write'))
    t.equal(bookings.at(-1)?.sent, 1, `booking ${i + 1} goes at once`)
  }
  await world.clock.advanceMs(3_000)
  t.same(statuses(bookings), { 200: 8 })
  t.equal(world.refusals, 0)
})

t.test('what was never sent gives its place back', async t => {
  const world = await started({ left: 1, turnsInMs: 30_000, limit: 10 })
  world.isUnreachable = true
  t.match(world.ask('read'), { code: 'UPSTR-R-001' })
  world.isUnreachable = false
  t.equal(world.ask('read').sent, 1)
})

t.test('a 429 that tells of no quota is somebody else\'s, and handed on', async t => {
  const world = await started({ left: 5, turnsInMs: 2_000 })
  world.limit = 0
  world.headers = ({ Date }) => ({ Date: Date ?? '', 'Retry-After': '30' })
  const asked = world.ask('write')
  await world.clock.advanceMs(40)
  t.match(asked, { status: 429, code: undefined, sent: 1 })
  t.equal(world.governor.status?.remaining, 4)
})

t.test('an answer without a quota that something before the API gave does not release those who wait', async t => {
  const world = await started({ left: 0, turnsInMs: 1_000, limit: 20 })
  world.askMany(20, 'list')
  await world.clock.advanceMs(990)
  world.status = 502
  world.headers = ({ Date }) => ({ Date: Date ?? '' })
  await world.clock.advanceMs(30)
  world.status = 200
  world.headers = undefined
  await world.clock.advanceMs(40)
  const more = world.askMany(50, 'list')
  await world.clock.advanceMs(100)
  t.equal(servedOf(more), 0)
  t.equal(world.refusals, 0)
})

t.test('a 429 that arrives when the window has turned already goes again at once, and holds nobody up', async t => {
  const world = await started({ left: 5, turnsInMs: 300 })
  world.spendElsewhere(5)
  world.latencyMs = () => 200
  const late = world.ask('write')
  await world.clock.advanceMs(310)
  const next = world.ask('write')
  await world.clock.advanceMs(900)
  t.match([late, next], [{ status: 200 }, { status: 200 }])
  t.ok(late.endedAtMs - late.askedAtMs <= 900, String(late.endedAtMs - late.askedAtMs))
})

t.test('clocks that differ by a little cost one round of refusals, and no more', async t => {
  const world = await started({ left: 0, turnsInMs: 3_000, limit: 50, skewMs: -300 })
  for (let window = 0; window < 5; window++) {
    world.askMany(40, 'read')
    await world.clock.advanceMs(30_000)
    world.askMany(200, 'read')
    await world.clock.advanceMs(world.msToTurn - 3_000)
  }
  t.ok(world.refusals <= 45, `${world.refusals} refusals`)
})

t.test('when the machine slept through the end of a window, one request looks, and the others follow', async t => {
  const world = await started({ left: 0, turnsInMs: 40_000 })
  t.match(world.ask('write'), { code: 'RATE-R-001' })
  world.clock.sleepMs(600_000)
  const asked = world.askMany(5, 'write')
  await world.clock.advanceMs(200)
  t.same(statuses(asked), { 200: 5 })
})

t.test('all that a window holds may be in flight when it turns', async t => {
  const world = await started({ left: 10, turnsInMs: 1_000 })
  world.latencyMs = () => 700
  const before = world.askMany(10, 'read')
  await world.clock.advanceMs(900)
  const after = world.askMany(10, 'write')
  await world.clock.advanceMs(5_000)
  t.same(statuses([...before, ...after]), { 200: 20 })
  t.equal(world.refusals, 0)
})

t.test('answers that come out of order across the edge of a window do not bring the old one back', async t => {
  const world = await started({ left: 5, turnsInMs: 1_000 })
  let latencyMs = 2_000
  world.latencyMs = () => latencyMs
  // Counted just before the turn, told long after it.
  const slow = world.askMany(2, 'read')
  await world.clock.advanceMs(990)
  latencyMs = 5
  world.headers = usual => usual
  await world.clock.advanceMs(100)
  world.ask('read')
  await world.clock.advanceMs(3_000)
  t.equal(slow.every(({ status }) => status === 200), true)
  t.equal(world.governor.status?.remaining, 7)
})

for (const [what, resetOf] of [
  ['in the past', () => '1000000000'], ['hours ahead', (usual: string) => String(Number(usual) + 7_200)], ['garbage', () => 'soon'], ['far beyond any clock', () => '999999999999']
] as const) {
  t.test(`a reset that is ${what} stops nobody for longer than a window`, async t => {
    const world = new QuotaWorld({ maxWaitMs: 60_000, reserve: 0 })
    world.limit = 5
    world.headers = usual => ({ ...usual, 'X-RateLimit-Reset': resetOf(usual['X-RateLimit-Reset'] ?? '') })
    const asked = world.askMany(5, 'read')
    await world.clock.advanceMs(500)
    t.same(statuses(asked), { 200: 5 })
    await world.clock.advanceMs(60_000)
    const next = world.askMany(5, 'read')
    await world.clock.advanceMs(60_100)
    t.same(statuses(next), { 200: 5 })
  })
}

t.test('after a reset that was garbage the proper ones count again', async t => {
  const world = await started({ left: 5, turnsInMs: 40_000 })
  world.headers = usual => ({ ...usual, 'X-RateLimit-Reset': '99999999999', 'X-RateLimit-Remaining': '0' })
  world.ask('read')
  await world.clock.advanceMs(40)
  world.headers = undefined
  await world.clock.advanceMs(61_000)
  world.ask('read')
  await world.clock.advanceMs(40)
  t.equal(world.governor.status?.remaining, 9)
})

for (const skewMs of [-600_000, -90_000, -1_500, -400, 400, 1_500, 90_000, 600_000]) {
  t.test(`clocks that differ by ${skewMs / 1000} s: what waits goes after the turn`, async t => {
    const world = await started({ left: 0, turnsInMs: 3_000, skewMs })
    const asked = world.askMany(10, 'read')
    await world.clock.advanceMs(4_200)
    t.same(statuses(asked), { 200: 10 })
    // What differs by less than a second can't be seen: all may go too early once, and then one that asks again.
    t.ok(world.refusals <= (Math.abs(skewMs) < 1_000 ? 12 : 0), `${world.refusals} refusals`)
  })
}

t.test('a limit that is lowered or raised amid a window counts from the next answer on', async t => {
  const world = await started({ left: 9, turnsInMs: 30_000 })
  world.limit = 5
  world.ask('read')
  await world.clock.advanceMs(40)
  t.match(world.governor.status, { limit: 5, remaining: 3 })
  world.limit = 100
  world.ask('read')
  await world.clock.advanceMs(40)
  t.match(world.governor.status, { limit: 100, remaining: 97 })
})

t.test('ten thousand wait, and leave by going, being refused or hanging up', async t => {
  const world = await started({ left: 0, turnsInMs: 4_000, limit: 6_000, maxWaitMs: 5_000 })
  const asked = world.askMany(10_000, 'list')
  t.equal(asked.filter(({ status }) => status === 0).length, 6_000, 'more than the next window holds would wait in vain')
  for (const outcome of asked.slice(0, 1_000)) outcome.hangUp()
  await world.clock.advanceMs(4_200)
  t.same(statuses(asked), { 499: 1_000, 200: 5_000, 'RATE-R-001': 4_000 })
  t.same(world.governor.waiting, { write: 0, read: 0, list: 0 })
  await world.clock.advanceMs(60_000)
  t.equal(world.clock.pendingTimers, 0)
})

t.test('those who were held are told of, by lane and with the length of the wait', async t => {
  const world = await started({ left: 0, turnsInMs: 3_000 })
  world.ask('write')
  world.ask('list')
  await world.clock.advanceMs(4_000)
  t.same(world.waits.map(({ lane }) => lane), ['write', 'list'])
  t.ok(world.waits.every(({ waitedMs }) => waitedMs >= 3_000 && waitedMs <= 4_000))
})
