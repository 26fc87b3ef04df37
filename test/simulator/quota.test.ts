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
