import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AnswerSink, PreparedCall } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { endWith } from '../http/pipeline.ts'
import { asProblem, Problem } from '../problem.ts'
import type { RequestBody } from '../request-body.ts'
import type { ReadCall, Reader } from '../reads/reader.ts'
import type { Reads } from '../reads/reads.ts'
import type { Repeats } from '../repeats/repeats.ts'
import type { RepeatOutcome, WriteRequest } from '../repeats/seat.ts'
import { takeBody, type Upload } from './body.ts'
import { Forward, type ForwardOptions } from './forward.ts'
import { admit, type DoorState, type GuardConfig } from './guards.ts'
import { laneOf } from './lane.ts'
import { readHead, upstreamHeaders, type HeaderRules, type RequestHead } from './head.ts'
import { linger } from './linger.ts'
import type { Outbox } from './outbox.ts'
import type { ExchangeRecord } from './record.ts'
import { Reply, type ReplyObserver } from './reply.ts'
import type { Listed } from './roster.ts'
import { pathOf } from './target.ts'

/** What all exchanges share. */
export interface ExchangeContext extends DoorState {
  readonly clock: Clock
  readonly guards: GuardConfig
  readonly forward: ForwardOptions
  readonly reads: Reads
  readonly repeats: Repeats
  readonly outbox: Outbox
  /** The path of BOOKABLE_API_URL, put before the app's; empty where there is none. */
  readonly basePath: string
  readonly headerRules: HeaderRules
  nextRequestId (): string
  onAdmitted (exchange: Exchange): void
  /** Told once for each request, refused ones too. */
  onClosed (exchange: Exchange, record: ExchangeRecord): void
}

/**
 * One request of an app, from the door to the log line: admitted or refused, its body taken, forwarded, and the answer written as
 * it comes.
 */
export class Exchange implements Reader, Listed<Exchange>, ReplyObserver {
  previous: Exchange | undefined
  next: Exchange | undefined
  /** Was not let in, and is answered already. */
  readonly isRefused: boolean
  readonly #context: ExchangeContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #reply: Reply
  readonly #head: RequestHead
  readonly #startedAtMs: number
  readonly #reqId: string
  readonly #correlationId: string
  readonly #route: string | undefined
  readonly #isPipelined: boolean
  #upload: Upload | undefined
  #call: (ReadCall & { readonly repeat?: RepeatOutcome | undefined }) | undefined
  #problem: Problem | undefined
  #isBroken = false
  #isClosed = false

