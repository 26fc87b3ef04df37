import type { QuotaStatus, RedisStatus, Status, TokenStatus } from '../admin/status.ts'
import { isoTime, type Clock, type Moment } from '../clock.ts'
import { PROBLEMS, type Problem } from '../problem.ts'
import type { FleetAllotment } from '../quota/fleet.ts'
import type { Governor } from '../quota/governor.ts'
import type { RedisState } from '../redis/link.ts'
import type { Repeats } from '../repeats/repeats.ts'
import type { TokenCache } from '../token/cache.ts'
import { VERSION } from '../version.ts'
import type { History } from './history.ts'

export interface ReportSources {
  readonly clock: Clock
  readonly startedAt: Moment
  readonly apiUrl: URL
  readonly tokens: TokenCache
  readonly quota: Governor
  /** Undefined where the quota is not counted for a fleet. */
  readonly fleet: Pick<FleetAllotment, 'status'> | undefined
  readonly door: { readonly inFlight: number, readonly isLeaving: boolean }
  readonly history: History
  readonly repeats: Repeats
  readonly redis: { readonly state: RedisState } | undefined
}

/** All that operators are told at a glance, as it is at this moment. */
export function reportStatus ({ clock, startedAt, apiUrl, tokens, quota, fleet, door, history, repeats, redis }: ReportSources): Status {
  const { problem } = tokens
  return {
    version: VERSION,
    startedAt: isoTime(startedAt.wallMs),
    uptime: Math.floor((clock.monotonicMs() - startedAt.monotonicMs) / 1000),
    state: door.isLeaving ? 'draining' : problem === undefined ? 'ready' : 'not ready',
    problem: problem === undefined ? null : { code: problem.code, detail: detailOf(problem) },
    token: tokenStatus(tokens),
    upstream: { url: apiUrl.origin, ...history.upstream },
    quota: quotaStatus(quota, fleet?.status),
    today: history.today,
    repeats: { ...history.repeats, remembered: repeats.remembered.records, running: repeats.running },
    redis: redis === undefined ? null : redisStatus(redis.state),
    counts: { inFlight: door.inFlight, ...history.counts },
    minutes: history.minutes,
    recentErrors: history.recentErrors
  }
}

function tokenStatus (tokens: TokenCache): TokenStatus {
  const { state, held, lastFailure } = tokens.status
  return {
    state,
    issuedAt: held === undefined ? null : isoTime(held.issuedAtMs),
    refreshesAt: held === undefined ? null : isoTime(held.refreshesAtMs),
    expiresAt: held === undefined ? null : isoTime(held.expiresAtMs),
    scopes: held?.scopes ?? [],
    lastError: lastFailure === undefined
      ? null
      : { at: isoTime(lastFailure.atMs), code: lastFailure.problem.code, detail: detailOf(lastFailure.problem), nextTryAt: isoTime(lastFailure.nextTryAtMs) }
  }
}

function quotaStatus ({ status, waiting }: Governor, fleet: FleetAllotment['status'] | undefined): QuotaStatus | null {
  if (status === undefined) return null
  const { limit, remaining, resetsAtMs } = status
  return { limit, remaining, resetsAt: isoTime(resetsAtMs), waiting, fleet: fleet === undefined ? null : { sidecars: fleet.pods, isAlone: fleet.isAlone } }
}

function redisStatus ({ level, sinceMs, trouble }: RedisState): RedisStatus {
  return { state: level, since: isoTime(sinceMs), reason: trouble?.reason ?? null, detail: trouble?.detail ?? null }
}

function detailOf ({ code, message }: Problem): string {
  return `${message} ${PROBLEMS[code].advice}`
}
