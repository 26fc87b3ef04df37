import t from 'tap'
import { Problem, type ProblemCode } from '../../src/problem.ts'
import type { ExchangeRecord } from '../../src/proxy/record.ts'
import { History } from '../../src/telemetry/history.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

function record (change: Partial<ExchangeRecord> & { code?: ProblemCode } = {}): ExchangeRecord {
  const { code, ...fields } = change
  return {
    reqId: '1',
    correlationId: 'c',
    route: '/venues',
    method: 'GET',
    path: '/venues',
    status: 200,
    durationMs: 10,
    upstreamMs: 9,
    quotaWaitMs: undefined,
    quotaLeft: undefined,
    bytes: 1,
    attempts: 1,
    servedBy: 'api',
    repeat: undefined,
    isAborted: false,
    isBroken: false,
    problem: code === undefined ? undefined : new Problem(code, 'x'),
    ...fields
  }
}

t.test('the last fifteen minutes are told, oldest first, those without a request too', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.exchange(record())
  history.exchange(record({ status: 500 }))
  await clock.advanceMs(60_000)
  history.exchange(record({ status: 502, code: 'UPSTR-R-001' }))
  const minutes = history.minutes
  t.equal(minutes.length, 15)
  t.match(minutes.slice(-3), [{ requests: 0, p50Ms: null }, { requests: 2, errors: 1 }, { requests: 1, errors: 1 }])
  t.same(minutes.map(({ startsAt }) => startsAt), minutes.map((_, i) => new Date(Math.floor(clock.nowMs() / 60_000 - 14 + i) * 60_000).toISOString()))
})

t.test('what is older than fifteen minutes is gone', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.exchange(record())
  await clock.advanceMs(15 * 60_000)
  t.ok(history.minutes.every(({ requests }) => requests === 0))
  history.exchange(record())
  t.equal(history.minutes.at(-1)?.requests, 1)
})

for (const durationMs of [0, 0.4, 1, 3, 10, 99, 1_234, 30_000, 10_000_000]) {
  t.test(`a latency of ${durationMs} ms is told within a fifth, between 1 ms and 15 minutes`, async t => {
    const history = new History(new FakeClock())
    history.exchange(record({ durationMs }))
    const { p50Ms, p95Ms } = history.minutes.at(-1) ?? { p50Ms: null, p95Ms: null }
    const near = Math.min(Math.max(durationMs, 1), 15 * 60_000)
    t.equal(p50Ms, p95Ms)
    t.ok(p50Ms !== null && p50Ms >= near * 0.95 && p50Ms <= near * 1.2, `${p50Ms} for ${near}`)
  })
}

t.test('the median and the 95th percentile are those of all requests of the minute', async t => {
  const history = new History(new FakeClock())
  for (let i = 1; i <= 100; i++) history.exchange(record({ durationMs: i <= 94 ? 8 : 512 }))
  t.match(history.minutes.at(-1), { p50Ms: 8, p95Ms: 512 })
})

t.test('own errors are kept, newest first, twenty at most, and answers of the API are not', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.exchange(record({ status: 500 }))
  for (let i = 0; i < 25; i++) history.exchange(record({ status: 404, code: 'PROXY-N-001', correlationId: `c${i}`, route: undefined }))
  t.equal(history.recentErrors.length, 20)
  t.same(history.recentErrors[0], { at: new Date(clock.nowMs()).toISOString(), code: 'PROXY-N-001', status: 404, method: 'GET', route: null, correlationId: 'c24' })
  t.same(history.counts, { requests: 26, ownErrors: 25, upstreamErrors: 1 })
})

t.test('the last answer of the API and the last time that it failed are told', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  t.same(history.upstream, { lastAnswer: null, lastFailure: null })
  history.answered(404)
  history.exchange(record({ status: 502, code: 'UPSTR-N-001', upstreamMs: undefined }))
  history.exchange(record({ status: 405, code: 'PROXY-N-002', upstreamMs: undefined }))
  const at = new Date(clock.nowMs()).toISOString()
  t.same(history.upstream, { lastAnswer: { at, status: 404 }, lastFailure: { at, code: 'UPSTR-N-001' } })
})

t.test('what was answered without a call of its own is counted as saved, until the day ends', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.exchange(record())
  history.exchange(record({ attempts: 0, servedBy: 'flight' }))
  history.exchange(record({ attempts: 0, servedBy: 'cache' }))
  history.exchange(record({ servedBy: 'stale' }))
  history.exchange(record({ attempts: 0, code: 'LOAD-R-001' }))
  t.same(history.today, { date: '2026-06-01', requests: 4, saved: 2 })
  await clock.advanceMs(12 * 3_600_000)
  t.same(history.today, { date: '2026-06-02', requests: 0, saved: 0 })
})

t.test('an app that gave up waiting for the API is a failure of the API, one that gave up while the answer came is not', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.exchange(record({ status: 499, isAborted: true }))
  t.match([history.minutes.at(-1), history.upstream], [{ errors: 0 }, { lastFailure: null }])
  history.exchange(record({ status: 499, isAborted: true, upstreamMs: undefined }))
  t.match([history.minutes.at(-1), history.upstream], [{ errors: 1 }, { lastFailure: { code: null } }])
})

t.test('a repeat is told by how it ended, and its answer is no new failure of the API', async t => {
  const history = new History(new FakeClock())
  history.exchange(record({ status: 500, repeat: 'answered' }))
  history.exchange(record({ status: 502, code: 'UPSTR-N-001', repeat: 'unknown' }))
  history.exchange(record({ repeat: 'waited' }))
  t.same(history.repeats, { answered: 1, waited: 1, refused: 0, unknown: 1 })
  t.match(history.counts, { upstreamErrors: 0, ownErrors: 1 })
  t.equal(history.upstream.lastFailure, null)
})

t.test('what an app did wrong is an own error, and no failure of the service', async t => {
  const history = new History(new FakeClock())
  history.exchange(record({ status: 404, code: 'PROXY-N-001' }))
  history.refused(new Problem('PROXY-N-006', 'x'), 'c')
  t.match(history.minutes.at(-1), { requests: 2, errors: 0 })
  t.match(history.counts, { requests: 2, ownErrors: 2 })
  t.match(history.recentErrors[0], { code: 'PROXY-N-006', method: 'none', route: null })
})

t.test('a request that the parser refused is counted, and its duration, which nobody measured, is not', async t => {
  const history = new History(new FakeClock())
  history.refused(new Problem('PROXY-N-006', 'x'), 'c')
  t.match(history.minutes.at(-1), { requests: 1, p50Ms: null, p95Ms: null })
  history.refused(new Problem('PROXY-N-006', 'x'), 'c')
  history.exchange(record({ durationMs: 1024 }))
  t.match(history.minutes.at(-1), { requests: 3, p50Ms: 1024, p95Ms: 1024 })
})

t.test('an answer that broke off counts as what it came to, not as its head said', async t => {
  const history = new History(new FakeClock())
  history.exchange(record({ isBroken: true, code: 'UPSTR-R-001' }))
  t.match(history.minutes.at(-1), { errors: 1 })
  t.match(history.recentErrors[0], { status: 502 })
})

t.test('a wall clock that jumps, even before 1970, mixes no minutes', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.exchange(record())
  for (const toMs of [-1_000, Date.parse('2026-05-01T12:00:30Z'), Date.parse('2026-06-01T12:00:30Z')]) {
    clock.jumpWallMs(toMs - clock.nowMs())
    await clock.advanceMs(60_000)
    history.exchange(record())
  }
  t.same(history.minutes.slice(-4).map(({ requests }) => requests), [1, 1, 1, 1])
})
