import t from 'tap'
import { keepingOf, refreshed, withoutDated } from '../../src/reads/freshness.ts'

const NOW_MS = Date.parse('2026-06-01T12:00:00Z')
const NOW = 'Mon, 01 Jun 2026 12:00:00 GMT'
const IN_30_S = 'Mon, 01 Jun 2026 12:00:30 GMT'
const TTL_S = 60

/** With a TTL of 60 s: how long an answer is fresh, in seconds; undefined: it is not kept. */
const cases: ReadonlyArray<readonly [headers: readonly string[], freshS: number | undefined]> = [
  [[], 60],
  [['Cache-Control', ''], 60],
  [['Cache-Control', 'public'], 60],
  [['Cache-Control', 'max-age=30'], 30],
  [['cache-control', 'MAX-AGE="30"'], 30],
  [['Cache-Control', 'max-age=3600'], 60],
  [['Cache-Control', 'max-age=30, s-maxage=10'], 10],
  [['Cache-Control', 's-maxage=50', 'Cache-Control', 'max-age=10'], 50],
  [['Cache-Control', 'max-age=30, max-age=50'], 30],
  [['Cache-Control', 'max-age=99999999999999999999'], 60],
  [['Cache-Control', 'max-age=30', 'Age', '10'], 20],
  [['Age', '10'], 50],
  [['Age', '10, 20'], 50],
  [['Age', 'x'], 60],
  [['Age', '-5'], 60],
  [['Cache-Control', 'max-age=30', 'Age', '29'], 1],
  [['Cache-Control', 'max-age=30', 'Age', '30'], undefined],
  [['Cache-Control', 'max-age=3600', 'Age', '100'], undefined],
  [['Expires', IN_30_S, 'Date', NOW], 30],
  [['Expires', IN_30_S], 30],
  [['Expires', NOW, 'Date', NOW], undefined],
  [['Expires', '0', 'Date', NOW], undefined],
  [['Expires', '2099-01-01', 'Date', NOW], undefined],
  [['Expires', IN_30_S, 'Date', 'yesterday'], undefined],
  [['Expires', '0', 'Cache-Control', 'max-age=30'], 30],
  [['Cache-Control', 'no-store'], undefined],
  [['Cache-Control', 'max-age=30, No-Store'], undefined],
  [['Cache-Control', 'private'], undefined],
  [['Cache-Control', 'private="x-a, x-b", max-age=30'], undefined],
  [['Cache-Control', 'ext="no-store, private"'], 60],
  [['Cache-Control', 'no-cache'], undefined],
  [['Cache-Control', 'max-age=0'], undefined],
  [['Cache-Control', 'max-age=soon'], undefined],
  [['Cache-Control', 'max-age'], undefined],
  [['Cache-Control', 'no-cache', 'ETag', '"a"'], 0],
  [['Cache-Control', 'no-cache="x", max-age=30', 'ETag', '"a"'], 0],
  [['Cache-Control', 'max-age=0', 'Last-Modified', NOW], 0],
  [['Cache-Control', 'no-store', 'ETag', '"a"'], undefined]
]

for (const [headers, freshS] of cases) {
  t.test(`an answer with ${headers.join(' ') || 'no word of it'} is ${freshS === undefined ? 'not kept' : `fresh for ${freshS} s`}`, async t => {
    const keeping = keepingOf(headers, { ttlMs: TTL_S * 1000, delayMs: 0, nowMs: NOW_MS })
    t.equal(keeping?.freshMs, freshS === undefined ? undefined : freshS * 1000)
  })
}

t.test('the time that an answer was on its way counts as its age', async t => {
  t.match(keepingOf(['Age', '10'], { ttlMs: 60_000, delayMs: 2_500, nowMs: NOW_MS }), { ageMs: 12_500, freshMs: 47_500 })
})

for (const [cacheControl, expected] of [
  ['max-age=1', true], ['max-age=1, must-revalidate', false], ['max-age=1, proxy-revalidate', false], ['s-maxage=1', false], ['no-cache', false], ['max-age=0', true]
] as const) {
  t.test(`an answer with Cache-Control: ${cacheControl} ${expected ? 'may' : 'may not'} be given after its end`, async t => {
    t.equal(keepingOf(['Cache-Control', cacheControl, 'ETag', '"a"'], { ttlMs: 60_000, delayMs: 0, nowMs: NOW_MS })?.mayBeStale, expected)
  })
}

t.test('the API is asked with what it gave', async t => {
  const conditionsOf = (headers: readonly string[]) => keepingOf(headers, { ttlMs: 60_000, delayMs: 0, nowMs: NOW_MS })?.conditions
  t.same(conditionsOf([]), [])
  t.same(conditionsOf(['etag', 'W/"a, b"']), ['If-None-Match', 'W/"a, b"'])
  t.same(conditionsOf(['Last-Modified', NOW, 'ETag', '"a"']), ['If-None-Match', '"a"', 'If-Modified-Since', NOW])
})

t.test('a 304 replaces the headers that it names, all of a name, but those about the bytes', async t => {
  const kept = ['Content-Type', 'text/html', 'Content-Length', '5', 'X-A', '1', 'X-Kept', 'k', 'x-a', '2', 'Content-Encoding', 'gzip']
  const told = ['X-A', '3', 'content-length', '0', 'ETag', '"b"', 'Content-Encoding', 'br', 'Content-Type', 'text/plain']
  t.same(refreshed(kept, told), ['Content-Length', '5', 'X-Kept', 'k', 'Content-Encoding', 'gzip', 'X-A', '3', 'ETag', '"b"', 'Content-Type', 'text/plain'])
})

t.test('the age that an answer came with is not kept', async t => {
  t.same(withoutDated(['AGE', '5', 'Date', NOW, 'X-RateLimit-Remaining', '7', 'Age', '6']), ['Date', NOW])
})
