import type { Dispatcher } from 'undici'
import { hand, type AnswerSink, type PreparedCall } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { asProblem, type Problem } from '../problem.ts'
import type { Governor } from '../quota/governor.ts'
import type { Lane } from '../quota/lanes.ts'
import type { TokenCache } from '../token/cache.ts'
import type { HeldToken } from '../token/source.ts'
import { Attempt } from '../upstream/attempt.ts'
import { isKept, type UpstreamRequest } from '../upstream/request.ts'
import { Turn } from './turn.ts'
import { UndecidedAnswer } from './undecided.ts'

export interface ForwardOptions {
  readonly clock: Clock
  readonly tokens: TokenCache
  readonly quota: Governor
  readonly pool: Dispatcher
  readonly attemptTimeoutMs: number
  /** Told the status of each answer of the API, also of one that the app never sees. */
  readonly onAnswer: (status: number) => void
  /**
   * Told whenever a write may have changed something, or was refused: before anybody learns of it, at its end, and where nobody knows.
   * @param status of the answer, where there is one
   */
  readonly onWrite: (target: string, status: number | undefined) => void
}

/** What the app wants to reach the API; the token is added here. */
export interface AppRequest extends Omit<UpstreamRequest, 'isStillGood'> {
  /** Where it waits while the quota is spent. */
  readonly lane: Lane
}

/**
 * One request on its way to the API: a token, then a turn of the quota, and the attempt; once more after a 401 that a newer token may heal,
 * and after a 429 that can be waited out. Both prove that the API did not act.
 *
 * The token comes before the turn, so that nobody holds a turn while no token can be had; it is read again after a wait.
 * Synchronous while token and quota are at hand.
 */
export class Forward implements AnswerSink, PreparedCall {
  readonly #options: ForwardOptions
  readonly #request: AppRequest
  readonly #sink: AnswerSink
  #attempt: Attempt | undefined
  #token: HeldToken | undefined
  #held: UndecidedAnswer | undefined
  readonly #turn: Turn
  /** Of the answer that was handed on. */
  #status: number | undefined
  #isAbandoned = false
  #startedAtMs: number | undefined
  #upstreamMs: number | undefined
  #attempts = 0
  /** Of the attempt that runs, on the monotonic clock; the time in the queue counts. */
  #deadlineAtMs: number | undefined
  /** After a 401, with a newer token. */
  #hasReplayed = false
  /** After a failure that left the API untouched. */
  #hasRetried = false

  /** @param request without Authorization */
  constructor (options: ForwardOptions, request: AppRequest, sink: AnswerSink) {
    this.#options = options
    this.#request = request
    this.#sink = sink
    this.#turn = new Turn(options.quota, options.clock, request.lane)
  }

  start (): void {
    const token = this.#options.tokens.current()
    if (token === undefined) void this.#startWithToken()
    else this.#takeTurn(token)
  }

  async #startWithToken (): Promise<void> {
    try {
      const token = await this.#options.tokens.get()
      if (!this.#isAbandoned) this.#takeTurn(token)
    } catch (thrown) {
      this.#fail(asProblem(thrown))
    }
  }

  #takeTurn (token: HeldToken): void {
    if (this.#turn.take()) this.#send(token)
    else this.#waitForTurn()
  }

