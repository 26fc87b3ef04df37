import type { Minute, RecentError, Status } from '../../src/admin/status.ts'

/** A Tuesday morning. */
export const NOW_MS = Date.parse('2026-03-17T09:41:12.000Z')

/** The time this many seconds from now. */
export function at (seconds: number): string {
  return new Date(NOW_MS + seconds * 1000).toISOString()
}

const REQUESTS = [38, 41, 36, 44, 52, 118, 142, 97, 61, 48, 45, 50, 43, 47, 12]
const ERRORS = [0, 0, 0, 0, 0, 2, 3, 1, 0, 0, 0, 0, 1, 0, 0]
const P50_MS = [46, 44, 47, 45, 49, 71, 88, 66, 51, 47, 46, 48, 45, 46, 44]
const P95_MS = [121, 117, 124, 119, 133, 262, 348, 214, 140, 126, 122, 125, 120, 118, 109]

const MINUTES: readonly Minute[] = REQUESTS.map((requests, i) => ({
  startsAt: at(-12 - 60 * (REQUESTS.length - 1 - i)),
  requests,
  errors: ERRORS[i] ?? 0,
  p50Ms: P50_MS[i] ?? null,
  p95Ms: P95_MS[i] ?? null
}))

const RECENT_ERRORS: readonly RecentError[] = [
  { at: at(-98), code: 'PROXY-N-001', status: 404, method: 'GET', route: null, correlationId: '5f0c5f5e-27d1-4a0d-9a52-6a3f0c0e8b11' },
  { at: at(-402), code: 'UPSTR-R-002', status: 504, method: 'GET', route: '/venues', correlationId: 'till-14-20260317-093430-0007' },
  { at: at(-455), code: 'UPSTR-N-001', status: 504, method: 'POST', route: '/bookings', correlationId: '0d8a2f0e-3d65-4b1b-8a4e-2f6f1f5b7c90' },
  { at: at(-461), code: 'UPSTR-R-002', status: 504, method: 'GET', route: '/venues', correlationId: 'till-09-20260317-093331-0112' },
  { at: at(-14_702), code: 'PROXY-N-005', status: 401, method: 'GET', route: '/bookings', correlationId: '9b7a61f2-64d8-41c3-b1b5-0a6f7d1e2c33' }
]

/** A healthy morning with a small burst and a few errors, and whatever is to be otherwise. */
export function sample (changes: Partial<Status> = {}): Status {
  return {
    version: '1.0.0',
    startedAt: at(-279_342),
    uptime: 279_342,
    state: 'ready',
    problem: null,
    token: FRESH,
    upstream: { url: 'https://api.bookabletech.com', lastAnswer: { at: at(-2), status: 200 }, lastFailure: { at: at(-402), code: 'UPSTR-R-002' } },
    quota: { limit: 200, remaining: 138, resetsAt: at(48), waiting: { write: 0, read: 0, list: 0 }, fleet: null },
    today: { date: '2026-11-21', requests: 2_000, saved: 1_240 },
    repeats: { answered: 41, waited: 6, refused: 1, unknown: 2, remembered: 1_284, running: 1 },
    redis: null,
    counts: { inFlight: 3, requests: 128_417, ownErrors: 57, upstreamErrors: 12 },
    minutes: MINUTES,
    recentErrors: RECENT_ERRORS,
    ...changes
  }
}

/** An hour long, and two thirds of it to come. */
export const FRESH: Status['token'] = {
  state: 'fresh', issuedAt: at(-1083), refreshesAt: at(2443), expiresAt: at(2517), scopes: ['venue:read', 'booking:write'], lastError: null
}

const EMPTY: Status['token'] = { state: 'empty', issuedAt: null, refreshesAt: null, expiresAt: null, scopes: [], lastError: null }

const UNREACHABLE = 'The token endpoint cannot be reached.'
const ADVISED = `${UNREACHABLE} Retry after the time in Retry-After; if it lasts, check BOOKABLE_TOKEN_URL and the network.`
const REFUSED = 'The token endpoint refuses the client credentials (access_denied).'

