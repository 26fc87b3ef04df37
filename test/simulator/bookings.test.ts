import t from 'tap'
import { BOOKING, start, startDining, TODAY } from './helper.ts'
import type { Answer } from './helper.ts'

const pathOf = ({ body }: Answer): string => `/venues/bookings/${encodeURIComponent(body.id)}`

t.test('a booking is confirmed and can be read again', async t => {
  const { book, call, productId, simulator } = await startDining(t)
  const made = await book()
  t.equal(made.status, 201)
  t.match(made.body, {
    ...BOOKING,
    id: /^29\|CO\|[0-9a-f]{32}$/,
    operatorBookingId: /^BKA-/,
    status: 'Confirmed',
    compositeId: decodeURIComponent(productId),
    venueGroupName: 'Dishoom',
    duration: 90,
    deposit: 0,
    bookingSource: 'api',
    partnerReference: null,
    createdDate: `${TODAY}T12:00:00.000Z`
  })
  const read = await call('GET', pathOf(made))
  t.equal(read.status, 200)
  t.strictSame(read.body, made.body)
  t.strictSame((await call('GET', `/venues/bookings/${made.body.id}`)).body, made.body, 'with raw pipes in the id as well')
  t.equal(simulator.counts.bookings, 1)
})

t.test('a large party is a request, pending until the venue answers', async t => {
  const { book } = await startDining(t)
  const { status, body } = await book({ partySize: 9, type: 'request' })
  t.equal(status, 201)
  t.equal(body.status, 'Pending')
})

t.test('the same request twice is two bookings', async t => {
  const { book, simulator } = await startDining(t)
  const [one, two] = [await book(), await book()]
  t.not(one.body.id, two.body.id)
  t.not(one.body.operatorBookingId, two.body.operatorBookingId)
  t.equal(simulator.counts.bookings, 2)
})

t.test('the source and the partner of a booking are kept', async t => {
  const { book, call } = await startDining(t)
  const made = await book({}, { 'x-booking-source': 'js-tag', 'x-partner-reference': 'bottomlessbrunch.com' })
  t.match((await call('GET', pathOf(made))).body, { bookingSource: 'js-tag', partnerReference: 'bottomlessbrunch.com' })
})

t.test('an unknown source is refused, and nothing is booked', async t => {
  const { book, simulator } = await startDining(t)
  const { status, body } = await book({}, { 'x-booking-source': 'fax' })
  t.equal(status, 400)
  t.match(body, { code: 'BOOK-N-101', errors: [{ field: 'x-booking-source' }] })
  t.equal(simulator.counts.bookings, 0)
})

// One for the tables of refusals: none of them changes anything in it.
const refusing = await startDining(t)

for (const [field, value] of [
  ['firstName', undefined], ['firstName', ' '], ['firstName', 'x'.repeat(101)], ['lastName', 7],
  ['partySize', 0], ['partySize', 101], ['partySize', 2.5], ['partySize', '2'],
  ['date', 'tomorrow'], ['date', '2026-06-31'], ['time', '7pm'], ['time', '24:00'], ['time', '19:0'],
  ['type', 'hold'], ['type', undefined],
  ['email', 'ada'], ['email', '@'], ['email', undefined], ['phone', 'none'], ['phone', undefined],
  ['notes', 'x'.repeat(1001)], ['preorders', 'wine'],
  ['preorders.packages', { packages: [{ id: 'none', quantity: 1 }] }]
] as const) {
  t.test(`a booking whose ${field} is ${JSON.stringify(value)?.slice(0, 40)} is refused`, async t => {
    const { book, simulator } = refusing
    const { status, body } = await book({ [field.split('.')[0] ?? field]: value })
    t.equal(status, 400)
    t.equal(body.code, 'BOOK-N-101')
    t.strictSame(body.errors.map(({ field }) => field), [field])
    t.equal(simulator.counts.bookings, 0)
  })
}

t.test('every mistake of a booking is told at once', async t => {
  const { call, productId } = await startDining(t)
  for (const body of [{}, [], undefined]) {
    const answer = await call('POST', `/venues/${productId}/booking`, body)
    t.equal(answer.status, 400)
    t.equal(answer.body.errors.length, 8)
  }
})

