import { Problem } from '../problem.ts'
import type { TokenCache } from '../token/cache.ts'

/** What the probes ask about. */
export interface ProbeState {
  readonly tokens: Pick<TokenCache, 'problem' | 'hasStarted'>
  readonly door: { readonly isLeaving: boolean }
  /** Undefined where no store is in Redis. */
  readonly redis?: { readonly state: { readonly level: string, readonly trouble: { readonly reason: string } | undefined } } | undefined
}

/** The body of a probe that passes. Redis is no reason to fail: without it the sidecar goes on alone, and says so. */
export function passed ({ redis }: Pick<ProbeState, 'redis'>): Readonly<Record<string, string>> {
  if (redis === undefined) return { status: 'ok' }
  const { level, trouble } = redis.state
  return { status: 'ok', redis: trouble === undefined ? level : `${trouble.reason}, going on alone` }
}

/** Each answers undefined for yes, or the reason why not. */
export const PROBES = {
  /** The process works; nothing remote counts, or an outage elsewhere would have it restarted. */
  '/livez': () => undefined,
  /** It can serve now. */
  '/readyz': readiness,
  '/healthz': readiness,
  /** There was a first token. */
  '/startupz': ({ tokens }) => tokens.hasStarted ? undefined : tokens.problem
} as const satisfies Record<string, (state: ProbeState) => Problem | undefined>

function readiness ({ tokens, door }: ProbeState): Problem | undefined {
  return door.isLeaving ? new Problem('DRAIN-R-001', 'The sidecar is shutting down.') : tokens.problem
}
