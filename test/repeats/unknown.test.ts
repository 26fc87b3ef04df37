import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { recorder, type Answer } from '../helpers/http.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { book, BOOKING, bookAndLeave, heldApi, inFlight, problemOf, statusOf } from './helper.ts'

const KEPT = 64 * 1024

/** What is to be freed at once is not freed by a time limit. */
const PATIENT = { UPSTREAM_TIMEOUT_MS: '600000' }

/** What an app gets, or that its answer broke. */
async function outcome (answer: Promise<Answer>): Promise<string> {
  return answer.then(answer => answer.status < 400 ? `${answer.status} ${answer.body.length}` : problemOf(answer).code, () => 'broken')
}

/** How the first ends, what its app gets, and what the detail says to the repeat. */
for (const [what, first, act, detail] of [
  ['breaks before the head', 'UPSTR-N-001', res => res.destroy(), /was sent to Bookable, and no answer came/],
  ['breaks amid the body', 'broken', res => {
    res.writeHead(201, { 'Content-Length': '10' })
    res.write('half', () => setImmediate(() => res.socket?.resetAndDestroy()))
  }, /and its answer broke off/],
  ['has a byte more than is kept', `201 ${KEPT + 1}`, res => res.writeHead(201).end('x'.repeat(KEPT + 1)), /above 64 KiB/],
  ['has many bytes more', `201 ${20 * KEPT}`, res => res.writeHead(201).end('x'.repeat(20 * KEPT)), /above 64 KiB/]
] as const satisfies ReadonlyArray<readonly [string, string, (res: ServerResponse) => unknown, RegExp]>) {
  t.test(`the answer to the first ${what}: its repeat is told so and how to go on, and is not sent`, async t => {
    const { seen, api } = recorder((_req, res) => act(res))
    const { url, requestLine } = await startTestSidecar(t, { api })
    t.equal(await outcome(book(url, { key: 'k' })), first)
    for (let i = 0; i < 2; i++) {
      const { status, code, detail: told } = problemOf(await book(url, { key: 'k' }))
      t.same([status, code], [502, 'UPSTR-N-001'])
      t.match(told, detail)
      t.match(told, /This one was not sent.*a new key.*Look the booking up/)
    }
    t.match(await requestLine(2), { repeat: 'unknown', code: 'UPSTR-N-001', attempts: 0 })
    t.equal(seen.length, 1)
    await outcome(book(url, { key: 'a-new-one' }))
    t.equal(seen.length, 2, 'with a new key it is sent')
  })

  t.test(`the answer to the first ${what}: those that wait learn it at once`, async t => {
    const { seen, api, arrived, due } = heldApi()
    const { url, adminUrl } = await startTestSidecar(t, { api })
    const answer = outcome(book(url, { key: 'k' }))
    await arrived(1)
    const repeats = [book(url, { key: 'k' }), book(url, { key: 'k' })]
    await inFlight(adminUrl, 3)
    const res = due()
    if (res !== undefined) act(res)
    t.equal(await answer, first)
    for (const repeat of repeats) t.match(problemOf(await repeat), { code: 'UPSTR-N-001', detail })
    t.equal(seen.length, 1)
  })
}

t.test('an answer of exactly 64 KiB is kept', async t => {
  const { seen, api } = recorder((_req, res) => res.writeHead(201).end('x'.repeat(KEPT)))
  const { url } = await startTestSidecar(t, { api })
  for (let i = 0; i < 2; i++) t.equal(await outcome(book(url, { key: 'k' })), `201 ${KEPT}`)
  t.equal(seen.length, 1)
})

t.test('an answer that never comes is unknown from the first\'s time limit on', async t => {
  const clock = new FakeClock()
  const { seen, api } = recorder(() => {})
  const { url, adminUrl, line } = await startTestSidecar(t, { api, clock })
  await line('token refreshed')
  const first = book(url, { key: 'k' })
  await inFlight(adminUrl, 1)
  await clock.runUntil(first)
  t.match(problemOf(await first), { status: 504, code: 'UPSTR-N-001' })
  t.match(problemOf(await book(url, { key: 'k' })), { code: 'UPSTR-N-001', detail: /no answer came/ })
  t.equal(seen.length, 1)
})

