import t from 'tap'
import { readHead } from '../../src/proxy/head.ts'
import { keptKindOf, keyOf, MAX_SHARED_BYTES, mayBeShared } from '../../src/reads/sharing.ts'

const variantOf = (...headers: string[]): string | undefined => readHead(['Host', 'localhost', 'User-Agent', 'x', ...headers]).variant

t.test('a plain read, whatever else it says of itself, is like any other', async t => {
  t.equal(variantOf(), '')
  t.equal(variantOf('X-Correlation-ID', 'a', 'Authorization', 'b', 'Origin', 'c', 'Traceparent', 'd', 'Connection', 'keep-alive', 'Cache-Control', 'max-age=60'), '')
})

for (const [what, headers] of [
  ['Accept', ['Accept', 'a']],
  ['another Accept', ['Accept', 'b']],
  ['Accept-Language', ['Accept-Language', 'a']],
  ['Accept twice', ['Accept', 'a', 'Accept', 'b']],
  ['one Accept of both values', ['Accept', 'a, b']],
  ['X-Partner-Reference', ['X-Partner-Reference', 'a']],
  ['X-Booking-Source', ['X-Booking-Source', 'a']]
] as const) {
  t.test(`a read with ${what} has a variant of its own, however it is spelt`, async t => {
    const variant = variantOf(...headers)
    t.equal(variantOf(...headers.map((text, i) => i % 2 === 0 ? text.toUpperCase() : text)), variant)
    const others = [[], ['Accept', 'a'], ['Accept', 'b'], ['Accept-Language', 'a'], ['Accept', 'a', 'Accept', 'b'], ['Accept', 'a, b'], ['X-Partner-Reference', 'a'], ['X-Booking-Source', 'a']]
    t.equal(others.filter(other => variantOf(...other) === variant).length, 1)
  })
}

t.test('no query can pass for a header', async t => {
  t.not(keyOf('/venues', variantOf('Accept', 'a') ?? ''), keyOf('/venues?accept:a', ''))
})

for (const headers of [
  ['Range', 'bytes=0-'], ['If-None-Match', '"a"'], ['if-modified-since', 'x'], ['If-Match', '*'], ['IF-RANGE', 'x'], ['If-Unmodified-Since', 'x'], ['Cookie', ''],
  ['Cache-Control', 'no-cache'], ['cache-control', 'max-age=60, NO-STORE'], ['Cache-Control', 'max-age=0'], ['Cache-Control', 'max-age = "0"'], ['Cache-Control', 'a', 'Cache-Control', 'max-age=00,b'],
  ['Pragma', 'No-Cache'], ['Content-Length', '1'], ['Transfer-Encoding', 'chunked'], ['Connection', 'accept'], ['Connection', 'close, X-Partner-Reference']
]) {
  t.test(`a read with ${headers.join(': ')} shares nothing`, async t => {
    t.equal(variantOf(...headers), undefined)
  })
}

for (const headers of [
  ['Cache-Control', 'max-age=01'], ['Cache-Control', 'max-stale=0'], ['Cache-Control', 'max-age=60', 'Pragma', 'no-cache'], ['Pragma', 'x'], ['Content-Length', '0'], ['Connection', 'Upgrade, HTTP2-Settings']
]) {
  t.test(`a read with ${headers.join(': ')} may share`, async t => {
    t.equal(variantOf(...headers), '')
  })
}

for (const [headers, expected] of [
  [[], true],
  [['Vary', 'Accept, accept-encoding,Accept-Language , X-Partner-Reference, x-booking-source'], true],
  [['vary', ''], true],
  [['Vary', '*'], false],
  [['VARY', 'Accept, User-Agent'], false],
  [['Vary', 'Accept', 'Vary', 'Authorization'], false],
  [['Set-Cookie', 'a=b'], false],
  [['set-cookie', ''], false],
  [['Content-Length', String(MAX_SHARED_BYTES)], true],
  [['Content-Length', String(MAX_SHARED_BYTES + 1)], false],
  [['Content-Type', 'x', 'ETag', 'y', 'Date', 'z'], true]
] as const) {
  t.test(`an answer with ${headers.join(': ') || 'no header that matters'} ${expected ? 'may' : 'may not'} be shared`, async t => {
    t.equal(mayBeShared(headers), expected)
  })
}

for (const [target, expected] of [
  ['/venues', 'list'],
  ['/venues?page=2&features=a/b', 'list'],
  ['/venues/29', 'detail'],
  ['/venues/a-b_c.d~e?x=/availability', 'detail'],
  ['/venues/', undefined],
  ['/venues//', undefined],
  ['/venuesx', undefined],
  ['/Venues', undefined],
  ['/venues/29/', undefined],
  ['/venues/29/availability?date=2026-01-01', undefined],
  ['/venues/29%2Favailability', undefined],
  ['/venues/29|CO|1', undefined],
  ['/venues/bookings', undefined],
  ['/venues/bookings?id=1', undefined],
  ['/venues/Bookings', undefined],
  ['/venues/%62ookings', undefined],
  ['/venues/bookings/1', undefined],
  ['/venues/.', undefined],
  ['/venues/..', undefined],
  ['/venues/x;y', undefined],
  ['/bookings', undefined],
  ['/bookings/1', undefined],
  ['/v2/venues', undefined]
] as const) {
  t.test(`${target} is ${expected === undefined ? 'not kept' : `kept as a ${expected}`}`, async t => {
    t.equal(keptKindOf(target), expected)
  })
}
