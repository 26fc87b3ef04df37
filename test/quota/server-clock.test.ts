import t from 'tap'
import { ServerClock } from '../../src/quota/server-clock.ts'

const WALL_MS = Date.parse('2026-06-01T12:00:00Z')
const dateOf = (ms: number): string => new Date(ms).toUTCString()

for (const [what, nowMs, skewMs] of [
  ['agree', 0, 0], ['agree, as far as seconds tell', 999, 0], ['agree, and the answer took its time', 1_499, 0], ['differ: ours is behind', -1, 1],
  ['differ: ours is ahead', 1_500, -1_500], ['differ by minutes', -299_600, 299_600], ['differ by minutes the other way', 300_400, -300_400]
] as const) {
  t.test(`a window ends late rather than early where the clocks ${what}`, async t => {
    t.equal(new ServerClock().skewMs(dateOf(WALL_MS), WALL_MS + nowMs, 0), skewMs)
  })
}

t.test('without a Date, or with garbage, the clocks are taken to agree', async t => {
  const clock = new ServerClock()
  t.equal(clock.skewMs(undefined, WALL_MS, 0), 0)
  t.equal(clock.skewMs('yesterday', WALL_MS, 0), 0)
})

t.test('many answers tell the difference closer than one', async t => {
  const clock = new ServerClock()
  for (let ms = 0; ms < 10_000; ms += 130) clock.skewMs(dateOf(WALL_MS + 90_000 + ms), WALL_MS + ms, ms)
  const skewMs = clock.skewMs(undefined, WALL_MS, 10_000)
  t.ok(skewMs > 89_900 && skewMs <= 90_000, String(skewMs))
})

t.test('a clock that proved to be behind by less than a second is believed from then on', async t => {
  const clock = new ServerClock()
  const behindMs = 300
  for (let ms = 0; ms < 10_000; ms += 130) clock.skewMs(dateOf(WALL_MS - behindMs + ms), WALL_MS + ms, ms)
  t.equal(clock.skewMs(undefined, WALL_MS, 10_000), 0)
  clock.provedBehind()
  const skewMs = clock.skewMs(undefined, WALL_MS, 10_000)
  t.ok(skewMs > -450 && skewMs <= -300, String(skewMs))
})

t.test('a clock that somebody sets is learnt anew', async t => {
  const clock = new ServerClock()
  clock.skewMs(dateOf(WALL_MS + 90_000), WALL_MS, 0)
  t.equal(clock.skewMs(dateOf(WALL_MS - 90_000), WALL_MS, 1_000), -90_000)
  t.equal(clock.skewMs(dateOf(WALL_MS + 90_000), WALL_MS, 2_000), 90_000)
})