t.test('the first\'s app hangs up: its booking is carried to its end, and the repeat finds the answer', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  app.destroy()
  t.match(await requestLine(), { status: 499, aborted: true, attempts: 1 })
  t.match(await statusOf(adminUrl), { counts: { inFlight: 1 }, repeats: { running: 1, remembered: 0 } }, 'it still counts as in flight')
  answer()
  await inFlight(adminUrl, 0)
  t.match((await statusOf(adminUrl)).repeats, { running: 0, remembered: 1 })
  const repeat = await book(url, { key: 'k' })
  t.same([repeat.status, repeat.body.toString(), repeat.headers['idempotency-replayed']], [201, 'booking 1', 'true'])
  t.equal(seen.length, 1)
})

t.test('the first\'s app hangs up, and a repeat that comes while it is carried on waits for it', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  app.destroy()
  await requestLine()
  const repeat = book(url, { key: 'k' })
  while ((await statusOf(adminUrl)).counts.requests !== 1) await settle()
  await inFlight(adminUrl, 1)
  answer()
  t.equal((await repeat).body.toString(), 'booking 1')
  await inFlight(adminUrl, 0)
  t.equal(seen.length, 1)
})

t.test('the first\'s app hangs up amid an answer that is longer than it waits for: the rest is read', async t => {
  const { seen, api, arrived, due } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  due()?.writeHead(201).write('x'.repeat(30_000))
  await new Promise(resolve => app.once('data', resolve))
  app.destroy()
  await requestLine()
  due()?.end('y'.repeat(30_000))
  await inFlight(adminUrl, 0)
  t.equal(await outcome(book(url, { key: 'k' })), '201 60000')
  t.equal(seen.length, 1)
})

t.test('the first\'s app has hung up, and the answer is above 64 KiB: the API\'s connection is freed, and the outcome unknown', async t => {
  const { seen, api, arrived, due } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api, env: PATIENT })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  app.destroy()
  await requestLine()
  const isFreed = new Promise(resolve => due()?.on('close', resolve))
  due()?.writeHead(201).write('x'.repeat(20 * KEPT))
  await isFreed
  await inFlight(adminUrl, 0)
  t.match(problemOf(await book(url, { key: 'k' })), { code: 'UPSTR-N-001', detail: /above 64 KiB/ })
  t.equal(seen.length, 1)
})

t.test('the first\'s app hangs up amid an answer above 64 KiB, of which nothing is kept: the API\'s connection is freed', async t => {
  const { api, arrived, due } = heldApi()
  const { url, adminUrl } = await startTestSidecar(t, { api, env: PATIENT })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  const isFreed = new Promise(resolve => due()?.on('close', resolve))
  due()?.writeHead(201).write('x'.repeat(2 * KEPT))
  let received = 0
  await new Promise<void>(resolve => app.on('data', chunk => { if ((received += chunk.length) > 2 * KEPT) resolve() }))
  t.match((await statusOf(adminUrl)).repeats, { running: 0, remembered: 1 })
  app.destroy()
  await isFreed
  await inFlight(adminUrl, 0)
})

t.test('the first\'s app hangs up, and no answer comes: the outcome is unknown at the time limit, and the place is given back', async t => {
  const clock = new FakeClock()
  const { seen, api } = recorder(() => {})
  const { url, adminUrl, line, requestLine } = await startTestSidecar(t, { api, clock })
  await line('token refreshed')
  const app = bookAndLeave(t, url, { key: 'k' })
  while (seen.length < 1) await settle()
  app.destroy()
  await requestLine()
  await clock.advanceMs(30_001)
  await inFlight(adminUrl, 0)
  t.match(problemOf(await book(url, { key: 'k' })), { code: 'UPSTR-N-001', detail: /no answer came/ })
  t.equal(seen.length, 1)
})

for (const repeats of [0, 1]) {
  t.test(`the first's app hangs up before anything was sent: ${repeats === 0 ? 'it leaves' : 'it goes on for the repeat that waits'}`, async t => {
    const { seen, api, arrived, answer } = heldApi()
    const { url, adminUrl, requestLine } = await startTestSidecar(t, { api, env: { UPSTREAM_CONNECTIONS: '1' } })
    const other = book(url, { body: 'other' })
    await arrived(1)
    const app = bookAndLeave(t, url, { key: 'k' })
    await inFlight(adminUrl, 2)
    const waiting = Array.from({ length: repeats }, () => book(url, { key: 'k' }))
    await inFlight(adminUrl, 2 + repeats)
    app.destroy()
    t.match(await requestLine(), { status: 499 })
    t.equal((await statusOf(adminUrl)).repeats.running, repeats)
    answer()
    await other
    if (repeats === 0) {
      const next = book(url, { body: 'next' })
      await arrived(2)
      answer()
      t.equal((await next).body.toString(), 'booking 2')
      t.same(seen.map(({ body }) => body.toString()), ['other', 'next'])
    } else {
      await arrived(2)
      answer()
      t.same((await Promise.all(waiting)).map(({ body }) => body.toString()), ['booking 2'])
      t.equal(seen.length, 2)
    }
  })
}

