import { gzipSync, brotliCompressSync, deflateSync } from 'node:zlib'
import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { recorder, valuesOf } from '../helpers/http.ts'
import { json } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { book, problemOf } from './helper.ts'

const RETRYABLE = JSON.stringify({ title: 'Busy', status: 503, code: 'BOOK-R-001', isRetryable: true })
const PROBLEM = { 'Content-Type': 'application/problem+json; charset=utf-8' }

t.test('the second answer is the first one\'s: status, words, headers and body, marked, under the correlation id of its own request', async t => {
  let bookings = 0
  const { seen, api } = recorder((_req, res) => {
    res.writeHead(201, 'Table given', ['X-Odd', 'a', 'Set-Cookie', 'one', 'x-odd', 'b', 'Set-Cookie', 'two', 'X-Correlation-ID', 'of-the-api', 'Content-Length', '9'])
    res.end(`booking ${++bookings}`)
  })
  const { url, tokenServer, line } = await startTestSidecar(t, { api })
  await line('token refreshed')
  const first = await book(url, { key: 'k', headers: { 'X-Correlation-ID': 'of-the-first-request' } })
  const second = await book(url, { key: 'k', headers: { 'X-Correlation-ID': 'of-the-second-request' } })
  t.same([first.status, first.body.toString()], [201, 'booking 1'])
  t.same([second.status, second.body.toString()], [201, 'booking 1'])
  const own = (raw: readonly string[]) => raw.filter((_, i) => !['Idempotency-Replayed', 'X-Correlation-ID', 'Connection', 'Date'].includes(raw[i - i % 2] ?? ''))
  t.same(own(second.raw), own(first.raw))
  t.same(valuesOf(second.raw, 'date'), valuesOf(first.raw, 'date'), 'also the time that the API told')
  t.same([valuesOf(first.raw, 'idempotency-replayed'), valuesOf(second.raw, 'idempotency-replayed')], [[], ['true']])
  t.same([first, second].map(({ raw }) => valuesOf(raw, 'x-correlation-id')), [['of-the-first-request'], ['of-the-second-request']])
  t.equal(seen.length, 1)
  t.equal(tokenServer.requests, 1)
})

t.test('a repeat needs no token', async t => {
  const { seen, api } = recorder()
  const clock = new FakeClock()
  const { url, tokenServer } = await startTestSidecar(t, { api, clock })
  await book(url, { key: 'k' })
  tokenServer.respond = (_req, res) => json(res, 503, {})
  clock.sleepMs(2 * 3_600_000)
  t.equal((await book(url, { key: 'k' })).body.toString(), 'ok')
  t.equal(seen.length, 1)
})

/** What the API answers, and whether that settles the matter. */
for (const [what, status, headers, body, isKept] of [
  ['201', 201, {}, 'x', true],
  ['204', 204, {}, '', true],
  ['304', 304, {}, '', true],
  ['400', 400, {}, 'x', true],
  ['403', 403, {}, 'x', true],
  ['409 with a problem that no retry helps', 409, PROBLEM, '{"isRetryable":false}', true],
  ['500', 500, {}, 'x', true],
  ['503 with a problem that says nothing of retries', 503, PROBLEM, '{}', true],
  ['503 with a problem whose isRetryable is no boolean', 503, PROBLEM, '{"isRetryable":"true"}', true],
  ['503 with a problem that is no object', 503, PROBLEM, 'null', true],
  ['503 with a problem that is broken', 503, PROBLEM, RETRYABLE.slice(0, -1), true],
  ['503 with what is no problem, though it looks like one', 503, { 'Content-Type': 'application/json' }, RETRYABLE, true],
  ['201 with a problem', 201, PROBLEM, RETRYABLE, true],
  ['401', 401, {}, 'x', false],
  ['429', 429, {}, 'x', false],
  ['503 with a problem that says it may be retried', 503, PROBLEM, RETRYABLE, false],
  ['409 with a problem that says it may be retried', 409, PROBLEM, RETRYABLE, false],
  ['that problem under gzip', 503, { ...PROBLEM, 'Content-Encoding': 'gzip' }, gzipSync(RETRYABLE), false],
  ['that problem under deflate', 503, { ...PROBLEM, 'Content-Encoding': 'deflate' }, deflateSync(RETRYABLE), false],
  ['that problem under br', 503, { ...PROBLEM, 'Content-Encoding': 'br' }, brotliCompressSync(RETRYABLE), false],
  ['that problem under an encoding that nobody knows', 503, { ...PROBLEM, 'Content-Encoding': 'zstd-2' }, gzipSync(RETRYABLE), true]
] as const) {
  t.test(`an answer ${what} is ${isKept ? 'kept' : 'not kept: the key is new again'}`, async t => {
    const { seen, api } = recorder((_req, res) => res.writeHead(status, headers).end(body))
    const { url, line } = await startTestSidecar(t, { api })
    await line('token refreshed')
    const first = await book(url, { key: 'k' })
    const sent = seen.length
    const second = await book(url, { key: 'k' })
    t.equal(first.status, status)
    t.same([second.status, second.body.toString('hex')], [first.status, first.body.toString('hex')])
    t.equal(second.headers['idempotency-replayed'], isKept ? 'true' : undefined)
    t.equal(seen.length > sent, !isKept)
  })
}

