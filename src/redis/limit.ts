/**
 * How long Redis may take. `quick` is for whatever a request of an app waits for; `patient` for what nobody waits for, and for what without an answer
 * would be done twice; `start` for the first token of a sidecar, which is not ready before, when a fleet starts at once and all its machines are busy.
 */
export const REDIS_LIMITS_MS = { quick: 50, patient: 500, start: 3_000 } as const

export type RedisPatience = keyof typeof REDIS_LIMITS_MS
