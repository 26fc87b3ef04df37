import t from 'tap'
import { readQuota } from '../../src/quota/window.ts'
import { QuotaMeter } from '../../src/quota/meter.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const HEADERS = ['Content-Type', 'application/json', 'X-RateLimit-Limit', '200', 'x-ratelimit-remaining', '7', 'X-RATELIMIT-RESET', '1780000000']

t.test('the quota is read from the headers of an answer, however they are spelt', async t => {
  t.same(readQuota(HEADERS), { limit: 200, remaining: 7, resetsAtMs: 1_780_000_000_000 })
})

for (const [what, headers] of [
  ['no quota', ['Date', 'x']], ['a limit alone', HEADERS.slice(0, 4)], ['no number', HEADERS.map(text => text === '7' ? 'many' : text)],
  ['a negative number', HEADERS.map(text => text === '7' ? '-7' : text)], ['an endless number', HEADERS.map(text => text === '7' ? '7'.repeat(400) : text)]
] as const) {
  t.test(`an answer with ${what} tells none`, async t => {
    t.equal(readQuota(headers), undefined)
  })
}

t.test('what the API said holds until its window turns, and an answer that says nothing changes nothing', async t => {
  const clock = new FakeClock()
  const meter = new QuotaMeter(clock)
  t.equal(meter.reading, undefined)
  meter.observe(['X-RateLimit-Limit', '200', 'X-RateLimit-Remaining', '7', 'X-RateLimit-Reset', String(clock.nowMs() / 1000 + 60)])
  meter.observe(['Date', 'x'])
  t.match(meter.reading, { limit: 200, remaining: 7 })
  await clock.advanceMs(60_000)
  t.match(meter.reading, { limit: 200, remaining: 200 })
})
