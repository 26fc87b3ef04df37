import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { asProblem, type Problem } from '../problem.ts'
import type { HeldToken, TokenCache } from '../token/cache.ts'
import { Attempt, type AnswerSink, type UpstreamRequest } from '../upstream/attempt.ts'
import { isRead } from '../upstream/failure.ts'
import { MAX_HELD_BYTES } from './body.ts'

export interface ForwardOptions {
  readonly clock: Clock
  readonly tokens: TokenCache
  readonly pool: Dispatcher
  readonly attemptTimeoutMs: number
}

/** What the app wants to reach the API; the token is added here. */
export type AppRequest = Omit<UpstreamRequest, 'isStillGood'>

/** An answer kept back until it is decided whether the request goes out again. */
interface HeldAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: string[]
  readonly chunks: Buffer[]
  bytes: number
}

/**
 * One request on its way to the API: token, attempt, and once more after a 401 that a newer token may heal.
 *
 * Synchronous while a token is at hand; only a wait for one makes promises.
 */
export class Forward implements AnswerSink {
  readonly #options: ForwardOptions
  readonly #request: AppRequest
  readonly #sink: AnswerSink
  #attempt: Attempt | undefined
  #token: HeldToken | undefined
  #held: HeldAnswer | undefined
  #isAbandoned = false
  #startedAtMs: number | undefined
  #upstreamMs: number | undefined
  #attempts = 0
  /** After a 401, with a newer token. */
  #hasReplayed = false
  /** After a failure that left the API untouched. */
  #hasRepeated = false

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

  /** Nobody waits for the answer any more. */
  abandon (): void {
    this.#isAbandoned = true
    this.#attempt?.abandon()
  }

  /** The sink can take more. */
  resume (): void {
    this.#attempt?.resume()
  }

  /** How often the request was handed to the pool. */
  get attempts (): number {
    return this.#attempts
  }

  /** From the first attempt to the head of the answer that counted. */
  get upstreamMs (): number | undefined {
    return this.#upstreamMs
  }

  /** Whether the API may have carried out a write. */
  get isOutcomeUnknown (): boolean {
    return this.#attempt !== undefined && this.#attempt.wasSent && !isRead(this.#request.method)
  }

  async #startWithToken (): Promise<void> {
    try {
      const token = await this.#options.tokens.get()
      if (!this.#isAbandoned) this.#send(token)
    } catch (thrown) {
      if (!this.#isAbandoned) this.#sink.onFailure(asProblem(thrown))
    }
  }

  #send (token: HeldToken): void {
    const { clock, tokens, pool, attemptTimeoutMs } = this.#options
    this.#token = token
    this.#attempts++
    this.#startedAtMs ??= clock.monotonicMs()
    const headers = [...this.#request.headers, 'Authorization', `Bearer ${token.value.reveal()}`]
    this.#attempt = new Attempt(clock, attemptTimeoutMs, { ...this.#request, headers, isStillGood: () => tokens.isUsable(token) }, this)
    this.#attempt.start(pool)
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    this.#upstreamMs = this.#options.clock.monotonicMs() - (this.#startedAtMs ?? 0)
    if (status === 401 && !this.#hasReplayed) {
      if (this.#mayRepeat()) {
        this.#held = { status, statusText, headers, chunks: [], bytes: 0 }
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
    this.#rejectToken()
    return this.#release(held)
  }

  onEnd (): void {
    if (this.#held === undefined) this.#sink.onEnd()
    else void this.#repeatOrRelease(this.#held, () => this.#sink.onEnd())
  }

  onFailure (problem: Problem): void {
    if (this.#attempt?.mayRepeat === true && !this.#hasRepeated) {
      this.#hasRepeated = true
      this.start()
    } else if (this.#held === undefined) this.#sink.onFailure(problem)
    else void this.#repeatOrRelease(this.#held, () => this.#sink.onFailure(problem))
  }

  /** A 401 says that nothing was carried out, so even a write may go again, if its body is still there. */
  #mayRepeat (): boolean {
    const { body } = this.#request
    return body === null || Buffer.isBuffer(body)
  }

  async #repeatOrRelease (held: HeldAnswer, finish: () => void): Promise<void> {
    try {
      const newer = this.#token === undefined ? undefined : await this.#options.tokens.reject(this.#token)
      if (this.#isAbandoned) return
      if (newer !== undefined) {
        this.#held = undefined
        this.#hasReplayed = true
        this.#send(newer)
        return
      }
      this.#release(held)
      finish()
    } catch (thrown) {
      this.#sink.onFailure(asProblem(thrown))
    }
  }

  /** @returns what the sink says of the last chunk */
  #release (held: HeldAnswer): boolean {
    this.#held = undefined
    this.#sink.onHead(held.status, held.statusText, held.headers)
    return held.chunks.map(chunk => this.#sink.onChunk(chunk)).at(-1) ?? true
  }

  /** This request can't profit any more, but the ones after it can. */
  #rejectToken (): void {
    if (this.#token !== undefined) void this.#options.tokens.reject(this.#token)
  }
}