  #waitForTurn (): void {
    this.#turn.wait(this.#attempts > 0, { go: () => this.#goAfterWait(), refuse: problem => this.#refuse(problem) })
  }

  #goAfterWait (): void {
    try {
      const token = this.#options.tokens.current()
      if (token !== undefined) return this.#send(token)
      // It ended meanwhile: others may have the turn until there is a new one.
      this.#turn.giveBack(false)
      void this.#startWithToken()
    } catch (thrown) {
      this.#fail(asProblem(thrown))
    }
  }

  /** A 429 that was waited for in vain is the app's, as it came. */
  #refuse (problem: Problem): void {
    if (this.#held?.status === 429) this.#release(this.#held)
    else this.#fail(problem)
  }

  #send (token: HeldToken): void {
    const { clock, tokens, pool, attemptTimeoutMs } = this.#options
    this.#held = undefined
    this.#token = token
    this.#attempts++
    const nowMs = clock.monotonicMs()
    this.#startedAtMs ??= nowMs
    this.#deadlineAtMs ??= nowMs + attemptTimeoutMs
    // Field by field: a spread makes objects without a shape.
    const { method, target, headers, body, refusal } = this.#request
    const request = { method, target, headers: headers.concat('Authorization', `Bearer ${token.value.reveal()}`), body, isStillGood: () => tokens.isUsable(token), refusal }
    this.#attempt = new Attempt(clock, { headByMs: this.#deadlineAtMs, bodySilenceMs: attemptTimeoutMs }, request, this)
    this.#attempt.start(pool)
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    this.#upstreamMs = this.#options.clock.monotonicMs() - (this.#startedAtMs ?? 0)
    this.#options.onAnswer(status)
    const isQuota = this.#turn.answered(status, headers)
    if (this.#mayGoAgain(status, isQuota)) {
      this.#held = new UndecidedAnswer(status, statusText, headers)
    } else {
      this.#status = status
      this.#noteWrite()
      this.#sink.onHead(status, statusText, headers)
    }
  }

  onChunk (chunk: Buffer): boolean {
    const held = this.#held
    if (held === undefined) return this.#sink.onChunk(chunk)
    if (held.keep(chunk)) return true
    if (held.status === 429) {
      // Too much to keep while it waits.
      this.#release(held)
      return true
    }
    // Enough: what is left waits in the connection until it is decided.
    this.#decide(held)
    return false
  }

  onEnd (): void {
    const held = this.#held
    if (held === undefined) {
      this.#noteWrite()
      this.#sink.onEnd()
    } else {
      held.isWhole = true
      this.#decide(held)
    }
  }

  onFailure (problem: Problem): void {
    this.#turn.giveBack(this.#attempt?.wasSent === true)
    const held = this.#held
    const reason = this.#attempt?.retryReason
    if (held !== undefined) {
      held.failure = problem
      this.#decide(held)
    } else if (reason === 'stale') {
      // Never sent, so it was no attempt; it goes back to the queue with what is left of its time.
      this.#attempts--
      this.start()
    } else if (reason === 'dropped' && !this.#hasRetried) {
      this.#hasRetried = true
      this.#endAttempt()
      this.start()
    } else {
      this.#fail(problem)
    }
  }

  /** A 401 or 429 says that nothing was carried out, so even a write may go again, if its body is still there. */
  #mayGoAgain (status: number, isQuota: boolean): boolean {
    if (status !== 401 && status !== 429) return false
    const canResend = isKept(this.#request.body)
    if (status === 429) return isQuota && canResend && this.#turn.isWorthWaiting()
    if (this.#hasReplayed) return false
    // This request can't profit any more, but the ones after it can.
    if (!canResend) void this.#newerToken()
    return canResend
  }

  #decide (held: UndecidedAnswer): void {
    // An answer that is too long is decided before it ends.
    if (held.isBeingDecided) return
    held.isBeingDecided = true
    if (held.status === 429) this.#waitAgain()
    else void this.#replayOrRelease(held)
  }

  /** What the API refused goes before those of its lane that never went. */
  #waitAgain (): void {
    this.#endAttempt()
    this.#startedAtMs = undefined
    this.#waitForTurn()
  }

  async #replayOrRelease (held: UndecidedAnswer): Promise<void> {
    try {
      const newer = await this.#newerToken()
      if (this.#isAbandoned) return
      if (newer === undefined) return this.#release(held)
      this.#hasReplayed = true
      this.#endAttempt()
      this.#takeTurn(newer)
    } catch (thrown) {
      this.#fail(asProblem(thrown))
    }
  }

  /** @returns undefined where none is to be had instead of the refused one */
  async #newerToken (): Promise<HeldToken | undefined> {
    return this.#token === undefined ? undefined : await this.#options.tokens.reject(this.#token)
  }

  /** The next one has all its time again. */
  #endAttempt (): void {
    this.#attempt?.abandon()
    this.#deadlineAtMs = undefined
  }

  /** The app's after all: what came of it, and what is still to come. */
  #release (held: UndecidedAnswer): void {
    this.#held = undefined
    hand(held, this.#sink)
    if (held.failure !== undefined) this.#fail(held.failure)
    else if (held.isWhole) this.#sink.onEnd()
    else this.#attempt?.resume()
  }

  #fail (problem: Problem): void {
    if (problem.code === 'UPSTR-N-001') this.#noteWrite()
    this.#discardBody()
    if (!this.#isAbandoned) this.#sink.onFailure(problem)
  }

  /** What is left of an upload is of no use to anybody. */
  #discardBody (): void {
    const { body } = this.#request
    if (!isKept(body)) body.destroy()
  }

  #noteWrite (): void {
    const { lane, target } = this.#request
    if (lane === 'write') this.#options.onWrite(target, this.#status)
  }

  abandon (): void {
    this.#isAbandoned = true
    if (this.isOutcomeUnknown) this.#noteWrite()
    this.#turn.leave()
    this.#attempt?.abandon()
    this.#turn.giveBack(this.#attempt?.wasSent === true)
    this.#discardBody()
  }

  resume (): void {
    this.#attempt?.resume()
  }

  get attempts (): number {
    return this.#attempts
  }

  get upstreamMs (): number | undefined {
    return this.#upstreamMs
  }

  get quotaWaitMs (): number | undefined {
    return this.#turn.waitedMs
  }

  get isOutcomeUnknown (): boolean {
    // An answer that is held back is a 401 or 429: the API did not act.
    return this.#attempt?.wasSent === true && this.#held === undefined && this.#request.lane === 'write'
  }
}
