/**
 * What `/status` tells, and the page at `/` shows: everything an operator asks at a glance. Times are ISO 8601 in UTC, and null where
 * there is nothing to tell yet.
 */
export interface Status {
  readonly version: string
  readonly startedAt: string
  /** Seconds. */
  readonly uptime: number
  readonly state: 'ready' | 'not ready' | 'draining'
  /** Why it is not ready, in the words that `/readyz` has. */
  readonly problem: { readonly code: string, readonly detail: string } | null
  readonly token: TokenStatus
  readonly upstream: UpstreamStatus
  /** Null until the API told one. */
  readonly quota: QuotaStatus | null
  /** How many requests of apps were answered, and how many of these without a call of the API: what coalescing and the cache saved. */
  readonly today: { readonly date: string, readonly requests: number, readonly saved: number }
  readonly repeats: RepeatsStatus
  /** Null where no store is in Redis. */
  readonly redis: RedisStatus | null
  readonly counts: {
    readonly inFlight: number
    /** Since the start, of apps, refused ones too. */
    readonly requests: number
    /** Of these, answered by the sidecar itself with a problem. */
    readonly ownErrors: number
    /** Of these, answered by the API with 5xx. */
    readonly upstreamErrors: number
  }
  /** The last quarter of an hour, oldest first; the last one is still running. */
  readonly minutes: readonly Minute[]
  /** The last own errors, newest first. */
  readonly recentErrors: readonly RecentError[]
}

export interface TokenStatus {
  /** `empty` none yet and none asked for, `fetching` the first is asked for, `fresh`, `refreshing` the old one serves meanwhile, `expired` never sent. */
  readonly state: 'empty' | 'fetching' | 'fresh' | 'refreshing' | 'expired'
  readonly issuedAt: string | null
  readonly refreshesAt: string | null
  readonly expiresAt: string | null
  readonly scopes: readonly string[]
  /** The last failure, until a refresh succeeds. */
  readonly lastError: { readonly at: string, readonly code: string, readonly detail: string, readonly nextTryAt: string } | null
}

export interface UpstreamStatus {
  /** The origin of the API. */
  readonly url: string
  readonly lastAnswer: { readonly at: string, readonly status: number } | null
  /** The last time that it could not be reached, broke off or was late; without a code where an app gave up waiting for it. */
  readonly lastFailure: { readonly at: string, readonly code: string | null } | null
}

export interface QuotaStatus {
  readonly limit: number
  readonly remaining: number
  readonly resetsAt: string
  /** Requests that are held until there is quota for them, by lane: writes go first, then what lies below a route, then lists. */
  readonly waiting: Readonly<Record<'write' | 'read' | 'list', number>>
  /** Null where it is not counted for a fleet. */
  readonly fleet: FleetStatus | null
}

interface FleetStatus {
  /** How many sidecars share the quota, this one included, by the last news of them. */
  readonly sidecars: number
  /** The fleet can't be asked now: this one lives on an even share. */
  readonly isAlone: boolean
}

/** Writes that were asked for again, by how they ended, since the start. */
export interface RepeatsStatus {
  /** Got the first one's answer from memory. */
  readonly answered: number
  /** Waited for the first one, which still ran. */
  readonly waited: number
  /** The key was another request's, or the wait was too long. */
  readonly refused: number
  /** Nobody knows what became of the first one. */
  readonly unknown: number
  /** Outcomes that are remembered now. */
  readonly remembered: number
  /** Writes under way that a repeat would wait for. */
  readonly running: number
}

export interface RedisStatus {
  /** `slow` and `away`: this sidecar goes on alone, and comes back by itself. */
  readonly state: 'starting' | 'up' | 'slow' | 'away'
  readonly since: string
  /** Unless it is up: down, slow, full, read-only, refused, untrusted or failing-over. */
  readonly reason: string | null
  readonly detail: string | null
}

export interface Minute {
  readonly startsAt: string
  readonly requests: number
  /** Own errors of 5xx, those of the API, and requests that an app gave up waiting for the API. */
  readonly errors: number
  /** Milliseconds until the answer's end; null where none was measured, as of requests that the parser refused. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
}

export interface RecentError {
  readonly at: string
  readonly code: string
  readonly status: number
  readonly method: string
  readonly route: string | null
  readonly correlationId: string
}
