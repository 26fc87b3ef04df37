import { delay, isPast, later, momentOf, within, type Clock, type Timer } from '../clock.ts'
import { asProblem, Problem } from '../problem.ts'
import type { AccessToken } from './access-token.ts'
import { MIN_FORCED_REFRESH_INTERVAL_MS, refreshAfterMs, retryAfterFailureMs } from './schedule.ts'
import type { HeldToken, RefreshReason, TokenSource } from './source.ts'

/** How often to look, after a failure, whether somebody mended it: replaced the refused credentials, or stored a token from another sidecar. */
const HEALING_CHECK_MS = 1_000

/** What the cache says of itself, for operators; times are epoch milliseconds. */
export interface TokenCacheStatus {
  readonly state: 'empty' | 'fetching' | 'fresh' | 'refreshing' | 'expired'
  readonly held: { readonly issuedAtMs: number, readonly refreshesAtMs: number, readonly expiresAtMs: number, readonly scopes: readonly string[] } | undefined
  /** Undefined once a refresh has succeeded. */
  readonly lastFailure: { readonly problem: Problem, readonly atMs: number, readonly nextTryAtMs: number } | undefined
}

export interface TokenCacheOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly source: TokenSource
  readonly expiryBufferMs: number
  /** The longest that a request waits for a token. */
  readonly waitMs: number
  readonly onRefreshed?: (token: AccessToken, refresh: { reason: RefreshReason, durationMs: number, refreshInMs: number, isStored: boolean }) => void
  readonly onFailed?: (problem: Problem, refresh: { reason: RefreshReason, durationMs: number, retryInMs: number, isStillValid: boolean }) => void
}

/**
 * Holds one access token and keeps it fresh.
 *
 * States: empty → fetching → fresh → refreshing (the old token still serves) → expired (never handed out).
 * Whatever asks for a refresh, at most one runs, and all who wait share it.
 */
export class TokenCache {
  readonly #options: TokenCacheOptions
  #held: HeldToken | undefined
  #inFlight: Promise<void> | undefined
  #timer: Timer | undefined
  #failures = 0
  #lastProblem: Problem | undefined
  #lastFailedAtMs = 0
  #nextTryAtMs = -Infinity
  #lastForcedAtMs = -Infinity
  #isStopped = false

  constructor (options: TokenCacheOptions) {
    this.#options = options
  }

  /** Fetches the first token; failures are retried until one comes. */
  start (): void {
    this.#refresh('start')
  }

