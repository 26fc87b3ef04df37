import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { recorder } from '../helpers/http.ts'
import { json, startRefusing, startServer, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { book, bookAndLeave, BOOKING, heldApi, inFlight, problemOf } from './helper.ts'

t.test('ten repeats that come while the first runs wait for it, and get its answer', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl } = await startTestSidecar(t, { api })
  const first = book(url, { key: 'k' })
  await arrived(1)
  const repeats = Array.from({ length: 10 }, () => book(url, { key: 'k' }))
  await inFlight(adminUrl, 11)
  answer()
  t.equal((await first).headers['idempotency-replayed'], undefined)
  for (const repeat of await Promise.all(repeats)) t.same([repeat.status, repeat.body.toString(), repeat.headers['idempotency-replayed']], [201, 'booking 1', 'true'])
  t.equal(seen.length, 1)
})

t.test('a repeat that hangs up while it waits takes nothing with it', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api })
  const first = book(url, { key: 'k' })
  await arrived(1)
  const repeat = bookAndLeave(t, url, { key: 'k' })
  const other = book(url, { key: 'k' })
  await inFlight(adminUrl, 3)
  repeat.destroy()
  t.match(await requestLine(), { status: 499, repeat: 'waited', attempts: 0 })
  answer()
  t.same([(await first).body.toString(), (await other).body.toString()], ['booking 1', 'booking 1'])
  t.equal(seen.length, 1)
})

t.test('another request with the key of one that runs is refused at once', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url } = await startTestSidecar(t, { api })
  const first = book(url, { key: 'k' })
  await arrived(1)
  t.equal(problemOf(await book(url, { key: 'k', body: 'other' })).code, 'IDEMP-N-001')
  answer()
  t.equal((await first).status, 201)
  t.equal(seen.length, 1)
})

t.test('a repeat that waits for an answer which is not kept gets it all the same', async t => {
  const { seen, api, arrived, answer } = heldApi(429)
  const { url, adminUrl } = await startTestSidecar(t, { api })
  const first = book(url, { key: 'k' })
  await arrived(1)
  const repeat = book(url, { key: 'k' })
  await inFlight(adminUrl, 2)
  answer()
  t.same([(await first).status, (await repeat).status, (await repeat).headers['idempotency-replayed']], [429, 429, 'true'])
  t.equal(seen.length, 1)
})

t.test('a repeat waits for UPSTREAM_TIMEOUT_MS from its own arrival and is then told 409; the next one gets the answer', async t => {
  const clock = new FakeClock()
  // Slow in its body, where each byte starts the time of the first again.
  const { seen, api } = recorder((_req, res) => {
    res.writeHead(201, { 'Content-Length': '3' }).write('d')
    clock.setTimer(() => res.write('o'), 15_000)
    clock.setTimer(() => res.end('g'), 30_000)
  })
  const { url, adminUrl, line, requestLine } = await startTestSidecar(t, { api, clock, env: { UPSTREAM_TIMEOUT_MS: '20000' } })
  await line('token refreshed')
  const first = book(url, { key: 'k' })
  await inFlight(adminUrl, 1)
  await clock.advanceMs(1_000)
  const repeat = book(url, { key: 'k' })
  await inFlight(adminUrl, 2)
  await clock.runUntil(repeat)
  t.match(problemOf(await repeat), { status: 409, code: 'IDEMP-R-001', detail: /20000 ms/ })
  t.equal((await requestLine()).durationMs, 20_000)
  t.equal((await repeat).headers['retry-after'], '1')
  await clock.runUntil(first)
  t.equal((await first).body.toString(), 'dog')
  t.equal((await book(url, { key: 'k' })).body.toString(), 'dog')
  t.equal(seen.length, 1)
})

/** A token endpoint that answers when it is told to. */
async function heldTokens (t: Teardown) {
  const asked: ServerResponse[] = []
  const origin = await startServer(t, (_req, res) => { asked.push(res) })
  return { url: `${origin}/oauth/token`, give: () => json(asked.shift() ?? assertAsked(), 200, { access_token: 'late', token_type: 'Bearer', expires_in: 3600 }) }
}

function assertAsked (): never {
  throw new Error('no token was asked for')
}

t.test('a first that was never sent, for want of a token, is forgotten', async t => {
  const { seen, api, answer, arrived } = heldApi()
  const clock = new FakeClock()
  const tokens = await heldTokens(t)
  const { url, adminUrl } = await startTestSidecar(t, { api, clock, env: { BOOKABLE_TOKEN_URL: tokens.url } })
  const first = book(url, { key: 'k' })
  await inFlight(adminUrl, 1)
  await clock.runUntil(first)
  t.equal(problemOf(await first).code, 'TOKEN-R-001')
  tokens.give()
  const repeat = book(url, { key: 'k' })
  await arrived(1)
  answer()
  t.same([(await repeat).status, (await repeat).headers['idempotency-replayed']], [201, undefined])
  t.equal(seen.length, 1)
})

