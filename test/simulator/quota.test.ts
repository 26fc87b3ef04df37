import t from 'tap'
import { Quota } from '../../src/simulator/quota.ts'
import { start } from './helper.ts'

const MINUTE_MS = 60_000

t.test('a window is a whole minute, and the next one begins with the full quota', async t => {
  const quota = new Quota(2)
  for (const [nowMs, isAllowed, remaining, resetAtS] of [
    [30_000, true, 1, 60],
    [59_999, true, 0, 60],
    [59_999, false, 0, 60],
    [60_000, true, 1, 120],
    [60_001, true, 0, 120],
    [119_999, false, 0, 120],
    [10 * MINUTE_MS, true, 1, 660],
    [9 * MINUTE_MS, true, 1, 600]
  ] as const) {
    t.strictSame(quota.spend(nowMs), { isAllowed, limit: 2, remaining, resetAtS }, `at ${nowMs} ms`)
  }
})

t.test('another process of the client spends evenly over the window, and what it spent is gone', async t => {
  const quota = new Quota(10)
  for (const [nowMs, isAllowed, remaining] of [
    [0, true, 9],
    [7_499, true, 8],
    [7_500, true, 6],
    [15_000, true, 4],
    [30_000, true, 1],
    [37_499, true, 0],
    [37_500, false, 0],
    [59_999, false, 0],
    [60_000, true, 9]
  ] as const) {
    t.match(quota.spend(nowMs, { sharedPerWindow: 8 }), { isAllowed, limit: 10, remaining }, `at ${nowMs} ms`)
  }
})

t.test('another process that spends more than the quota leaves nothing, long before the window turns', async t => {
  const quota = new Quota(10)
  t.match(quota.spend(0, { sharedPerWindow: 20 }), { isAllowed: true, remaining: 9 })
  t.match(quota.spend(24_000, { sharedPerWindow: 20 }), { isAllowed: true, remaining: 0 })
  t.match(quota.spend(27_000, { sharedPerWindow: 20 }), { isAllowed: false, remaining: 0 })
  t.match(quota.spend(60_000, { sharedPerWindow: Number.MAX_SAFE_INTEGER }), { isAllowed: true, remaining: 9 })
  t.match(quota.spend(60_001, { sharedPerWindow: Number.MAX_SAFE_INTEGER }), { isAllowed: false, remaining: 0 })
})

t.test('a limit that is lowered or raised amid a window holds at once, and what was spent stays spent', async t => {
  const quota = new Quota(5)
  for (const [limit, isAllowed, remaining] of [
    [undefined, true, 4], [3, true, 1], [3, true, 0], [3, false, 0], [0, false, 0], [8, true, 2], [undefined, false, 0]
  ] as const) {
    const { resetAtS, ...reading } = quota.spend(30_000, { limit })
    t.strictSame(reading, { isAllowed, limit: limit ?? 5, remaining }, `limit ${limit}`)
    t.equal(resetAtS, 60)
  }
})

t.test('api-quota and api-shared: an answer tells a smaller quota, and that others spend of it', async t => {
  const { clock, simulator, call } = await start(t)
  simulator.setFaults({ 'api-quota': 20, 'api-shared': 60 })
  const remaining = async (): Promise<unknown[]> => {
    const { status, headers } = await call('GET', '/venues')
    return [status, ...['limit', 'remaining'].map(name => Number(headers.get(`x-ratelimit-${name}`)))]
  }
  t.strictSame(await remaining(), [200, 20, 19])
  clock.jumpWallMs(10_000)
  t.strictSame(await remaining(), [200, 20, 8])
  clock.jumpWallMs(7_000)
  t.strictSame(await remaining(), [200, 20, 0])
  t.strictSame(await remaining(), [429, 20, 0])
  t.match(simulator.counts, { apiRequests: 4, overQuota: 1 })
  clock.jumpWallMs(43_000)
  t.strictSame(await remaining(), [200, 20, 19])
  simulator.setFaults({ 'api-quota': 0 })
  t.strictSame(await remaining(), [429, 0, 0])
  simulator.setFaults({})
  t.strictSame(await remaining(), [200, 200, 197], 'what was spent of the window stays spent')
})

t.test('Date is of the same clock as the reset, in an answer and in a refusal', async t => {
  const { clock, call } = await start(t, { quotaLimit: 1 })
  clock.jumpWallMs(7 * MINUTE_MS + 1_999)
  for (const status of [200, 429]) {
    const answer = await call('GET', '/venues')
    t.equal(answer.status, status)
    t.equal(answer.headers.get('date'), 'Mon, 01 Jun 2026 12:07:01 GMT')
    t.equal(answer.headers.get('x-ratelimit-reset'), String(Date.parse('2026-06-01T12:08:00Z') / 1000))
  }
})

t.test('every answer of the API tells the quota, problems too', async t => {
  const { clock, call } = await start(t, { quotaLimit: 3 })
  clock.jumpWallMs(1_500)
  const answers = [await call('GET', '/venues'), await call('GET', '/nothing'), await call('DELETE', '/venues/bookings/none'), await call('GET', '/venues')]
  t.strictSame(answers.map(({ status }) => status), [200, 404, 404, 429])
  t.strictSame(answers.map(({ headers }) => headers.get('x-ratelimit-remaining')), ['2', '1', '0', '0'])
  for (const { headers } of answers) {
    t.equal(headers.get('x-ratelimit-limit'), '3')
    t.equal(headers.get('x-ratelimit-reset'), String(Date.parse('2026-06-01T12:01:00Z') / 1000))
  }
})

t.test('beyond the quota the answer is RATE-R-001 without Retry-After, until the window turns', async t => {
  const { clock, call } = await start(t, { quotaLimit: 1 })
  await call('GET', '/venues')
  const answer = await call('GET', '/venues')
  t.equal(answer.status, 429)
  t.match(answer.body, { code: 'RATE-R-001', isRetryable: true })
  t.equal(answer.headers.get('retry-after'), null)
  clock.jumpWallMs(MINUTE_MS - 1)
  t.equal((await call('GET', '/venues')).status, 429)
  clock.jumpWallMs(1)
  t.equal((await call('GET', '/venues')).status, 200)
})

t.test('a request beyond the quota changes nothing', async t => {
  const { simulator, call } = await start(t, { quotaLimit: 0 })
  t.equal((await call('POST', '/venues/any/booking', {})).status, 429)
  t.equal(simulator.counts.bookings, 0)
})

t.test('the quota is 200 unless set otherwise, and the token endpoint has none', async t => {
  const { simulator, call } = await start(t)
  t.equal((await call('GET', '/venues')).headers.get('x-ratelimit-limit'), '200')
  t.equal((await fetch(simulator.tokenUrl, { method: 'POST' })).headers.get('x-ratelimit-limit'), null)
})
