import t from 'tap'
import { call, recorder } from '../helpers/http.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { book, bookAndLeave, heldApi, inFlight, statusOf } from './helper.ts'

t.test('how repeats ended is told by the log, the metrics, /status and the page', async t => {
  const { api, arrived, answer, due } = heldApi()
  const { url, adminUrl, log, requestLine } = await startTestSidecar(t, { api })
  const first = book(url, { key: 'a' })
  await arrived(1)
  const waiting = book(url, { key: 'a' })
  await inFlight(adminUrl, 2)
  answer()
  await Promise.all([first, waiting])
  await book(url, { key: 'a' })
  await book(url, { key: 'a' })
  await book(url, { key: 'a', body: 'other' })
  const lost = book(url, { key: 'b' })
  await arrived(2)
  due()?.destroy()
  await lost
  await book(url, { key: 'b' })
  await requestLine(7)
  const repeats = log.filter(({ msg }) => msg === 'request').map(({ repeat }) => repeat)
  t.same(repeats.toSorted(), ['answered', 'answered', 'refused', 'unknown', 'waited', undefined, undefined])
  t.same((await statusOf(adminUrl)).repeats, { answered: 2, waited: 1, refused: 1, unknown: 1, remembered: 2, running: 0 })
  const metrics = (await call(adminUrl, '/metrics')).body.toString()
  for (const [outcome, n] of Object.entries({ answered: 2, waited: 1, refused: 1, unknown: 1 })) t.match(metrics, `bookable_sidecar_repeats_total{outcome="${outcome}"} ${n}`)
  t.match((await call(adminUrl, '/')).body.toString(), /Asked for twice[^]*2 outcomes remembered[^]*Answered again<\/dt><dd>2</)
})

t.test('a sidecar that nobody sends keys shows nothing of repeats on its page', async t => {
  const { url, adminUrl, requestLine } = await startTestSidecar(t)
  await book(url)
  await requestLine()
  t.notMatch((await call(adminUrl, '/')).body.toString(), 'Asked for twice')
})

t.test('no key and no fingerprint is logged', async t => {
  const { api } = recorder((_req, res) => res.destroy())
  const { url, log, requestLine } = await startTestSidecar(t, { api })
  for (const booked of [{}, {}, { body: 'other' }]) await book(url, { key: 'obviously-a-key', ...booked })
  bookAndLeave(t, url, { key: 'obviously-a-key' }).destroy()
  await requestLine(3)
  t.notMatch(JSON.stringify(log), 'obviously-a-key')
})
