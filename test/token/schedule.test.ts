import t from 'tap'
import { refreshAfterMs, retryAfterFailureMs } from '../../src/token/schedule.ts'

const S = 1000

for (const [lifetimeS, bufferS, random, expectedS] of [
  [3600, 60, 0, 3540],
  [3600, 60, 1, 3534],
  [3600, 0, 1, 3600],
  [121, 60, 0, 61],
  [120, 60, 0, 60],
  [119, 60, 0, 59.5],
  [10, 60, 0, 5],
  [10, 60, 1, 4.5],
  [2_592_000, 60, 0, 2_591_940]
] as const) {
  t.test(`a token of ${lifetimeS} s with a buffer of ${bufferS} s and jitter ${random} is refreshed after ${expectedS} s`, async t => {
    t.equal(refreshAfterMs(lifetimeS * S, bufferS * S, random), expectedS * S)
  })
}

for (const [lane, failures, random, expectedMs] of [
  ['soon', 1, 1, 250],
  ['soon', 1, 0, 0],
  ['soon', 2, 0.5, 250],
  ['soon', 7, 1, 16_000],
  ['soon', 8, 0, 30_000],
  ['soon', 8, 1, 27_000],
  ['soon', 5000, 0, 30_000],
  ['late', 1, 0, 1_000],
  ['late', 1, 1, 900],
  ['late', 6, 0, 32_000],
  ['late', 7, 0, 60_000],
  ['late', 5000, 1, 54_000]
] as const) {
  t.test(`failure ${failures} in the lane "${lane}" with jitter ${random} waits ${expectedMs} ms`, async t => {
    t.equal(retryAfterFailureMs(lane, failures, random), expectedMs)
  })
}

t.test('Retry-After is a floor, not a replacement', async t => {
  t.equal(retryAfterFailureMs('soon', 1, 0.5, 7_000), 7_000)
  t.equal(retryAfterFailureMs('soon', 8, 0, 7_000), 30_000)
})
