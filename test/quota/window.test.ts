import t from 'tap'
import { clockSkewMs, readQuota } from '../../src/quota/window.ts'

const HEADERS = ['Content-Type', 'application/json', 'X-RateLimit-Limit', '200', 'x-ratelimit-remaining', '7', 'X-RATELIMIT-RESET', '1780000000']

t.test('the quota is read from the headers of an answer, however they are spelt', async t => {
  t.same(readQuota(HEADERS), { limit: 200, remaining: 7, resetsAtMs: 1_780_000_000_000, date: undefined })
})

for (const [what, headers] of [
  ['no quota', ['Date', 'x']], ['a limit alone', HEADERS.slice(0, 4)], ['no number', HEADERS.map(text => text === '7' ? 'many' : text)],
  ['a negative number', HEADERS.map(text => text === '7' ? '-7' : text)], ['an endless number', HEADERS.map(text => text === '7' ? '7'.repeat(400) : text)]
] as const) {
  t.test(`an answer with ${what} tells none`, async t => {
    t.equal(readQuota(headers), undefined)
  })
}

for (const [what, dateMs, nowMs, skewMs] of [
  ['agree', 5_000, 5_000, 0], ['agree, as far as seconds tell', 5_000, 5_999, 0], ['differ: ours is behind', 5_000, 4_999, 1], ['agree, and the answer took its time', 5_000, 6_499, 0], ['differ: ours is ahead', 5_000, 6_500, -1_500],
  ['differ by minutes', 305_000, 5_400, 299_600], ['differ by minutes the other way', 5_000, 305_400, -300_400]
] as const) {
  t.test(`a window ends late rather than early where the clocks ${what} (${dateMs - nowMs} ms)`, async t => {
    t.equal(clockSkewMs(dateMs, nowMs), skewMs)
    t.ok(skewMs <= dateMs + 1_499 - nowMs, 'no earlier than Date and travel allow')
  })
}
