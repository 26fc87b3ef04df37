import type { Clock, Timer } from '../clock.ts'

/**
 * How long Redis may take. `quick` is for whatever a request of an app waits for; `patient` for what nobody waits for, and for what without an answer
 * would be done twice; `start` for the first token of a sidecar, which is not ready before, when a fleet starts at once and all its machines are busy.
 */
export const REDIS_LIMITS_MS = { quick: 50, patient: 500, start: 3_000 } as const

export type RedisPatience = keyof typeof REDIS_LIMITS_MS

export type Answer<Value> = { readonly isLate: false, readonly value: Value } | { readonly isLate: true }

/**
 * Work that nobody waits for longer than `limitMs`. Where the process itself was held up, the timer comes before what has arrived meanwhile: one
 * turn of the event loop passes before anything is called late.
 */
export async function within<Value> (clock: Clock, limitMs: number, work: Promise<Value>): Promise<Answer<Value>> {
  let timer: Timer | undefined
  const late = new Promise<Answer<Value>>(resolve => {
    timer = clock.setTimer(() => setImmediate(() => resolve({ isLate: true })), limitMs)
  })
  try {
    // When it fails after that, nobody is left to be told.
    return await Promise.race([work.then(value => ({ isLate: false as const, value })), late])
  } finally {
    timer?.cancel()
  }
}
