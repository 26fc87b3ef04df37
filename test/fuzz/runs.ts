import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import type { Test } from 'tap'

/** Of `npm test`: what was green yesterday is green today. `npm run fuzz` takes a new one each time. */
const EVERYDAY_SEED = 20_261_121

/** A run that takes longer hangs. */
const RUN_TIMEOUT_MS = 10_000

/** A noisy machine does fewer runs, not longer ones. */
const TIME_LIMIT_MS = 4_000

/**
 * Asserts a property. `FUZZ_RUNS` multiplies the number of runs and their time; `FUZZ_SEED` is a number, or `random`; `FUZZ_PATH` replays what
 * a failure printed.
 */
export async function holds<T> (t: Test, runs: number, property: fc.IAsyncProperty<T> | fc.IProperty<T>): Promise<void> {
  const { FUZZ_RUNS = '1', FUZZ_SEED = String(EVERYDAY_SEED), FUZZ_PATH } = process.env
  const seed = FUZZ_SEED === 'random' ? randomInt(2 ** 31) : Number(FUZZ_SEED)
  // Said before it starts: a process that dies tells nothing afterwards.
  t.comment(`FUZZ_SEED=${seed}`)
  const details = await fc.check(property, {
    numRuns: Math.ceil(runs * Number(FUZZ_RUNS)),
    seed,
    timeout: RUN_TIMEOUT_MS,
    interruptAfterTimeLimit: TIME_LIMIT_MS * Number(FUZZ_RUNS),
    ...(FUZZ_PATH === undefined ? {} : { path: FUZZ_PATH })
  })
  t.notOk(details.failed, details.failed ? `${fc.defaultReportMessage(details) ?? 'never ran'} ${String(details.errorInstance)}` : `${details.numRuns} runs`)
}
