import type { Minute, RecentError, Status, UpstreamStatus } from '../admin/status.ts'
import type { Clock } from '../clock.ts'
import type { ExchangeRecord } from '../proxy/exchange.ts'

/** What a person looks back on who has just been woken up. */
const MINUTES = 15
const MAX_ERRORS = 20
const MINUTE_MS = 60_000

/** Of latencies: the k-th ends at 2^(k/4) ms, so that a quantile is within a fifth of the truth, from 1 ms to 17 minutes. */
const BUCKETS = 80
const BUCKETS_A_DOUBLING = 4

/** One minute in a ring of fixed size: nothing is allocated while requests come. */
interface Slot {
  minute: number
  requests: number
  errors: number
  readonly latencies: Uint32Array
}

/** What the status page looks back on: the last quarter of an hour and the last own errors. */
export class History {
  readonly #clock: Clock
  readonly #slots: readonly Slot[] = Array.from({ length: MINUTES }, () => ({ minute: -1, requests: 0, errors: 0, latencies: new Uint32Array(BUCKETS) }))
  readonly #errors: RecentError[] = []
  readonly #counts = { requests: 0, ownErrors: 0, upstreamErrors: 0 }
  #lastAnswer: { atMs: number, status: number } | undefined
  #lastFailure: { atMs: number, code: string } | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  exchange (record: ExchangeRecord): void {
    const { problem, status, upstreamMs, durationMs } = record
    const nowMs = this.#clock.nowMs()
    const isUpstreamError = problem === undefined && status >= 500
    const slot = this.#slotAt(nowMs)
    slot.requests++
    this.#counts.requests++
    const bucket = bucketOf(durationMs)
    slot.latencies[bucket] = (slot.latencies[bucket] ?? 0) + 1
    if (isUpstreamError) this.#counts.upstreamErrors++
    if (problem !== undefined) this.#counts.ownErrors++
    if (isUpstreamError || problem !== undefined) slot.errors++
    if (upstreamMs !== undefined && problem === undefined) this.#noteAnswer(nowMs, status)
    if (problem !== undefined) this.#noteProblem(nowMs, record, problem.code)
  }

  get counts (): Omit<Status['counts'], 'inFlight'> {
    return this.#counts
  }

  get recentErrors (): readonly RecentError[] {
    return this.#errors
  }

  get upstream (): Omit<UpstreamStatus, 'url'> {
    const [answer, failure] = [this.#lastAnswer, this.#lastFailure]
    return {
      lastAnswer: answer === undefined ? null : { at: iso(answer.atMs), status: answer.status },
      lastFailure: failure === undefined ? null : { at: iso(failure.atMs), code: failure.code }
    }
  }

  /** The last minutes, oldest first; those without a request too. */
  get minutes (): readonly Minute[] {
    const current = minuteOf(this.#clock.nowMs())
    return Array.from({ length: MINUTES }, (_, i) => {
      const minute = current - MINUTES + 1 + i
      const slot = this.#slots[minute % MINUTES]
      const startsAt = iso(minute * MINUTE_MS)
      if (slot === undefined || slot.minute !== minute || slot.requests === 0) return { startsAt, requests: 0, errors: 0, p50Ms: null, p95Ms: null }
      return { startsAt, requests: slot.requests, errors: slot.errors, p50Ms: quantile(slot, 0.5), p95Ms: quantile(slot, 0.95) }
    })
  }

  #slotAt (nowMs: number): Slot {
    const minute = minuteOf(nowMs)
    const slot = this.#slots[minute % MINUTES]
    if (slot === undefined) throw new RangeError('the clock is before 1970')
    if (slot.minute !== minute) {
      Object.assign(slot, { minute, requests: 0, errors: 0 })
      slot.latencies.fill(0)
    }
    return slot
  }

  #noteAnswer (atMs: number, status: number): void {
    if (this.#lastAnswer === undefined) this.#lastAnswer = { atMs, status }
    else Object.assign(this.#lastAnswer, { atMs, status })
  }

  #noteProblem (atMs: number, { status, method, route, correlationId }: ExchangeRecord, code: string): void {
    if (code.startsWith('UPSTR-')) this.#lastFailure = { atMs, code }
    this.#errors.unshift({ at: iso(atMs), code, status, method, route: route ?? null, correlationId })
    this.#errors.length = Math.min(this.#errors.length, MAX_ERRORS)
  }
}

function minuteOf (ms: number): number {
  return Math.floor(ms / MINUTE_MS)
}

function bucketOf (ms: number): number {
  return ms <= 1 ? 0 : Math.min(Math.ceil(Math.log2(ms) * BUCKETS_A_DOUBLING), BUCKETS - 1)
}

/** The end of the bucket in which the quantile lies, in milliseconds. */
function quantile ({ requests, latencies }: Slot, share: number): number {
  let seen = 0
  const bucket = latencies.findIndex(count => (seen += count) >= requests * share)
  return Math.round(2 ** (bucket / BUCKETS_A_DOUBLING) * 10) / 10
}

function iso (ms: number): string {
  return new Date(ms).toISOString()
}