for (const [name, change, status, code] of [
  ['a time that is never offered', { time: '19:10' }, 409, 'BOOK-N-102'],
  ['a time past the last table', { time: '21:30' }, 409, 'BOOK-N-102'],
  ['an instant booking of what needs a request', { partySize: 9 }, 409, 'BOOK-N-102'],
  ['a request of what is booked at once', { type: 'request' }, 409, 'BOOK-N-102'],
  ['a party above the limit', { partySize: 13 }, 422, 'AVAIL-N-103'],
  ['a day gone by', { date: '2026-05-31' }, 422, 'AVAIL-N-102'],
  ['a time of today gone by', { date: TODAY, time: '12:00' }, 409, 'BOOK-N-102']
] as const) {
  t.test(`${name} is refused with ${status} ${code}`, async t => {
    const { book, simulator } = refusing
    const answer = await book(change)
    t.equal(answer.status, status)
    t.equal(answer.body.code, code)
    t.equal(simulator.counts.bookings, 0)
  })
}

t.test('a booking of an unknown product is 404 AVAIL-N-001', async t => {
  const { call } = await start(t)
  const { status, body } = await call('POST', '/venues/29%7CCO%7C0%7C0/booking', BOOKING)
  t.equal(status, 404)
  t.equal(body.code, 'AVAIL-N-001')
})

t.test('bookings use up a time until it is refused and no longer offered', async t => {
  const { book, timesFor } = await startDining(t)
  for (let party = 0; party < 5; party++) t.equal((await book({ partySize: 8 })).status, 201)
  const refused = await book({ partySize: 1 })
  t.equal(refused.status, 409)
  t.match(refused.body, { code: 'BOOK-N-102', isRetryable: false })
  const times = await timesFor(1)
  t.notOk(times.includes('18:00') || times.includes('19:00') || times.includes('20:00'))
  t.ok(times.includes('17:30') && times.includes('20:30'))
})

t.test('another day is not touched by what is booked', async t => {
  const { book } = await startDining(t)
  for (let party = 0; party < 5; party++) await book({ partySize: 8 })
  t.equal((await book({ date: '2026-06-03' })).status, 201)
})

t.test('a cancelled booking says so, and its table can be booked again', async t => {
  const { book, call, timesFor } = await startDining(t)
  const made = await book({ partySize: 8 })
  for (let party = 0; party < 4; party++) await book({ partySize: 8 })
  t.notOk((await timesFor(2)).includes('19:00'))

  const cancelled = await call('DELETE', pathOf(made))
  t.equal(cancelled.status, 204)
  t.equal(cancelled.text, '')
  t.equal((await call('GET', pathOf(made))).body.status, 'Cancelled')
  t.ok((await timesFor(2)).includes('19:00'))
  t.equal((await book({ partySize: 8 })).status, 201)
})

t.test('DELETE with a content type and no body is a DELETE like any other', async t => {
  const { book, call } = await startDining(t)
  t.equal((await call('DELETE', pathOf(await book()), undefined, { 'content-type': 'application/json' })).status, 204)
})

t.test('a cancelled booking is neither changed nor cancelled again', async t => {
  const { book, call } = await startDining(t)
  const made = await book()
  await call('DELETE', pathOf(made))
  for (const answer of [await call('DELETE', pathOf(made)), await call('PATCH', pathOf(made), { notes: 'x' })]) {
    t.equal(answer.status, 409)
    t.equal(answer.body.code, 'BOOK-N-104')
  }
})

for (const method of ['GET', 'PATCH', 'DELETE']) {
  t.test(`${method} of an unknown booking is 404 BOOK-N-103`, async t => {
    const { call } = await start(t)
    const { status, body } = await call(method, '/venues/bookings/none', method === 'PATCH' ? { notes: 'x' } : undefined)
    t.equal(status, 404)
    t.equal(body.code, 'BOOK-N-103')
  })
}

