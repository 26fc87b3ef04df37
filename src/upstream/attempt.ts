import type { Dispatcher } from 'undici'
import type { AnswerSink } from '../answer.ts'
import type { Clock, Timer } from '../clock.ts'
import { isKept } from '../request-body.ts'
import { DeadlineError, isRead, toProblem } from './failure.ts'
import { answerHeaders } from './headers.ts'
import type { Connection, ConnectionAware } from './pool.ts'
import type { UpstreamRequest } from './request.ts'

export interface AttemptLimits {
  /** When the head of the answer must be there, on the monotonic clock; each chunk of a streamed upload moves it to `bodySilenceMs` from then. */
  readonly headByMs: number
  /** The longest silence in its body. */
  readonly bodySilenceMs: number
}

/** Nobody waits for the answer any more. */
class AbandonedError extends Error {
  override readonly name = 'AbandonedError'
}

/** It waited for a connection until its token had expired. */
class StaleError extends Error {
  override readonly name = 'StaleError'
}

/**
 * One request, sent at most once: dispatched to the pool, with a deadline that counts the time in the pool's queue.
 *
 * Implements undici 7's own handler interface, which hands on the raw bytes of headers; the newer one parses them into an object
 * first and loses their order and spelling.
 */
export class Attempt implements Dispatcher.DispatchHandler, ConnectionAware {
  connection: Connection | undefined
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #request: UpstreamRequest
  #sink: AnswerSink | undefined
  #abort: ((error: Error) => void) | undefined
  #resume: (() => void) | undefined
  #isPaused = false
  #deadlineMs: number
  #timer: Timer | undefined
  #wasSent = false
  #isOnKeptConnection = false
  #hasAnswerBegun = false
  #retryReason: 'stale' | 'dropped' | undefined
  #hasHead = false

  constructor (clock: Clock, limits: AttemptLimits, request: UpstreamRequest, sink: AnswerSink) {
    this.#clock = clock
    this.#deadlineMs = limits.headByMs
    this.#timeoutMs = limits.bodySilenceMs
    this.#request = request
    this.#sink = sink
  }

  start (pool: Dispatcher): void {
    const { method, target: path, headers, body } = this.#request
    this.#arm()
    pool.dispatch({
      method: method as Dispatcher.HttpMethod,
      path,
      headers: headers as string[],
      body,
      // A slow answer holds back none of the requests behind it: they go to other connections.
      blocking: false,
      // undici would close the connection after each HEAD.
      reset: false
    }, this)
  }

  /** Nobody waits for the answer any more: frees the connection, or the place in the pool's queue. */
  abandon (): void {
    if (this.#sink === undefined) return
    this.#detach()
    this.#abort?.(new AbandonedError())
  }

  /** The sink can take more. */
  resume (): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#expectWithin(this.#timeoutMs)
    this.#arm()
    this.#resume?.()
  }

  /** Whether the API may have seen the request. */
  get wasSent (): boolean {
    return this.#wasSent
  }

  /**
   * After a failure, why it may be made once more: nothing was sent because its token had expired (stale), or a read met a kept connection
   * that broke before any byte of an answer, most likely closed by the API just as the request went out (dropped).
   */
  get retryReason (): 'stale' | 'dropped' | undefined {
    return this.#retryReason
  }

  /** undici: a connection is there, and the request is written to it when this returns. */
  onConnect (abort: (error?: Error) => void): void {
    // Thrown here, the connection stays usable; `abort` would close it.
    if (this.#sink === undefined) throw new AbandonedError()
    if (this.#clock.monotonicMs() >= this.#deadlineMs) throw this.#late()
    if (!this.#request.isStillGood()) throw new StaleError()
    const refusal = this.#request.refusal?.()
    if (refusal !== undefined) throw refusal
    this.#abort = abort
    this.#wasSent = true
    this.#isOnKeptConnection = this.connection?.use() === true
  }

  /** undici: the first byte of an answer came. */
  onResponseStarted (): void {
    this.#hasAnswerBegun = true
  }

  /** undici: a chunk of a streamed body was written. */
  onBodySent (): void {
    if (!this.#hasHead) this.#expectWithin(this.#timeoutMs)
  }

  onHeaders (status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    // 1xx are for the connection to us.
    if (status < 200) return true
    this.#resume = resume
    this.#hasHead = true
    this.#expectWithin(this.#timeoutMs)
    const sink = this.#sink
    sink?.onHead(status, asLatin1(statusText), answerHeaders(rawHeaders))
    if (this.#request.method === 'HEAD' || status === 204 || status === 304) {
      // No body follows, whatever Content-Length says, and undici calls the mismatch an error.
      this.#detach()
      sink?.onEnd()
    }
    return !this.#isPaused
  }

  onData (chunk: Buffer): boolean {
    this.#expectWithin(this.#timeoutMs)
    if (this.#sink?.onChunk(chunk) !== false) return true
    // The API waits for the app now: no deadline of its own runs.
    this.#isPaused = true
    this.#timer?.cancel()
    return false
  }

  onComplete (): void {
    const sink = this.#sink
    this.#detach()
    sink?.onEnd()
  }

  onError (error: Error): void {
    const sink = this.#sink
    const { body, method } = this.#request
    const isDropped = this.#isOnKeptConnection && !this.#hasAnswerBegun && isRead(method) && isConnectionError(error)
    if (error instanceof StaleError) this.#retryReason = 'stale'
    else if (isDropped && isKept(body)) this.#retryReason = 'dropped'
    this.#detach()
    sink?.onFailure(toProblem(error, { method, wasSent: this.#wasSent }))
  }

  #late (): DeadlineError {
    return new DeadlineError(`no progress in ${this.#timeoutMs} ms`)
  }

  #detach (): void {
    this.#sink = undefined
    this.#timer?.cancel()
  }

  /** Moves the deadline; the timer that is armed finds out when it goes off. */
  #expectWithin (ms: number): void {
    this.#deadlineMs = this.#clock.monotonicMs() + ms
  }

  #arm (): void {
    this.#timer = this.#clock.setTimer(() => {
      if (this.#clock.monotonicMs() < this.#deadlineMs) return this.#arm()
      const error = this.#late()
      const abort = this.#abort
      this.onError(error)
      abort?.(error)
    }, this.#deadlineMs - this.#clock.monotonicMs())
  }
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** undici reads the reason phrase as UTF-8; Node writes it as bytes, as the headers. */
function asLatin1 (text: string): string {
  return PRINTABLE_ASCII.test(text) ? text : Buffer.from(text).toString('latin1')
}

/** The connection broke, by itself or by the other side; not because of what came over it, or of us. */
function isConnectionError (error: Error & { code?: string }): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '')
}