t.test('before anything was sent the first and all its repeats hang up: nothing is sent', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api, env: { UPSTREAM_CONNECTIONS: '1' } })
  const other = book(url, { body: 'other' })
  await arrived(1)
  const apps = [bookAndLeave(t, url, { key: 'k' }), bookAndLeave(t, url, { key: 'k' })]
  await inFlight(adminUrl, 3)
  for (const app of apps) app.destroy()
  await requestLine(2)
  answer()
  await other
  await inFlight(adminUrl, 0)
  t.equal(seen.length, 1)
})

t.test('without a key an app that hangs up frees the API\'s connection at once', async t => {
  const { seen, api, arrived, due } = heldApi()
  const { url, adminUrl } = await startTestSidecar(t, { api, env: PATIENT })
  const app = bookAndLeave(t, url)
  await arrived(1)
  const isFreed = new Promise(resolve => due()?.on('close', resolve))
  app.destroy()
  await isFreed
  await inFlight(adminUrl, 0)
  t.equal(seen.length, 1)
})

t.test('requests that are carried on count for MAX_IN_FLIGHT', async t => {
  const { api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api, env: { MAX_IN_FLIGHT: '1' } })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  app.destroy()
  await requestLine()
  t.equal(problemOf(await book(url, { key: 'other' })).code, 'LOAD-R-001')
  answer()
  await inFlight(adminUrl, 0)
  t.equal((await book(url, { key: 'k' })).status, 201)
})

t.test('a drain waits for a booking whose app has hung up', async t => {
  const { api, arrived, answer } = heldApi()
  const { url, requestLine, line, drain } = await startTestSidecar(t, { api, env: { SHUTDOWN_TIMEOUT_MS: '20000' } })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  app.destroy()
  await requestLine()
  const drained = drain()
  t.equal((await line('drain started')).inFlight, 1)
  let isDrained = false
  void drained.then(() => { isDrained = true })
  for (let i = 0; i < 50; i++) await settle()
  t.notOk(isDrained)
  answer()
  t.ok(await drained, 'clean')
})

t.test('at the drain\'s limit the first and those that wait are told that the outcome is unknown, and what was not sent that it was not', async t => {
  const { seen, api, arrived } = heldApi()
  const { url, adminUrl, drain } = await startTestSidecar(t, { api, env: { SHUTDOWN_TIMEOUT_MS: '50', UPSTREAM_CONNECTIONS: '1' } })
  const sent = [book(url, { key: 'a' })]
  await arrived(1)
  sent.push(book(url, { key: 'a' }))
  const unsent = [book(url, { key: 'b' }), book(url, { key: 'b' })]
  await inFlight(adminUrl, 4)
  t.notOk(await drain())
  for (const answer of sent) t.equal(await outcome(answer), 'UPSTR-N-001')
  for (const answer of unsent) t.equal(await outcome(answer), 'DRAIN-R-001')
  t.equal(seen.length, 1)
})

t.test('at the drain\'s limit a booking whose app has hung up is cut', async t => {
  const { api, arrived, due } = heldApi()
  const { url, requestLine, drain } = await startTestSidecar(t, { api, env: { ...PATIENT, SHUTDOWN_TIMEOUT_MS: '50' } })
  const app = bookAndLeave(t, url, { key: 'k' })
  await arrived(1)
  app.destroy()
  await requestLine()
  const isFreed = new Promise(resolve => due()?.on('close', resolve))
  t.notOk(await drain())
  await isFreed
  t.pass('and the API\'s connection is free')
})

t.test('a pipelined first whose answer cannot be written yet leaves with its connection, and is carried on', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api })
  const app = connect(Number(new URL(url).port), '127.0.0.1')
  app.write(`GET /venues HTTP/1.1\r\nHost: localhost\r\n\r\nPOST ${BOOKING} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}`)
  await arrived(2)
  app.destroy()
  await requestLine(2)
  answer()
  answer()
  await inFlight(adminUrl, 0)
  t.equal((await book(url, { key: 'k', body: '{}' })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 2)
})