  /** From now on nothing is refreshed. */
  stop (): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** The token if it can be used at this moment. Looks at the clocks each time: a timer is only a hint. */
  current (): HeldToken | undefined {
    const held = this.#held
    if (held !== undefined && !isPast(held.refreshAt, this.#options.clock)) return held
    const isExpired = held === undefined || !this.isUsable(held)
    if (this.#inFlight === undefined && this.#mayTry()) this.#refresh(isExpired ? 'expired' : 'due')
    return isExpired ? undefined : held
  }

  /** Whether a token that was handed out may still be sent. */
  isUsable ({ expiresAt }: HeldToken): boolean {
    return !isPast(expiresAt, this.#options.clock)
  }

  /**
   * The token, waiting for one at most `waitMs`, and not at all where the next try lies beyond that.
   * @throws the last failure, or TOKEN-R-001 where the endpoint has not answered yet
   */
  async get (): Promise<HeldToken> {
    const untilMs = this.#nowMs() + this.#options.waitMs
    for (;;) {
      const token = this.current()
      if (token !== undefined) return token
      const isHopeless = this.#inFlight === undefined && (this.#isStopped || this.#nextTryAtMs > untilMs)
      if (isHopeless || this.#nowMs() >= untilMs) throw this.#unavailable()
      await this.#change(untilMs)
    }
  }

  /**
   * The API refused `used` with 401.
   * @returns a newer token, or undefined where none is to be had in `waitMs`. The refused one stays until a newer replaces it.
   */
  async reject (used: HeldToken): Promise<HeldToken | undefined> {
    const newer = (): HeldToken | undefined => this.#held === used ? undefined : this.current()
    if (newer() === undefined && this.#inFlight === undefined) {
      const mayRequest = this.#mayTry() && this.#mayForce()
      // Another sidecar may have had the same answer, and a newer token, already.
      if (mayRequest || this.#hasStore) this.#refresh('rejected', mayRequest)
    }
    const untilMs = this.#nowMs() + this.#options.waitMs
    while (newer() === undefined && this.#inFlight !== undefined && this.#nowMs() < untilMs) await this.#change(untilMs)
    return newer()
  }

  /** For operators. */
  get status (): TokenCacheStatus {
    const held = this.#held
    const problem = this.#lastProblem
    return {
      state: this.#state,
      held: held === undefined
        ? undefined
        : { issuedAtMs: held.expiresAt.wallMs - held.lifetimeMs, refreshesAtMs: held.refreshAt.wallMs, expiresAtMs: held.expiresAt.wallMs, scopes: held.scopes.map(held.show) },
      lastFailure: problem === undefined
        ? undefined
        : { problem, atMs: this.#lastFailedAtMs, nextTryAtMs: this.#options.clock.nowMs() + Math.max(this.#nextTryAtMs - this.#nowMs(), 0) }
    }
  }

  get #state (): TokenCacheStatus['state'] {
    if (this.#held === undefined) return this.#inFlight === undefined ? 'empty' : 'fetching'
    if (!this.isUsable(this.#held)) return 'expired'
    return this.#inFlight === undefined ? 'fresh' : 'refreshing'
  }

  /** The reason why no token is held, for probes; undefined while one is. */
  get problem (): Problem | undefined {
    return this.current() === undefined ? this.#unavailable() : undefined
  }

  /** Whether a token was ever had. */
  get hasStarted (): boolean {
    return this.#held !== undefined
  }

  /** Starts a refresh, unless one runs already. */
  #refresh (reason: RefreshReason, mayRequest = true): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#inFlight ??= this.#fetch(reason, mayRequest).finally(() => { this.#inFlight = undefined })
  }

  /** Never rejects: the outcome is in the state. */
  async #fetch (reason: RefreshReason, mayRequest: boolean): Promise<void> {
    const { clock, random, source, expiryBufferMs } = this.#options
    const askedAt = momentOf(clock)
    try {
      const token = await source.requestToken({ reason, held: this.#held, mayRequest })
      if (token === undefined) return this.#wakeAgain()
      if (reason === 'rejected' && token.isStored !== true) this.#lastForcedAtMs = askedAt.monotonicMs
      const issuedAt = token.issuedAt ?? askedAt
      const expiresAt = later(issuedAt, token.lifetimeMs)
      if (isPast(expiresAt, clock)) throw new Problem('TOKEN-R-002', 'The token had expired before the token endpoint\'s answer came.')
      const refreshAt = later(issuedAt, refreshAfterMs(token.lifetimeMs, expiryBufferMs, random()))
      this.#held = { ...token, refreshAt, expiresAt }
      this.#failures = 0
      this.#lastProblem = undefined
      this.#nextTryAtMs = -Infinity
      const refreshInMs = refreshAt.monotonicMs - this.#nowMs()
      this.#wakeIn(refreshInMs)
      this.#options.onRefreshed?.(token, { reason, durationMs: this.#nowMs() - askedAt.monotonicMs, refreshInMs, isStored: token.isStored === true })
    } catch (thrown) {
      // It was stopped during the request: nobody waits for the outcome.
      if (this.#isStopped) return
      if (reason === 'rejected') this.#lastForcedAtMs = askedAt.monotonicMs
      const problem = asProblem(thrown)
      const lane = problem.code === 'TOKEN-R-001' ? 'soon' : 'late'
      const retryMs = retryAfterFailureMs(lane, ++this.#failures, random(), problem.retryAfterMs)
      this.#lastProblem = problem
      this.#lastFailedAtMs = clock.nowMs()
      this.#nextTryAtMs = this.#nowMs() + retryMs
      this.#wakeIn(retryMs)
      const isStillValid = this.#held !== undefined && this.isUsable(this.#held)
      this.#options.onFailed?.(problem, { reason, durationMs: this.#nowMs() - askedAt.monotonicMs, retryInMs: retryMs, isStillValid })
    }
  }

  #wakeIn (ms: number): void {
    if (this.#isStopped) return
    this.#timer = this.#options.clock.setTimer(() => this.#wake(), this.#isHealable ? Math.min(ms, HEALING_CHECK_MS) : ms)
  }

  /** The refresh brought no token and no failure: set the timer for what was due before it. */
  #wakeAgain (): void {
    const dueAtMs = this.#lastProblem === undefined ? this.#held?.refreshAt.monotonicMs : this.#nextTryAtMs
    if (dueAtMs !== undefined) this.#wakeIn(dueAtMs - this.#nowMs())
  }

  /** Whether new credentials, or a token from another sidecar, may end the trouble at any time. */
  get #isHealable (): boolean {
    return this.#isRefused || (this.#lastProblem !== undefined && this.#hasStore)
  }

  get #hasStore (): boolean {
    return this.#options.source.hasStore === true
  }

  get #isRefused (): boolean {
    return this.#lastProblem?.code === 'TOKEN-N-001'
  }

  /** The timer went off, perhaps early: a wait may be longer than a timer of Node can be. So look at the clocks again. */
  #wake (): void {
    const { clock, source } = this.#options
    if (this.#lastProblem === undefined) {
      if (this.#held !== undefined && isPast(this.#held.refreshAt, clock)) this.#refresh('due')
      else this.#wakeAgain()
    } else if (this.#mayTry()) this.#refresh('retry')
    else if (this.#isRefused && source.haveCredentialsChanged()) this.#refresh('rotated')
    else if (this.#hasStore) this.#refresh('retry', false)
    else this.#wakeAgain()
  }

  /** Resolves when the refresh in flight ends, when the next one may start, or at `untilMs`. */
  async #change (untilMs: number): Promise<void> {
    const { clock } = this.#options
    if (this.#inFlight === undefined) await delay(clock, Math.min(this.#nextTryAtMs, untilMs) - this.#nowMs())
    else await within(clock, untilMs - this.#nowMs(), this.#inFlight)
  }

  #unavailable (): Problem {
    const waited = new Problem('TOKEN-R-001', `The token endpoint has not answered within ${this.#options.waitMs} ms.`)
    const { code, message, status, isRetryable } = this.#lastProblem ?? waited
    const nextTryInMs = Math.max(this.#nextTryAtMs - this.#nowMs(), 0)
    return new Problem(code, message, { status, retryAfterMs: isRetryable ? nextTryInMs : undefined })
  }

  #mayTry (): boolean {
    return this.#nowMs() >= this.#nextTryAtMs
  }

  #mayForce (): boolean {
    return this.#nowMs() - this.#lastForcedAtMs >= MIN_FORCED_REFRESH_INTERVAL_MS
  }

  #nowMs (): number {
    return this.#options.clock.monotonicMs()
  }
}
