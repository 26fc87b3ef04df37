import type { Dispatcher } from 'undici'
import { hand, type AnswerSink, type PreparedCall } from '../answer.ts'
import { asProblem, type Problem } from '../problem.ts'
import type { Lane } from '../quota/lanes.ts'
import { discard, isKept } from '../request-body.ts'
import type { HeldToken } from '../token/source.ts'
import { Attempt } from '../upstream/attempt.ts'
import type { UpstreamRequest } from '../upstream/request.ts'
import { Pass, type PassHolder, type PassOptions } from './pass.ts'
import { UndecidedAnswer } from './undecided.ts'

export interface ForwardOptions extends PassOptions {
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
 * One request on its way to the API: it gets its pass, is attempted, and its answer or failure is handed on. It goes out again
 * - once after a 401, where a newer token is to be had;
 * - after a 429 that tells of the quota, as long as that can be waited out;
 * - once where the connection of a read was dropped before any answer;
 * - where it was not sent, since its token had expired before it got a connection.
 *
 * The first two prove that the API did not act: even a write may go again.
 */
export class Forward implements AnswerSink, PassHolder, PreparedCall {
  readonly #options: ForwardOptions
  readonly #request: AppRequest
  readonly #sink: AnswerSink
  readonly #pass: Pass
  #attempt: Attempt | undefined
  #attempts = 0
  /** Of the attempt that runs, on the monotonic clock; the time in the pool's queue counts. */
  #deadlineAtMs: number | undefined
  #startedAtMs: number | undefined
  #upstreamMs: number | undefined
  #undecided: UndecidedAnswer | undefined
  /** Of the answer that was handed on. */
  #status: number | undefined
  /** By a 401 or 429, which is the app's after all: the API did not act. */
  #isRefused = false
  /** After a 401. */
  #hasReplayed = false
  /** After a dropped connection. */
  #hasRetried = false
  #isAbandoned = false

  /** @param request without Authorization */
  constructor (options: ForwardOptions, request: AppRequest, sink: AnswerSink) {
    this.#options = options
    this.#request = request
    this.#sink = sink
    this.#pass = new Pass(options, request.lane, this)
  }

  start (): void {
    this.#pass.ask()
  }

  onPass (token: HeldToken): void {
    const { clock, tokens, pool, attemptTimeoutMs } = this.#options
    this.#undecided = undefined
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

  /** A 429 that was waited for in vain is the app's, as it came. */
  onNoPass (problem: Problem): void {
    const undecided = this.#undecided
    if (undecided?.status !== 429 || problem.code !== 'RATE-R-001') return this.#fail(problem)
    try {
      this.#handOn(undecided)
    } catch (thrown) {
      // It can't be written, which is no concern of whoever brought the news: it may be the answer to another request.
      this.#fail(asProblem(thrown))
    }
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    this.#upstreamMs = this.#options.clock.monotonicMs() - (this.#startedAtMs ?? 0)
    this.#options.onAnswer(status)
    const isOfQuota = this.#pass.answered(status, headers)
    if (this.#mayGoAgain(status, isOfQuota)) {
      this.#undecided = new UndecidedAnswer(status, statusText, headers)
    } else {
      this.#status = status
      this.#noteWrite()
      this.#sink.onHead(status, statusText, headers)
    }
  }

  onChunk (chunk: Buffer): boolean {
    const undecided = this.#undecided
    if (undecided === undefined) return this.#sink.onChunk(chunk)
    if (undecided.keep(chunk)) return true
    if (undecided.status === 429) {
      // Too much to keep while it waits.
      this.#handOn(undecided)
      return true
    }
    // Enough: what is left waits in the connection until it is decided.
    this.#decide(undecided)
    return false
  }

  onEnd (): void {
    const undecided = this.#undecided
    if (undecided === undefined) {
      this.#noteWrite()
      this.#sink.onEnd()
    } else {
      undecided.isWhole = true
      this.#decide(undecided)
    }
  }

  onFailure (problem: Problem): void {
    this.#pass.giveBack(this.#attempt?.wasSent === true)
    const undecided = this.#undecided
    const reason = this.#attempt?.retryReason
    if (undecided !== undefined) {
      undecided.failure = problem
      this.#decide(undecided)
    } else if (reason === 'stale') {
      // Never sent, so it was no attempt; it goes back to the queue with what is left of its time.
      this.#attempts--
      this.#pass.ask()
    } else if (reason === 'dropped' && !this.#hasRetried) {
      this.#hasRetried = true
      this.#endAttempt()
      this.#pass.ask()
    } else {
      this.#fail(problem)
    }
  }

  #mayGoAgain (status: number, isOfQuota: boolean): boolean {
    if (status !== 401 && status !== 429) return false
    const canResend = isKept(this.#request.body)
    if (status === 429) return isOfQuota && canResend && this.#pass.isWorthWaiting
    // This request can't profit any more, but the ones after it can.
    if (!canResend) void this.#pass.renewToken()
    return canResend && !this.#hasReplayed
  }

  #decide (undecided: UndecidedAnswer): void {
    // An answer that is too long is decided before it ends.
    if (undecided.isBeingDecided) return
    undecided.isBeingDecided = true
    if (undecided.status === 401) void this.#replayOrHandOn(undecided)
    else this.#waitAgain()
  }

  async #replayOrHandOn (undecided: UndecidedAnswer): Promise<void> {
    try {
      const newer = await this.#pass.renewToken()
      if (this.#isAbandoned) return
      if (newer === undefined) return this.#handOn(undecided)
      this.#hasReplayed = true
      this.#endAttempt()
      this.#pass.askWith(newer)
    } catch (thrown) {
      this.#fail(asProblem(thrown))
    }
  }

  /** What the API refused goes before those of its lane that never went. */
  #waitAgain (): void {
    this.#endAttempt()
    this.#startedAtMs = undefined
    this.#pass.waitForTurn()
  }

  /** The next one has all its time again. */
  #endAttempt (): void {
    this.#attempt?.abandon()
    this.#deadlineAtMs = undefined
  }

  /** It is the app's after all: what came of it, and what is still to come. */
  #handOn (undecided: UndecidedAnswer): void {
    this.#undecided = undefined
    this.#status = undecided.status
    this.#isRefused = true
    this.#noteWrite()
    hand(undecided, this.#sink)
    if (undecided.failure !== undefined) this.#fail(undecided.failure)
    else if (undecided.isWhole) this.#sink.onEnd()
    else this.#attempt?.resume()
  }

  #fail (problem: Problem): void {
    if (problem.code === 'UPSTR-N-001') this.#noteWrite()
    discard(this.#request.body)
    if (!this.#isAbandoned) this.#sink.onFailure(problem)
  }

  abandon (): void {
    this.#isAbandoned = true
    if (this.isOutcomeUnknown) this.#noteWrite()
    this.#attempt?.abandon()
    this.#pass.leave(this.#attempt?.wasSent === true)
    discard(this.#request.body)
  }

  #noteWrite (): void {
    const { lane, target } = this.#request
    if (lane === 'write') this.#options.onWrite(target, this.#status)
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
    return this.#pass.waitedMs
  }

  get isOutcomeUnknown (): boolean {
    // An answer that is undecided is a 401 or 429 too.
    return this.#attempt?.wasSent === true && this.#undecided === undefined && !this.#isRefused && this.#request.lane === 'write'
  }
}