t.test('a first that could not be connected is forgotten', async t => {
  const { url, requestLine } = await startTestSidecar(t, { apiUrl: await startRefusing(t) })
  for (const n of [1, 2]) {
    const answer = await book(url, { key: 'k' })
    t.match(problemOf(answer), { status: 502, code: 'UPSTR-R-001' })
    t.equal((await requestLine(n)).attempts, 1)
  }
})

t.test('of the repeats that waited for a first that was never sent one goes, and the others wait for it', async t => {
  const { seen, api, answer, arrived } = heldApi()
  const clock = new FakeClock()
  const tokens = await heldTokens(t)
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api, clock, env: { BOOKABLE_TOKEN_URL: tokens.url } })
  const first = book(url, { key: 'k' })
  await inFlight(adminUrl, 1)
  await clock.advanceMs(2_000)
  const repeats = Array.from({ length: 3 }, () => book(url, { key: 'k' }))
  await inFlight(adminUrl, 4)
  await clock.runUntil(first)
  t.equal(problemOf(await first).code, 'TOKEN-R-001')
  tokens.give()
  await arrived(1)
  answer()
  const answers = await Promise.all(repeats)
  t.same(answers.map(({ status, body }) => `${status} ${String(body)}`), Array<string>(3).fill('201 booking 1'))
  t.same(answers.map(({ headers }) => headers['idempotency-replayed']).sort(), ['true', 'true', undefined])
  t.same((await Promise.all([2, 3, 4].map(async n => requestLine(n)))).map(({ repeat, attempts }) => [repeat, attempts]).sort(), [[undefined, 1], ['waited', 0], ['waited', 0]].sort())
  t.equal(seen.length, 1)
})

t.test('as many requests with a key as there is room for may run; one more is refused, and its key stays new', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url } = await startTestSidecar(t, { api, env: { IDEMPOTENCY_MAX_RECORDS: '1' } })
  const first = book(url, { key: 'a' })
  await arrived(1)
  const refused = await book(url, { key: 'b' })
  t.match(problemOf(refused), { status: 503, code: 'LOAD-R-001', detail: /Nothing was sent/ })
  t.ok(refused.headers['retry-after'])
  answer()
  t.equal((await first).status, 201)
  const second = book(url, { key: 'b' })
  await arrived(2)
  answer()
  t.equal((await second).body.toString(), 'booking 2')
  t.equal(seen.length, 2)
})

t.test('the first\'s app cannot take its answer: its repeat has it long before', async t => {
  const body = 'x'.repeat(64 * 1024)
  const { seen, api } = recorder((req, res) => { if (req.method === 'POST') res.writeHead(201).end(body) })
  const { url } = await startTestSidecar(t, { api })
  // Behind a request that is not answered, nothing can be written.
  const app = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => app.destroy())
  app.write(`GET /venues HTTP/1.1\r\nHost: localhost\r\n\r\nPOST ${BOOKING} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}`)
  while (seen.length < 2) await settle()
  const repeat = await book(url, { key: 'k', body: '{}' })
  t.same([repeat.status, repeat.body.length, repeat.headers['idempotency-replayed']], [201, body.length, 'true'])
  t.equal(seen.length, 2)
})

t.test('after a 429 of 70,000 bytes the key is new: the repeat that waited is sent, and later ones get its answer', async t => {
  let n = 0
  const held: ServerResponse[] = []
  const { seen, api } = recorder((_req, res) => {
    if (++n === 1) held.push(res)
    else res.writeHead(201).end(`booking ${n}`)
  })
  const { url, adminUrl } = await startTestSidecar(t, { api })
  const first = book(url, { key: 'k' })
  while (held.length === 0) await settle()
  const repeat = book(url, { key: 'k' })
  await inFlight(adminUrl, 2)
  held[0]?.writeHead(429).end('x'.repeat(70_000))
  const answers = [await first, await repeat, await book(url, { key: 'k' })]
  t.same(answers.map(({ status, headers, body }) => [status, headers['idempotency-replayed'], body.length]), [[429, undefined, 70_000], [201, undefined, 9], [201, 'true', 9]])
  t.equal(seen.length, 2)
})

t.test('a key of the API\'s own makes another request of it', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  await book(url, { key: 'k', headers: { 'X-API-Key': 'a' } })
  t.equal(problemOf(await book(url, { key: 'k', headers: { 'X-API-Key': 'b' } })).code, 'IDEMP-N-001')
  t.equal(seen.length, 1)
})
