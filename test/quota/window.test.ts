import t from 'tap'
import { readQuota } from '../../src/quota/window.ts'

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