t.test('a change may come as an object or as a JSON Patch', async t => {
  const { book, call, clock } = await startDining(t)
  const made = await book()
  clock.jumpWallMs(1000)
  const asObject = await call('PATCH', pathOf(made), { time: '20:00', lastName: 'King', notes: null })
  t.equal(asObject.status, 200)
  t.match(asObject.body, { id: made.body.id, time: '20:00', lastName: 'King', notes: null, firstName: 'Ada', createdDate: made.body.createdDate, lastUpdate: `${TODAY}T12:00:01.000Z` })

  const operations = [{ op: 'replace', path: '/partySize', value: 4 }, { op: 'add', path: '/notes', value: 'High chair' }, { op: 'replace', path: '/date', value: '2026-06-03' }]
  const asPatch = await call('PATCH', pathOf(made), operations, { 'content-type': 'application/json-patch+json' })
  t.equal(asPatch.status, 200)
  t.match(asPatch.body, { partySize: 4, notes: 'High chair', date: '2026-06-03', time: '20:00' })

  t.equal((await call('PATCH', pathOf(made), [{ op: 'remove', path: '/notes' }])).body.notes, null)
})

t.test('a booking does not stand in its own way', async t => {
  const { book, call } = await startDining(t)
  const made = await book({ partySize: 8 })
  for (let party = 0; party < 4; party++) await book({ partySize: 8 })
  t.equal((await call('PATCH', pathOf(made), { time: '19:30' })).status, 200)
  t.equal((await call('PATCH', pathOf(made), { partySize: 9 })).status, 409)
})

t.test('a refused change changes nothing', async t => {
  const { book, call } = await startDining(t)
  const made = await book()
  t.equal((await call('PATCH', pathOf(made), { notes: 'new', time: '03:00' })).status, 409)
  t.strictSame((await call('GET', pathOf(made))).body, made.body)
})

t.test('a party that grows beyond what is confirmed at once becomes a request', async t => {
  const { book, call } = await startDining(t)
  const made = await book()
  t.match((await call('PATCH', pathOf(made), { partySize: 9 })).body, { status: 'Pending', type: 'request' })
  t.match((await call('PATCH', pathOf(made), { partySize: 2 })).body, { status: 'Confirmed', type: 'book' })
})

t.test('a new phone number is taken after the meal as well', async t => {
  const { book, call, clock } = await startDining(t)
  const made = await book({ date: TODAY, time: '12:30' })
  clock.jumpWallMs(45 * 60_000)
  t.equal((await call('PATCH', pathOf(made), { phone: '020 7946 0001' })).status, 200)
  t.equal((await call('PATCH', pathOf(made), { partySize: 3 })).status, 409)
})

for (const [name, change] of [
  ['nothing', {}],
  ['no body', undefined],
  ['a word', '"x"'],
  ['the status', { status: 'Confirmed' }],
  ['the type', [{ op: 'replace', path: '/type', value: 'request' }]],
  ['the prototype', '{"__proto__":{"x":1}}'],
  ['a name taken away', [{ op: 'remove', path: '/firstName' }]],
  ['an operation Bookable has not', [{ op: 'move', from: '/notes', path: '/firstName' }]],
  ['an operation without a path', [{ op: 'replace', value: 1 }]],
  ['an operation that is none', [null]]
] as const) {
  t.test(`a change of ${name} is refused with 400 BOOK-N-101`, async t => {
    const { book, call } = await startDining(t)
    const { status, body } = await call('PATCH', pathOf(await book()), change)
    t.equal(status, 400)
    t.equal(body.code, 'BOOK-N-101')
  })
}

t.test('what is cooked to order needs a preorder of the venue', async t => {
  const { book } = await startDining(t, 'Hollow Oak', 'Sharing Feast')
  const feast = { time: '12:30', preorders: { menus: [{ id: 'feast-beef', quantity: 2 }] } }
  const without = await book({ ...feast, preorders: undefined })
  t.equal(without.status, 400)
  t.match(without.body, { code: 'BOOK-N-101', errors: [{ field: 'preorders' }] })
  for (const menus of [[{ id: 'none', quantity: 1 }], [{ id: 'feast-beef', quantity: 0 }], [{ id: 'feast-beef' }], 'beef']) {
    t.match((await book({ ...feast, preorders: { menus } })).body, { errors: [{ field: 'preorders.menus' }] })
  }
  const made = await book(feast)
  t.equal(made.status, 201)
  t.strictSame(made.body.preorders, feast.preorders)
})
