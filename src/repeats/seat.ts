import { StandIn, type AnswerSink, type HeldAnswer, type PreparedCall } from '../answer.ts'
import type { Timer } from '../clock.ts'
import type { Problem } from '../problem.ts'
import type { RequestBody } from '../request-body.ts'
import { replay, type Kind } from './outcome.ts'

/** What an app wants to be sent. */
export interface WriteRequest {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** A Buffer up to 64 KiB, a stream above. */
  readonly body: RequestBody
  /** Asked just before it is sent: why it must not be any more. */
  readonly refusal?: () => Problem | undefined
}

/** A request that can be compared with another, and sent later. */
export interface HeldRequest extends WriteRequest {
  readonly body: Buffer | null
}

/** How a repeat ended: with the remembered answer, with the answer that it waited for, with a problem of ours, or with an unknown outcome. */
export type RepeatOutcome = 'answered' | 'waited' | 'refused' | 'unknown'

/** A call that begins when it is told to. */
export interface StartableCall extends PreparedCall {
  /** Absent for what repeats nothing. */
  readonly repeat?: RepeatOutcome | undefined
}

/** Makes the call that sends a request. */
export type Send = (request: WriteRequest, sink: AnswerSink) => StartableCall

/** The flight that a seat belongs to once it has started. */
export interface Company {
  leave (seat: Seat): void
  isUnknownFor (seat: Seat): boolean
}

/** One request of an app: a repeat, or the first, which others may repeat. */
export class Seat extends StandIn implements StartableCall {
  readonly id: string
  readonly kind: Kind
  readonly fingerprint: string
  repeat: RepeatOutcome | undefined
  company: Company | undefined
  /** Ends its wait for another one. */
  limit: Timer | undefined
  /** Its own, once it has been sent on. */
  call: StartableCall | undefined
  readonly sink: AnswerSink
  readonly #send: (sink: AnswerSink) => StartableCall
  readonly #onStart: (seat: Seat) => void

  constructor (
    { id, kind, fingerprint, sink }: Pick<Seat, 'id' | 'kind' | 'fingerprint' | 'sink'>,
    send: (sink: AnswerSink) => StartableCall,
    onStart: (seat: Seat) => void
  ) {
    super()
    this.id = id
    this.kind = kind
    this.fingerprint = fingerprint
    this.sink = sink
    this.#send = send
    this.#onStart = onStart
  }

  start (): void {
    this.#onStart(this)
  }

  /** Makes the call that sends its own request. */
  go (sink: AnswerSink): StartableCall {
    this.limit?.cancel()
    this.repeat = undefined
    this.call = this.#send(sink)
    return this.call
  }

  abandon (): void {
    this.limit?.cancel()
    this.company?.leave(this)
  }

  resume (): void {
    this.call?.resume()
  }

  override get isOutcomeUnknown (): boolean {
    return this.company?.isUnknownFor(this) ?? false
  }

  /** Gets what the first one got. */
  answer (answer: HeldAnswer, how: 'answered' | 'waited'): void {
    this.limit?.cancel()
    this.repeat = how
    replay(answer, this.sink)
  }

  fail (problem: Problem, how: RepeatOutcome | undefined): void {
    this.limit?.cancel()
    this.repeat = how
    this.sink.onFailure(problem)
  }
}
