import type { Minute, RecentError, RepeatsStatus, Status, UpstreamStatus } from '../admin/status.ts'
import { isoTime, type Clock } from '../clock.ts'
import type { Problem } from '../problem.ts'
import { statusOf, type ExchangeRecord } from '../proxy/record.ts'

/** As far back as a person looks who has just been woken up. */
const MINUTES = 15
const MAX_ERRORS = 20
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Latencies: the k-th bucket ends at 2^(k/4) ms, so that a quantile is within a fifth of the truth, from 1 ms to 14 minutes. */
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
  readonly #today = { date: '', requests: 0, saved: 0 }
  readonly #repeats = { answered: 0, waited: 0, refused: 0, unknown: 0 }
  readonly #counts = { requests: 0, ownErrors: 0, upstreamErrors: 0 }
  /** Minutes are counted on the monotonic clock, since the wall clock jumps; they begin where the wall clock's did at the start. */
  readonly #phaseMs: number
  #day = -1
  #lastAnswer: { atMs: number, status: number } | undefined
  #lastFailure: { atMs: number, code: string | null } | undefined

  constructor (clock: Clock) {
    this.#clock = clock
    this.#phaseMs = MINUTE_MS + clock.nowMs() % MINUTE_MS - clock.monotonicMs()
  }

  /** The head of an answer of the API came. */
  answered (status: number): void {
    this.#lastAnswer = { atMs: this.#clock.nowMs(), status }
  }

  /** A request that the parser refused: there is no method, route or duration to speak of. */
  refused (problem: Problem, correlationId: string): void {
    this.#count({ durationMs: undefined, isError: false })
    this.#counts.ownErrors++
    this.#remember({ code: problem.code, status: problem.status, method: 'none', route: null, correlationId })
  }

  exchange (record: ExchangeRecord): void {
    this.#countToday(record)
    const { problem, durationMs, method, route, correlationId, repeat } = record
    const status = statusOf(record)
    if (repeat !== undefined) this.#repeats[repeat]++
    // The usual way in which a hanging API shows: apps wait for less than we do.
    const isGivenUpInSilence = record.isAborted && record.attempts > 0 && record.upstreamMs === undefined
    // What an app did wrong is no failure of the service.
    this.#count({ durationMs, isError: status >= 500 || isGivenUpInSilence })
    // A repeat is given an outcome that was counted when it came.
    const isOfTheApi = repeat === undefined
    if (problem === undefined && status >= 500 && isOfTheApi) this.#counts.upstreamErrors++
    if (isGivenUpInSilence) this.#lastFailure = { atMs: this.#clock.nowMs(), code: null }
    if (problem === undefined) return
    this.#counts.ownErrors++
    if (problem.code.startsWith('UPSTR-') && isOfTheApi) this.#lastFailure = { atMs: this.#clock.nowMs(), code: problem.code }
    this.#remember({ code: problem.code, status, method, route: route ?? null, correlationId })
  }

  /** The counts of this day in UTC. */
  get today (): Status['today'] {
    this.#turnDay()
    return this.#today
  }

  get counts (): Omit<Status['counts'], 'inFlight'> {
    return this.#counts
  }

  /** Writes that were asked for again, by how they ended. */
  get repeats (): Omit<RepeatsStatus, 'remembered' | 'running'> {
    return this.#repeats
  }

  get recentErrors (): readonly RecentError[] {
    return this.#errors
  }

  get upstream (): Omit<UpstreamStatus, 'url'> {
    const [answer, failure] = [this.#lastAnswer, this.#lastFailure]
    return {
      lastAnswer: answer === undefined ? null : { at: isoTime(answer.atMs), status: answer.status },
      lastFailure: failure === undefined ? null : { at: isoTime(failure.atMs), code: failure.code }
    }
  }

  /** The last minutes, oldest first; those without a request too. */
  get minutes (): readonly Minute[] {
    const nowMs = this.#elapsedMs()
    const current = minuteOf(nowMs)
    return Array.from({ length: MINUTES }, (_, i) => {
      const minute = current - MINUTES + 1 + i
      const slot = this.#slots[(minute + MINUTES) % MINUTES]
      const startsAt = isoTime(this.#clock.nowMs() - nowMs + minute * MINUTE_MS)
      if (slot === undefined || slot.minute !== minute) return { startsAt, requests: 0, errors: 0, p50Ms: null, p95Ms: null }
      return { startsAt, requests: slot.requests, errors: slot.errors, p50Ms: quantile(slot.latencies, 0.5), p95Ms: quantile(slot.latencies, 0.95) }
    })
  }

  #countToday ({ attempts, servedBy }: ExchangeRecord): void {
    const isSaved = servedBy === 'flight' || servedBy === 'cache'
    if (attempts === 0 && !isSaved) return
    this.#turnDay()
    this.#today.requests++
    if (isSaved) this.#today.saved++
  }

  #turnDay (): void {
    const day = Math.floor(this.#clock.nowMs() / DAY_MS)
    if (day === this.#day) return
    this.#day = day
    Object.assign(this.#today, { date: isoTime(day * DAY_MS).slice(0, 10), requests: 0, saved: 0 })
  }

  #count ({ durationMs, isError }: { durationMs: number | undefined, isError: boolean }): void {
    this.#counts.requests++
    const minute = minuteOf(this.#elapsedMs())
    const slot = this.#slots[minute % MINUTES]
    if (slot === undefined) return
    if (slot.minute !== minute) {
      Object.assign(slot, { minute, requests: 0, errors: 0 })
      slot.latencies.fill(0)
    }
    slot.requests++
    if (isError) slot.errors++
    if (durationMs === undefined) return
    const bucket = bucketOf(durationMs)
    slot.latencies[bucket] = (slot.latencies[bucket] ?? 0) + 1
  }

  #remember (error: Omit<RecentError, 'at'>): void {
    this.#errors.unshift({ at: isoTime(this.#clock.nowMs()), ...error })
    this.#errors.length = Math.min(this.#errors.length, MAX_ERRORS)
  }

  #elapsedMs (): number {
    return this.#clock.monotonicMs() + this.#phaseMs
  }
}

function minuteOf (ms: number): number {
  return Math.floor(ms / MINUTE_MS)
}

function bucketOf (ms: number): number {
  return ms <= 1 ? 0 : Math.min(Math.ceil(Math.log2(ms) * BUCKETS_A_DOUBLING), BUCKETS - 1)
}

/** The end of the bucket in which the quantile lies, in milliseconds; null where nothing was measured. */
function quantile (latencies: Uint32Array, share: number): number | null {
  const measured = latencies.reduce((sum, count) => sum + count)
  if (measured === 0) return null
  let seen = 0
  const bucket = latencies.findIndex(count => (seen += count) >= measured * share)
  return Math.round(2 ** (bucket / BUCKETS_A_DOUBLING) * 10) / 10
}
