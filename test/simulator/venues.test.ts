import t from 'tap'
import { start } from './helper.ts'
import type { Started } from './helper.ts'

// One for the whole file: nothing here changes anything in it.
const { call } = await start(t, { quotaLimit: 1000 })

t.test('a list of venues is paged, and the pages hold every venue once', async t => {
  const ids: string[] = []
  for (const [page, length] of [[1, 5], [2, 5], [3, 2], [4, 0]] as const) {
    const { status, body } = await call('GET', `/venues?page=${page}&pageSize=5`)
    t.equal(status, 200)
    t.equal(body.data.length, length)
    t.strictSame(body.meta, { page, pageSize: 5, totalItems: 12, totalPages: 3 })
    ids.push(...body.data.map(({ id }) => id))
  }
  t.equal(new Set(ids).size, 12)
})

t.test('the first page has ten venues, a Dishoom first', async t => {
  const { body } = await call('GET', '/venues')
  t.equal(body.data.length, 10)
  t.match(body.data[0], {
    name: /Dishoom/,
    venueGroupName: 'Dishoom',
    address: { city: 'London' },
    openingHours: Array,
    preorders: { packages: Array, menus: Array }
  })
  t.equal(body.data[0]?.openingHours.length, 7)
})

t.test('a composite id has Bookable\'s shape, is unique, and the same in every run', async t => {
  const idsOf = async ({ call }: Started): Promise<string[]> => {
    const { body } = await call('GET', '/venues?pageSize=100')
    return body.data.flatMap(({ products }) => products.map(({ compositeId }) => compositeId))
  }
  const ids = await idsOf(await start(t))
  for (const id of ids) t.match(id, /^\d\d\|[A-Z]{2}\|[0-9a-f]{32}\|[0-9a-f]{32}$/)
  t.equal(new Set(ids).size, ids.length)
  t.strictSame(await idsOf(await start(t)), ids)
})

t.test('a venue shows no more of its products than Bookable does', async t => {
  const { body } = await call('GET', '/venues?pageSize=100')
  for (const { products } of body.data) {
    for (const product of products) t.strictSame(Object.keys(product), ['compositeId', 'productName', 'feedUrl', 'preOrderRequired'])
  }
})

for (const [query, names] of [
  ['venueName=DISHOOM', ['Dishoom Covent Garden', "Dishoom King's Cross"]],
  ['venueName=king%27s', ["Dishoom King's Cross"]],
  ['venueGroupName=lantern+%26', ['The Copper Lantern', 'The Hollow Oak']],
  ['features=dog_friendly,italian', ['Trattoria Marcella', 'Marcella al Mare']],
  ['features=dog_friendly&features=italian&features=wifi', ['Trattoria Marcella']],
  ['features=%20Karaoke%20', ['Night Parrot']],
  ['venueName=parrot&features=vegetarian', ['Day Parrot']],
  ['venueName=nowhere', []],
  ['features=helipad', []]
] as const) {
  t.test(`GET /venues?${query} finds ${names.join(', ') || 'none'}`, async t => {
    const { body } = await call('GET', `/venues?${query}`)
    t.strictSame(body.data.map(({ name }) => name), names)
    t.equal(body.meta.totalItems, names.length)
  })
}

for (const [query, field] of [
  ['page=0', 'page'],
  ['page=-1', 'page'],
  ['page=1.5', 'page'],
  ['page=', 'page'],
  ['page=1&page=2', 'page'],
  ['pageSize=0', 'pageSize'],
  ['pageSize=101', 'pageSize'],
  ['venueName=x', 'venueName'],
  [`venueGroupName=${'x'.repeat(101)}`, 'venueGroupName'],
  ['features=', 'features'],
  ['features=wifi,', 'features'],
  [`features=${Array(11).fill('wifi').join()}`, 'features']
] as const) {
  t.test(`GET /venues?${query.slice(0, 40)} is refused for its ${field}`, async t => {
    const { status, body } = await call('GET', `/venues?${query}`)
    t.equal(status, 400)
    t.equal(body.code, 'VENUE-N-101')
    t.strictSame(body.errors.map(({ field }) => field), [field])
  })
}

t.test('the bounds of a query are allowed themselves', async t => {
  for (const query of ['page=1', 'pageSize=1', 'pageSize=100', 'venueName=di', `venueName=${'x'.repeat(100)}`, `features=${Array(10).fill('wifi').join()}`, 'unknown=1']) {
    t.equal((await call('GET', `/venues?${query}`)).status, 200, query)
  }
})

t.test('every mistake of a query is told at once', async t => {
  const { body } = await call('GET', '/venues?page=x&pageSize=y')
  t.strictSame(body.errors.map(({ field }) => field), ['page', 'pageSize'])
  t.match(body.detail, /page .*pageSize /)
})

t.test('a venue is had by its id as the list shows it', async t => {
  const { body: list } = await call('GET', '/venues')
  const { status, body } = await call('GET', `/venues/${list.data[3]?.id}`)
  t.equal(status, 200)
  t.strictSame(body, list.data[3])
})

for (const id of ['none', 'bookings', '%7C', 'x'.repeat(300)]) {
  t.test(`an unknown venue ${id.slice(0, 10)} is 404 VENUE-N-102`, async t => {
    const { status, body } = await call('GET', `/venues/${id}`)
    t.equal(status, 404)
    t.equal(body.code, 'VENUE-N-102')
  })
}
