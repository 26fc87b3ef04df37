import t from 'tap'
import { slotsOf } from '../../src/simulator/availability.ts'
import type { Seating } from '../../src/simulator/availability.ts'
import { createVenues } from '../../src/simulator/venue-data.ts'
import type { Offer } from '../../src/simulator/venues.ts'
import { productOf, start, TODAY, TOMORROW } from './helper.ts'

const NOON_MS = Date.parse(`${TODAY}T12:00:00Z`)
const [venue] = createVenues()
const product = venue?.products[0]
if (venue === undefined || product === undefined) throw new Error('the first venue has a product')
const hours = venue.openingHours.map(({ day }) => ({ day, open: '12:00', close: '15:00' }))
/** Open 12:00 to 15:00, an hour and a half a table, ten seats, parties of up to six, of more than four on request. */
const OFFER: Offer = { venue: { ...venue, openingHours: hours }, product: { ...product, covers: 10, maxPartySize: 6, instantUpTo: 4 } }
const query = (partySize: number, date = TOMORROW) => ({ date, partySize })
const timesOf = (partySize: number, taken: readonly Seating[] = []): string[] => slotsOf(OFFER, query(partySize), taken, NOON_MS).map(({ time }) => time)

t.test('slots come every half hour from opening to the last that ends by closing', async t => {
  t.strictSame(timesOf(2), ['12:00', '12:30', '13:00', '13:30'])
})

t.test('slots keep to what lies within both the opening hours and the hours of the product', async t => {
  const narrow: Offer = { ...OFFER, product: { ...OFFER.product, servedFrom: '12:30', servedUntil: '14:30' } }
  t.strictSame(slotsOf(narrow, query(2), [], NOON_MS).map(({ time }) => time), ['12:30', '13:00'])
  const never: Offer = { ...OFFER, product: { ...OFFER.product, servedFrom: '18:00' } }
  t.strictSame(slotsOf(never, query(2), [], NOON_MS), [])
})

for (const [partySize, type] of [[1, 'book'], [4, 'book'], [5, 'request'], [6, 'request']] as const) {
  t.test(`a party of ${partySize} is offered '${type}' where up to 4 are confirmed at once`, async t => {
    t.ok(slotsOf(OFFER, query(partySize), [], NOON_MS).every(slot => slot.type === type))
  })
}

const seating = (startMin: number, partySize: number): Seating => ({ startMin, endMin: startMin + 90, partySize })
for (const [name, taken, partySize, times] of [
  ['the last seats of a time can be had', [seating(720, 6)], 4, ['12:00', '12:30', '13:00', '13:30']],
  ['a time with one seat too few is gone, and so are those that overlap it', [seating(720, 7)], 4, ['13:30']],
  ['a table is free at the minute the party before leaves', [seating(720, 10)], 1, ['13:30']],
  ['two parties one after the other take the same seats', [seating(660, 6), seating(750, 6)], 4, ['12:00', '12:30', '13:00', '13:30']],
  ['two parties at once take seats twice', [seating(720, 3), seating(780, 6)], 2, ['13:30']]
] as const) {
  t.test(name, async t => t.strictSame(timesOf(partySize, taken), times))
}

for (const [now, first] of [['11:59', '12:00'], ['12:00', '12:30'], ['12:29', '12:30'], ['13:29', '13:30'], ['13:30', undefined]] as const) {
  t.test(`today at ${now} the first slot is ${first ?? 'none'}`, async t => {
    const nowMs = Date.parse(`${TODAY}T${now}:00Z`)
    t.equal(slotsOf(OFFER, query(2, TODAY), [], nowMs)[0]?.time, first)
  })
}

t.test('availability answers with the conditions and the times', async t => {
  const started = await start(t)
  const id = await productOf(started, 'Dishoom Covent', 'Private Dining Room')
  const { status, body } = await started.call('GET', `/venues/${id}/availability?date=${TOMORROW}&partySize=4`)
  t.equal(status, 200)
  t.match(body, { name: 'Private Dining Room', deposit: 100, policy: /./, cancellationPolicy: /./ })
  t.strictSame(body.times[0], { time: '17:00', duration: 180, type: 'request', productId: decodeURIComponent(id) })
})

t.test('a composite id may come with raw pipes', async t => {
  const started = await start(t)
  const id = decodeURIComponent(await productOf(started, 'Dishoom Covent', 'Dining'))
  t.match(id, /\|.*\|.*\|/)
  t.equal((await started.call('GET', `/venues/${id}/availability?date=${TOMORROW}&partySize=2`)).status, 200)
})

t.test('the first listed product can be had at 19:00 tomorrow, whatever day it is', async t => {
  const { clock, call } = await start(t, { tokenLifetimeS: 30 * 86_400 })
  const first = (await call('GET', '/venues')).body.data[0]?.products[0]
  for (let day = 0; day < 7; day++) {
    clock.jumpWallMs(86_400_000)
    const tomorrow = new Date(clock.nowMs() + 86_400_000).toISOString().slice(0, 10)
    const { body } = await call('GET', `/venues/${first?.compositeId}/availability?date=${tomorrow}&partySize=2`)
    t.match(body.times.find(({ time }) => time === '19:00'), { type: 'book' }, tomorrow)
  }
})

// One for the whole table: asking changes nothing in it.
const asked = await start(t)

for (const [query, status, code] of [
  ['', 400, 'AVAIL-N-101'],
  [`date=${TOMORROW}`, 400, 'AVAIL-N-101'],
  ['partySize=2', 400, 'AVAIL-N-101'],
  ['date=02/06/2026&partySize=2', 400, 'AVAIL-N-101'],
  ['date=2026-6-2&partySize=2', 400, 'AVAIL-N-101'],
  ['date=2027-02-29&partySize=2', 400, 'AVAIL-N-101'],
  ['date=2028-02-29&partySize=2', 200, undefined],
  [`date=${TOMORROW}&partySize=0`, 400, 'AVAIL-N-101'],
  [`date=${TOMORROW}&partySize=two`, 400, 'AVAIL-N-101'],
  [`date=${TOMORROW}&partySize=101`, 400, 'AVAIL-N-101'],
  [`date=${TOMORROW}&partySize=12`, 200, undefined],
  [`date=${TOMORROW}&partySize=13`, 422, 'AVAIL-N-103'],
  ['date=2026-05-31&partySize=2', 422, 'AVAIL-N-102'],
  [`date=${TODAY}&partySize=2`, 200, undefined]
] as const) {
  t.test(`availability for '${query}' gets ${status} ${code ?? ''}`, async t => {
    const id = await productOf(asked, 'Dishoom Covent', 'Dining')
    const answer = await asked.call('GET', `/venues/${id}/availability?${query}`)
    t.equal(answer.status, status)
    t.equal(answer.body.code, code)
  })
}

t.test('a day off is 422 AVAIL-N-004', async t => {
  const started = await start(t)
  const id = await productOf(started, 'Copper Lantern', 'Dinner')
  const { status, body } = await started.call('GET', `/venues/${id}/availability?date=2026-06-08&partySize=2`)
  t.equal(status, 422)
  t.match(body, { code: 'AVAIL-N-004', detail: /closed on 2026-06-08/ })
})

t.test('an unknown product is 404 AVAIL-N-001', async t => {
  const { call } = await start(t)
  const { status, body } = await call('GET', `/venues/29|CO|0|0/availability?date=${TOMORROW}&partySize=2`)
  t.equal(status, 404)
  t.equal(body.code, 'AVAIL-N-001')
})