/** Before the first request. */
const UNUSED: Partial<Status> = {
  uptime: 4,
  startedAt: at(-4),
  quota: null,
  upstream: { url: 'https://api.bookabletech.com', lastAnswer: null, lastFailure: null },
  today: { date: '2026-11-21', requests: 0, saved: 0 },
  repeats: { answered: 0, waited: 0, refused: 0, unknown: 0, remembered: 0, running: 0 },
  counts: { inFlight: 0, requests: 0, ownErrors: 0, upstreamErrors: 0 },
  minutes: MINUTES.map(minute => ({ ...minute, requests: 0, errors: 0, p50Ms: null, p95Ms: null })),
  recentErrors: []
}

/** Longer than a page is wide, and full of what must be escaped. */
export const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'\u0007\u009b${'x'.repeat(300)}`

/** Every state that the page knows, by name, with the headline it has. */
export const STATES = {
  working: { status: sample(), headline: 'Working' },
  unused: { status: sample({ ...UNUSED, token: { ...FRESH, issuedAt: at(-3), refreshesAt: at(3523), expiresAt: at(3597) } }), headline: 'Working' },
  starting: { status: sample({ ...UNUSED, state: 'not ready', problem: { code: 'TOKEN-R-001', detail: ADVISED }, token: { ...EMPTY, state: 'fetching' } }), headline: 'Not ready: waiting for the first token' },
  'credentials refused': {
    status: sample({
      ...UNUSED,
      state: 'not ready',
      problem: { code: 'TOKEN-N-001', detail: `${REFUSED} Check BOOKABLE_CLIENT_ID, BOOKABLE_CLIENT_SECRET and BOOKABLE_ENVIRONMENT.` },
      token: { ...EMPTY, lastError: { at: at(-2), code: 'TOKEN-N-001', detail: REFUSED, nextTryAt: at(28) } }
    }),
    headline: 'Not ready: credentials refused'
  },
  'token expired': {
    status: sample({
      state: 'not ready',
      problem: { code: 'TOKEN-R-001', detail: ADVISED },
      token: { ...FRESH, state: 'expired', issuedAt: at(-3700), refreshesAt: at(-160), expiresAt: at(-100), lastError: { at: at(-6), code: 'TOKEN-R-001', detail: UNREACHABLE, nextTryAt: at(9) } }
    }),
    headline: 'Not ready: token endpoint unavailable'
  },
  'refresh failing': {
    status: sample({ token: { ...FRESH, state: 'refreshing', issuedAt: at(-3560), refreshesAt: at(-20), expiresAt: at(40), lastError: { at: at(-6), code: 'TOKEN-R-001', detail: UNREACHABLE, nextTryAt: at(9) } } }),
    headline: 'Working, but the token cannot be refreshed'
  },
  'api unreachable': {
    status: sample({ upstream: { url: 'https://api.bookabletech.com', lastAnswer: { at: at(-70), status: 200 }, lastFailure: { at: at(-3), code: 'UPSTR-R-001' } } }),
    headline: 'Working, but the API does not answer'
  },
  'most requests fail': {
    status: sample({ minutes: MINUTES.map((minute, i) => i < 13 ? minute : { ...minute, errors: minute.requests }) }),
    headline: 'Working, but most requests fail'
  },
  'quota spent': { status: sample({ quota: { limit: 200, remaining: 0, resetsAt: at(23), waiting: { write: 1, read: 0, list: 6 }, fleet: null } }), headline: 'Working, but the quota is spent' },
  draining: { status: sample({ state: 'draining', problem: { code: 'DRAIN-R-001', detail: 'The sidecar is shutting down. Nothing was changed; retry on a new connection.' } }), headline: 'Shutting down' },
  hostile: {
    status: sample({
      version: HOSTILE,
      state: 'not ready',
      problem: { code: HOSTILE, detail: HOSTILE },
      token: { ...FRESH, issuedAt: HOSTILE, scopes: [HOSTILE], lastError: { at: HOSTILE, code: HOSTILE, detail: HOSTILE, nextTryAt: HOSTILE } },
      upstream: { url: HOSTILE, lastAnswer: { at: HOSTILE, status: -1 }, lastFailure: { at: HOSTILE, code: HOSTILE } },
      recentErrors: RECENT_ERRORS.map(error => ({ ...error, at: HOSTILE, code: HOSTILE, method: HOSTILE, route: HOSTILE, correlationId: HOSTILE }))
    }),
    headline: 'Not ready: "><script>'
  }
} as const satisfies Record<string, { readonly status: Status, readonly headline: string }>
