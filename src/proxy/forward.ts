import type { Dispatcher } from 'undici'
import { hand, type AnswerSink, type Call, type HeldAnswer } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { asProblem, type Problem } from '../problem.ts'
import type { HeldToken, TokenCache } from '../token/cache.ts'
import { Attempt, type UpstreamRequest } from '../upstream/attempt.ts'
import { isRead } from '../upstream/failure.ts'
import { MAX_HELD_BYTES } from './body.ts'

export interface ForwardOptions {
  readonly clock: Clock
  readonly tokens: TokenCache
  readonly pool: Dispatcher
  readonly attemptTimeoutMs: number
  /** Told the head of each answer of the API, also of one that the app never sees. */
  readonly onAnswer: (status: number, headers: readonly string[]) => void
}

/** What the app wants to reach the API; the token is added here. */
export type AppRequest = Omit<UpstreamRequest, 'isStillGood'>

/** An answer kept back until it is decided whether the request goes out again. */
interface UndecidedAnswer extends HeldAnswer {
  readonly chunks: Buffer[]
  bytes: number
  /** It broke off while it was being decided. */
  failure: Problem | undefined
}

/**
 * One request on its way to the API: token, attempt, and once more after a 401 that a newer token may heal.
 *
 * Synchronous while a token is at hand; only a wait for one makes promises.
 */
export class Forward implements AnswerSink, Call {
  readonly #options: ForwardOptions
  readonly #request: AppRequest
  readonly #sink: AnswerSink
  #attempt: Attempt | undefined
  #token: HeldToken | undefined
  #held: UndecidedAnswer | undefined
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
  }

  start (): void {
    const token = this.#options.tokens.current()
    if (token === undefined) void this.#startWithToken()
    else this.#send(token)
  }

  abandon (): void {
    this.#isAbandoned = true
    this.#attempt?.abandon()
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

  get isOutcomeUnknown (): boolean {
    // An answer that is held back is a 401: the API did not act.
    return this.#attempt?.wasSent === true && this.#held === undefined && !isRead(this.#request.method)
  }

  async #startWithToken (): Promise<void> {
    try {
      const token = await this.#options.tokens.get()
      if (!this.#isAbandoned) this.#send(token)
    } catch (thrown) {
      this.#fail(asProblem(thrown))
    }
  }

  #send (token: HeldToken): void {
    const { clock, tokens, pool, attemptTimeoutMs } = this.#options
    this.#token = token
    this.#attempts++
    const nowMs = clock.monotonicMs()
    this.#startedAtMs ??= nowMs
    this.#deadlineAtMs ??= nowMs + attemptTimeoutMs
    const headers = [...this.#request.headers, 'Authorization', `Bearer ${token.value.reveal()}`]
    this.#attempt = new Attempt(clock, { headByMs: this.#deadlineAtMs, bodySilenceMs: attemptTimeoutMs }, { ...this.#request, headers, isStillGood: () => tokens.isUsable(token) }, this)
    this.#attempt.start(pool)
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    this.#upstreamMs = this.#options.clock.monotonicMs() - (this.#startedAtMs ?? 0)
    this.#options.onAnswer(status, headers)
    if (status === 401 && !this.#hasReplayed) {
      if (this.#canResend()) {
        this.#held = { status, statusText, headers, chunks: [], bytes: 0, failure: undefined }
        return
      }
      this.#rejectToken()
    }
    this.#sink.onHead(status, statusText, headers)
  }

  onChunk (chunk: Buffer): boolean {
    const held = this.#held
    if (held === undefined) return this.#sink.onChunk(chunk)
    held.chunks.push(chunk)
    held.bytes += chunk.length
    if (held.bytes <= MAX_HELD_BYTES) return true
    // Enough: what is left waits in the connection until it is decided.
    void this.#replayOrRelease(held, () => {
      if (held.failure === undefined) this.#attempt?.resume()
      else this.#fail(held.failure)
    })
    return false
  }

  onEnd (): void {
    if (this.#held === undefined) this.#sink.onEnd()
    else void this.#replayOrRelease(this.#held, () => this.#sink.onEnd())
  }

  onFailure (problem: Problem): void {
    const reason = this.#attempt?.retryReason
    if (reason === 'stale') {
      // Never sent, so it was no attempt; it goes back to the queue with what is left of its time.
      this.#attempts--
      this.start()
    } else if (reason === 'dropped' && !this.#hasRetried) {
      this.#hasRetried = true
      this.#deadlineAtMs = undefined
      this.start()
    } else if (this.#held === undefined) {
      this.#fail(problem)
    } else if (this.#held.bytes > MAX_HELD_BYTES) {
      // It is being decided already.
      this.#held.failure = problem
    } else {
      void this.#replayOrRelease(this.#held, () => this.#fail(problem))
    }
  }

  /** A 401 says that nothing was carried out, so even a write may go again, if its body is still there. */
  #canResend (): boolean {
    const { body } = this.#request
    return body === null || Buffer.isBuffer(body)
  }

  async #replayOrRelease (held: UndecidedAnswer, finish: () => void): Promise<void> {
    try {
      const newer = this.#token === undefined ? undefined : await this.#options.tokens.reject(this.#token)
      if (this.#isAbandoned) return
      if (newer !== undefined) {
        this.#held = undefined
        this.#hasReplayed = true
        this.#deadlineAtMs = undefined
        this.#attempt?.abandon()
        this.#send(newer)
        return
      }
      this.#release(held)
      finish()
    } catch (thrown) {
      this.#fail(asProblem(thrown))
    }
  }

  #fail (problem: Problem): void {
    this.#discardBody()
    if (!this.#isAbandoned) this.#sink.onFailure(problem)
  }

  /** What is left of an upload is of no use to anybody. */
  #discardBody (): void {
    const { body } = this.#request
    if (body !== null && !Buffer.isBuffer(body)) body.destroy()
  }

  #release (held: UndecidedAnswer): void {
    this.#held = undefined
    hand(held, this.#sink)
  }

  /** This request can't profit any more, but the ones after it can. */
  #rejectToken (): void {
    if (this.#token !== undefined) void this.#options.tokens.reject(this.#token)
  }
}
