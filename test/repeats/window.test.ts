import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { recorder } from '../helpers/http.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { book, bookAndLeave, BOOKING, heldApi, inFlight, problemOf } from './helper.ts'

const WINDOW = { BOOKING_REPEAT_WINDOW_SECONDS: '60' }

t.test('without the window equal bookings are two', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  for (let i = 0; i < 2; i++) t.notOk('idempotency-replayed' in (await book(url)).headers)
  t.equal(seen.length, 2)
})

t.test('within the window equal bookings are one, and after it two', async t => {
  const { seen, api } = recorder((_req, res) => res.writeHead(201).end(`booking ${seen.length}`))
  const clock = new FakeClock()
  const { url, line, requestLine } = await startTestSidecar(t, { api, clock, env: WINDOW })
  await line('token refreshed')
  await book(url)
  await clock.advanceMs(59_999)
  const second = await book(url)
  t.same([second.status, second.body.toString(), second.headers['idempotency-replayed']], [201, 'booking 1', 'true'])
  t.equal((await requestLine(2)).repeat, 'answered')
  await clock.advanceMs(1)
  t.equal((await book(url)).body.toString(), 'booking 2')
  t.equal(seen.length, 2)
})

t.test('the window counts from the end of the first', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const clock = new FakeClock()
  const { url, line } = await startTestSidecar(t, { api, clock, env: { ...WINDOW, BOOKING_REPEAT_WINDOW_SECONDS: '5' } })
  await line('token refreshed')
  const first = book(url)
  await arrived(1)
  await clock.advanceMs(20_000)
  answer()
  await first
  await clock.advanceMs(4_999)
  t.equal((await book(url)).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 1)
})

for (const [what, first, second] of [
  ['body', {}, { body: '{"partySize":3}' }],
  ['spelling of the venue', {}, { path: '/venues/29|CO|a/booking' }],
  ['query', {}, { path: `${BOOKING}?a` }],
  ['partner', {}, { headers: { 'X-Partner-Reference': 'P' } }],
  ['method', { method: 'PATCH' }, { method: 'PATCH' }],
  ['path that makes no booking', { path: '/venues/1/bookings' }, { path: '/venues/1/bookings' }],
  ['path below another route', { path: '/bookings/1' }, { path: '/bookings/1' }]
] as const) {
  t.test(`another ${what} is another request`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api, env: WINDOW })
    await book(url, first)
    t.notOk('idempotency-replayed' in (await book(url, second)).headers)
    t.equal(seen.length, 2)
  })
}

t.test('a key takes precedence: equal bookings under two keys are two, and one without a key is a third', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: WINDOW })
  for (const booked of [{ key: 'a' }, { key: 'b' }, {}, { key: 'a' }, { key: 'b' }, {}]) await book(url, booked)
  t.equal(seen.length, 3)
})

t.test('behind a path of BOOKABLE_API_URL a booking is one all the same', async t => {
  const { seen, api } = recorder()
  const { apiUrl } = await startTestSidecar(t, { api })
  const { url } = await startTestSidecar(t, { apiUrl: `${apiUrl}/v1`, env: WINDOW })
  await book(url)
  t.equal((await book(url)).headers['idempotency-replayed'], 'true')
  t.same(seen.map(({ url }) => url), [`/v1${BOOKING}`])
})

t.test('a booking without a body has equals too', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: WINDOW })
  await book(url, { body: '' })
  t.equal((await book(url, { body: '' })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 1)
})

t.test('a double click: both get the one answer', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl } = await startTestSidecar(t, { api, env: WINDOW })
  const clicks = [book(url), book(url)]
  await arrived(1)
  await inFlight(adminUrl, 2)
  answer()
  t.same((await Promise.all(clicks)).map(({ body }) => body.toString()), ['booking 1', 'booking 1'])
  t.equal(seen.length, 1)
})

t.test('an app that gives up and asks again finds the booking that it made', async t => {
  const { seen, api, arrived, answer } = heldApi()
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api, env: WINDOW })
  const app = bookAndLeave(t, url)
  await arrived(1)
  app.destroy()
  await requestLine()
  answer()
  await inFlight(adminUrl, 0)
  t.equal((await book(url)).body.toString(), 'booking 1')
  t.equal(seen.length, 1)
})

t.test('where nobody knows what became of the first, an equal booking is told so and how to go on', async t => {
  const { seen, api } = recorder((_req, res) => res.destroy())
  const { url } = await startTestSidecar(t, { api, env: WINDOW })
  t.equal(problemOf(await book(url)).code, 'UPSTR-N-001')
  const { code, detail } = problemOf(await book(url))
  t.equal(code, 'UPSTR-N-001')
  t.match(detail, /equal booking was sent to Bookable, and no answer came.*Idempotency-Key of its own.*BOOKING_REPEAT_WINDOW_SECONDS.*Look the booking up/)
  t.equal(seen.length, 1)
})
