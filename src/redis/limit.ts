/**
 * How long Redis may take. `quick`: while a request of an app waits. `patient`: when no request waits, or when it would be carried out twice without
 * the answer. `start`: for the first token, before which the sidecar is not ready; a whole fleet may be starting on busy machines.
 */
export const REDIS_LIMITS_MS = { quick: 50, patient: 500, start: 3_000 } as const

export type RedisPatience = keyof typeof REDIS_LIMITS_MS