  constructor (context: ExchangeContext, req: IncomingMessage, res: ServerResponse, isOnSocket: boolean) {
    this.#context = context
    this.#req = req
    this.#res = res
    this.#reply = new Reply(res, context, this)
    this.#head = readHead(req.rawHeaders)
    this.#startedAtMs = context.clock.monotonicMs()
    this.#reqId = context.nextRequestId()
    this.#correlationId = this.#head.correlationId ?? randomUUID()
    res.on('close', this.#onClose)
    // A pipelined answer that never gets the connection emits no 'close'. Any number of them may wait.
    this.#isPipelined = res.socket === null
    if (this.#isPipelined) req.socket.setMaxListeners(0).once('close', this.#onClose)
    const { route, refusal } = admit(req, this.#head, context.guards, context, isOnSocket)
    this.#route = route
    this.isRefused = refusal !== undefined
    if (refusal === undefined) context.onAdmitted(this)
    else this.onFailure(refusal)
  }

  /** Takes the body and sends the request on. Whatever goes wrong ends in an answer. */
  forward (): void {
    if (!this.#head.hasBody) return this.#send(null)
    this.#upload = takeBody({ req: this.#req, res: this.#res, head: this.#head, clock: this.#context.clock }, (failure, body) => {
      if (this.#isClosed || this.#problem !== undefined) return
      if (failure !== undefined) this.onFailure(failure)
      else this.#send(body)
    })
  }

  /** The drain is over: what was not sent is told so, and what may have been carried out too. */
  cut (): void {
    const isUnknown = this.#call?.isOutcomeUnknown === true
    this.#call?.abandon()
    this.onFailure(isUnknown
      ? new Problem('UPSTR-N-001', 'The request was sent to Bookable, but the sidecar shut down before its answer was handed on.')
      : new Problem('DRAIN-R-001', 'The sidecar shut down before the request was answered.'))
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    headers.push('X-Correlation-ID', this.#correlationId)
    if (this.#context.isLeaving && endWith(this.#res)) headers.push('Connection', 'close')
    this.#reply.begin(status, statusText, headers)
  }

  onChunk (chunk: Buffer): boolean {
    return this.#reply.write(chunk)
  }

  onEnd (): void {
    this.#reply.end()
  }

  onFailure (problem: Problem): void {
    this.#problem = problem
    if (this.#isClosed) return
    if (this.#res.headersSent) this.#break()
    // Where a malformed request ends, and the next one begins, is not to be guessed.
    else this.#reply.refuse(problem, this.#correlationId, this.#context.isLeaving || problem.code === 'PROXY-N-006')
  }

  onDrain (): void {
    this.#call?.resume()
  }

  onSilence (): void {
    this.#break()
  }

  prepare (sink: AnswerSink, conditions: readonly string[]): PreparedCall {
    return this.#forward(this.#request(null, conditions), sink)
  }

  #send (body: RequestBody): void {
    const { method, url = '' } = this.#req
    const { variant, apiKey, idempotencyKey } = this.#head
    const { reads, repeats, headerRules } = this.#context
    // A key that is not for us goes to the API, and what it opens there is for nobody else.
    const isPersonal = apiKey !== undefined && !headerRules.isKeyed
    try {
      if (method === 'GET' && variant !== undefined && !isPersonal) {
        this.#call = reads.read(url, variant, this)
      } else {
        const call = this.#call = repeats.call(idempotencyKey, this.#request(body, []), this, (request, sink) => this.#forward(request, sink))
        call.start()
      }
    } catch (thrown) {
      this.onFailure(asProblem(thrown))
    }
  }

  #request (body: RequestBody, conditions: readonly string[]): WriteRequest {
    const { basePath, headerRules } = this.#context
    const { method = '', url = '' } = this.#req
    const headers = upstreamHeaders(this.#head, this.#correlationId, headerRules)
    headers.push(...conditions)
    return { method, target: basePath + url, headers, body }
  }

  #forward ({ method, target, headers, body, refusal }: WriteRequest, sink: AnswerSink): Forward {
    return new Forward(this.#context.forward, { method, target, lane: laneOf(method, this.#req.url ?? '', this.#route ?? ''), headers, body, refusal }, sink)
  }

  /** Never shortens an answer: a reset is seen as a failure even where only the end of the connection would mark the end of the body. */
  #break (): void {
    this.#isBroken = true
    this.#reply.drop()
    // A pipelined answer has no connection yet, but the request has: the same one.
    const socket = this.#res.socket ?? this.#req.socket
    socket.resetAndDestroy()
  }

  readonly #onClose = (): void => {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#isPipelined) this.#req.socket.off('close', this.#onClose)
    this.#reply.drop()
    this.#upload?.stop()
    this.#call?.abandon()
    if (!this.#req.complete) linger(this.#req, this.#context.clock)
    this.#context.onClosed(this, this.#record())
  }

  #record (): ExchangeRecord {
    const isAborted = !this.#res.writableFinished && !this.#isBroken
    return {
      reqId: this.#reqId,
      correlationId: this.#correlationId,
      route: this.#route,
      method: this.#req.method ?? '',
      path: pathOf(this.#req.url ?? ''),
      status: isAborted ? 499 : this.#res.statusCode,
      durationMs: this.#context.clock.monotonicMs() - this.#startedAtMs,
      upstreamMs: this.#call?.upstreamMs,
      quotaWaitMs: this.#call?.quotaWaitMs,
      quotaLeft: this.#context.forward.quota.left,
      bytes: this.#reply.bytes,
      attempts: this.#call?.attempts ?? 0,
      servedBy: this.#call?.servedBy ?? 'api',
      repeat: this.#call?.repeat,
      problem: this.#problem,
      isAborted,
      isBroken: this.#isBroken
    }
  }
}