t.test('after an answer that is not kept, the one that follows is', async t => {
  const { seen, api } = recorder((_req, res) => {
    if (seen.length === 1) res.writeHead(503, PROBLEM).end(RETRYABLE)
    else res.writeHead(201).end(`booking ${seen.length}`)
  })
  const { url } = await startTestSidecar(t, { api })
  t.equal((await book(url, { key: 'k' })).status, 503)
  t.equal((await book(url, { key: 'k' })).body.toString(), 'booking 2')
  t.equal((await book(url, { key: 'k' })).body.toString(), 'booking 2')
  t.equal(seen.length, 2)
})

const FIRST = { key: 'k', headers: { 'X-Partner-Reference': 'P' } }
for (const [what, second] of [
  ['method', { ...FIRST, method: 'PATCH' }],
  ['path', { ...FIRST, path: '/venues/29|CO|a/booking' }],
  ['query', { ...FIRST, path: '/venues/29%7CCO%7Ca/booking?x' }],
  ['body', { ...FIRST, body: '{"partySize": 2}' }],
  ['partner', { ...FIRST, headers: { 'X-Partner-Reference': 'Q' } }],
  ['partner, where none was sent', { key: 'k' }],
  ['number of partners', { ...FIRST, headers: { 'X-Partner-Reference': ['P', 'P'] } }]
] as const) {
  t.test(`the same key with another ${what} is refused with 422, and the first request stays known`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    await book(url, FIRST)
    t.match(problemOf(await book(url, second)), { status: 422, code: 'IDEMP-N-001', detail: /was not sent/ })
    t.equal((await book(url, FIRST)).headers['idempotency-replayed'], 'true')
    t.equal(seen.length, 1)
  })
}

t.test('what differs in other headers is the same request', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  await book(url, { key: 'k', headers: { 'User-Agent': 'old', 'X-Correlation-ID': 'a-first-correlation-id' } })
  t.equal((await book(url, { key: 'k', headers: { 'User-Agent': 'new' } })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 1)
})

t.test('the partner that the sidecar adds is the same as the one that an app sends', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: { PARTNER_REFERENCE: 'P' } })
  await book(url, { key: 'k' })
  t.equal((await book(url, FIRST)).headers['idempotency-replayed'], 'true')
  t.match(problemOf(await book(url, { key: 'k', headers: { 'X-Partner-Reference': 'Q' } })), { code: 'IDEMP-N-001' })
  t.equal(seen.length, 1)
})

t.test('an outcome is remembered for IDEMPOTENCY_TTL_SECONDS from its end', async t => {
  const { seen, api } = recorder()
  const clock = new FakeClock()
  const { url, line } = await startTestSidecar(t, { api, clock, tokenLifetimeS: 10_000_000, env: { IDEMPOTENCY_TTL_SECONDS: '100' } })
  await line('token refreshed')
  await book(url, { key: 'k' })
  await clock.advanceMs(99_999)
  t.equal((await book(url, { key: 'k' })).headers['idempotency-replayed'], 'true')
  await clock.advanceMs(1)
  t.equal((await book(url, { key: 'k' })).headers['idempotency-replayed'], undefined)
  t.equal(seen.length, 2)
})

t.test('beyond IDEMPOTENCY_MAX_RECORDS the oldest outcome is forgotten', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: { IDEMPOTENCY_MAX_RECORDS: '2' } })
  for (const key of ['a', 'b', 'c', 'b', 'c', 'a']) await book(url, { key })
  t.equal(seen.length, 4)
})

t.test('a restart forgets', async t => {
  const { seen, api } = recorder()
  const { url, apiUrl, drain } = await startTestSidecar(t, { api })
  await book(url, { key: 'k' })
  await drain()
  const next = await startTestSidecar(t, { apiUrl })
  t.equal((await book(next.url, { key: 'k' })).headers['idempotency-replayed'], undefined)
  t.equal(seen.length, 2)
})
