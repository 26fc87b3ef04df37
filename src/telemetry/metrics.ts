import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import openFileDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors.js'
import maxFileDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors.js'
import memory from 'prom-client/lib/metrics/osMemoryHeap.js'
import cpu from 'prom-client/lib/metrics/processCpuTotal.js'
import startTime from 'prom-client/lib/metrics/processStartTime.js'
import { METHODS } from '../config/parse.ts'
import { statusOf, type ExchangeRecord } from '../proxy/record.ts'
import type { KnownQuota } from '../quota/known-quota.ts'
import type { Lane } from '../quota/lanes.ts'
import type { SharedOutcome } from '../reads/reads.ts'
import type { RefreshReason } from '../token/source.ts'
import { TalliedCounter, TalliedHistogram, type Count, type Observations } from './tally.ts'

const PREFIX = 'bookable_sidecar_'

/** From the time of a cached answer to the deadline of an attempt. */
const REQUEST_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Label values come from here and from ROUTES, never from an app: any other method is `other`. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

export interface MetricsOptions {
  readonly version: string
  readonly nodeVersion: string
  readonly inFlight: () => number
  /** Epoch milliseconds; undefined while there never was a token. */
  readonly tokenExpiresAtMs: () => number | undefined
  readonly quota: () => KnownQuota | undefined
  /** Undefined where no store is in Redis. */
  readonly isRedisUp: () => boolean | undefined
}

/** What Prometheus is told. Names and labels are part of the contract. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new TalliedCounter({
    name: `${PREFIX}requests_total`,
    help: 'Requests of apps at their end, by route, method and status; 499: the app gave up, 502 or 504: also an answer that broke off.',
    labelNames: ['route', 'method', 'status'],
    registers: [this.#registry]
  })

  readonly #durations = this.#durationsByRoute('request_duration_seconds', 'From the head of a request to the end of its answer, by route.')
  readonly #upstreamDurations = this.#durationsByRoute('upstream_duration_seconds', 'From the first attempt to the head of the answer of the API, by route.')
  readonly #refreshes = this.#counter('token_refreshes_total', 'Token requests, by outcome (ok, or the code of the problem) and reason (start, due, expired, retry, rejected, rotated).', ['outcome', 'reason'])
  readonly #quotaWaits = this.#histogram('quota_wait_seconds', 'How long requests were held because the quota was spent, by lane (write, read, list).', ['lane'])
  readonly #coalesced = this.#counter('coalesced_total', 'Requests that shared the call of another one.', [])
  readonly #cached = this.#counter('cache_total', 'Requests that the cache was asked for, by outcome (hit, miss, revalidated, stale).', ['outcome'])
  readonly #refreshDurations = this.#histogram('token_refresh_duration_seconds', 'Duration of a token request.', [])
  readonly #repeats = this.#counter('repeats_total', 'Writes that were asked for again, by outcome (answered from memory, waited for the first, refused, unknown).', ['outcome'])
  /** By route, method and status. */
  readonly #requestCounts = new Map<string, Count>()
  readonly #routes = new Map<string, { readonly total: Observations, readonly upstream: Observations }>()

  constructor ({ version, nodeVersion, inFlight, tokenExpiresAtMs, quota, isRedisUp }: MetricsOptions) {
    this.#gauge('in_flight_requests', 'Requests that are being served.', inFlight)
    this.#gauge('token_expires_at_seconds', 'When the token that is held expires, in unix time.', () => seconds(tokenExpiresAtMs()))
    this.#gauge('quota_limit', 'Requests to the API in one window, as it told last.', () => quota()?.limit)
    this.#gauge('quota_remaining', 'Requests to the API that are left in this window.', () => quota()?.remaining)
    this.#gauge('redis_up', '1 while Redis can be used, 0 while this sidecar goes on alone; absent without a redis store.', () => {
      const isUp = isRedisUp()
      return isUp === undefined ? undefined : Number(isUp)
    })
    new Gauge({ name: `${PREFIX}build_info`, help: 'Always 1; the labels tell version and node.', labelNames: ['version', 'node'], registers: [this.#registry] })
      .set({ version, node: nodeVersion }, 1)
    // One by one: the rest of the default metrics would keep a timer of 10 ms and a garbage collection observer running.
    for (const register of [cpu, startTime, memory, openFileDescriptors, maxFileDescriptors]) register(this.#registry)
  }

  get contentType (): string {
    return this.#registry.contentType
  }

  /** The exposition format, version 0.0.4. */
  async text (): Promise<string> {
    return this.#registry.metrics()
  }

  /** A request that the parser refused. */
  refused (status: number): void {
    this.#requestCount('none', 'other', status).n++
  }

  exchange (record: ExchangeRecord): void {
    const { route = 'none', method, durationMs, upstreamMs, repeat } = record
    const status = statusOf(record)
    this.#requestCount(route, KNOWN_METHODS.has(method) ? method : 'other', status).n++
    const { total, upstream } = this.#ofRoute(route)
    total.observe(durationMs / 1000)
    if (repeat !== undefined) this.#repeats.inc({ outcome: repeat })
    if (upstreamMs !== undefined) upstream.observe(upstreamMs / 1000)
  }

  tokenRefresh (outcome: string, reason: RefreshReason, durationMs: number): void {
    this.#refreshes.inc({ outcome, reason })
    this.#refreshDurations.observe(durationMs / 1000)
  }

  /** A request that was held by the quota went, was refused, or its app left. */
  quotaWaited (lane: Lane, waitedMs: number): void {
    this.#quotaWaits.observe({ lane }, waitedMs / 1000)
  }

  /** A read shared the call of another one, or the cache was asked for it. */
  shared (outcome: SharedOutcome): void {
    if (outcome === 'coalesced') this.#coalesced.inc()
    else this.#cached.inc({ outcome })
  }

  #requestCount (route: string, method: string, status: number): Count {
    const key = `${route} ${method} ${status}`
    let count = this.#requestCounts.get(key)
    if (count === undefined) {
      count = this.#requests.series({ route, method, status: String(status) })
      this.#requestCounts.set(key, count)
    }
    return count
  }

  #ofRoute (route: string) {
    let own = this.#routes.get(route)
    if (own === undefined) {
      own = { total: this.#durations.series({ route }), upstream: this.#upstreamDurations.series({ route }) }
      this.#routes.set(route, own)
    }
    return own
  }

  #counter (name: string, help: string, labelNames: string[]) {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] })
  }

  #histogram (name: string, help: string, labelNames: string[]) {
    return new Histogram({ name: PREFIX + name, help, labelNames, buckets: REQUEST_BUCKETS_S, registers: [this.#registry] })
  }

  #durationsByRoute (name: string, help: string) {
    return new TalliedHistogram({ name: PREFIX + name, help, labelNames: ['route'], registers: [this.#registry] }, REQUEST_BUCKETS_S)
  }

  /** Read when scraped, and absent while there is nothing to tell. */
  #gauge (name: string, help: string, read: () => number | undefined): void {
    this.#registry.registerMetric(new Gauge({
      name: PREFIX + name,
      help,
      registers: [],
      collect () {
        const value = read()
        if (value === undefined) this.remove()
        else this.set(value)
      }
    }))
  }
}

function seconds (ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}
