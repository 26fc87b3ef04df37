import type { AnswerSink } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { withoutHeaders } from '../fields.ts'
import { isKept } from '../request-body.ts'
import { fingerprintOf } from './fingerprint.ts'
import { Flight, type End } from './flight.ts'
import { isBooking, malformedKey, mayBeRepeated, parseKey, tooLarge } from './key.ts'
import { claimLost } from './outcome.ts'
import { Seat, type HeldRequest, type Send, type StartableCall, type WriteRequest } from './seat.ts'
import type { RepeatStore } from './store.ts'

export interface RepeatsOptions {
  readonly clock: Clock
  readonly store: RepeatStore
  /** How long a repeat waits for the first. */
  readonly waitMs: number
  /** How long the outcome of a request with a key is remembered. */
  readonly ttlMs: number
  /** How long equal bookings without a key are one; 0: never. */
  readonly windowMs: number
  /** The path of BOOKABLE_API_URL, which stands before that of the app. */
  readonly basePath: string
}

/** Sees to it that a request that is made again is carried out once: by its Idempotency-Key, or as an equal booking within the window. */
export class Repeats {
  readonly #options: RepeatsOptions
  readonly #running = new Map<string, Flight>()
  #carried = 0
  #onIdle: (() => void) | undefined

  constructor (options: RepeatsOptions) {
    this.#options = options
  }

  /**
   * The call for a request: its own, or that of a repeat, which is answered from memory, waits for the first, or is refused.
   * @param key the Idempotency-Key header, where there is one
   * @param send makes the call that sends it
   * @throws IDEMP-N-002, PROXY-N-007
   */
  call (key: string | undefined, request: WriteRequest, sink: AnswerSink, send: Send): StartableCall {
    if (!mayBeRepeated(request.method)) return send(request, sink)
    const { body } = request
    const isHeld = isKept(body)
    if (key === undefined) return isHeld && this.#isInWindow(request) ? this.#seat(undefined, { ...request, body }, sink, send) : send(request, sink)
    const parsed = parseKey(key)
    if (parsed === undefined) throw malformedKey()
    if (!isHeld) {
      // What still comes is read and thrown away, so that the app gets to see the answer.
      body.destroy()
      throw tooLarge()
    }
    // The API does not know the key, and is not told.
    return this.#seat(parsed, { ...request, headers: withoutHeaders(request.headers, ['idempotency-key']), body }, sink, send)
  }

  /** How many requests go on although their apps have left: they were sent, and their outcome is to be remembered. */
  get carried (): number {
    return this.#carried
  }

  get running (): number {
    return this.#running.size
  }

  get remembered (): { readonly records: number, readonly bytes: number } {
    const { records, bytes } = this.#options.store
    return { records, bytes }
  }

  /** Resolves when nothing is under way. */
  async finished (): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>(resolve => { this.#onIdle = resolve })
  }

  /** The drain has reached its limit: what was sent is unknown from now on, the rest is forgotten. */
  cut (): void {
    for (const flight of [...this.#running.values()]) flight.cut()
  }

  /** Resolves when the store has written what it could. */
  async stop (): Promise<void> {
    await this.#options.store.stop()
  }

  #isInWindow ({ method, target }: WriteRequest): boolean {
    const { windowMs, basePath } = this.#options
    return windowMs > 0 && isBooking(method, target.slice(basePath.length))
  }

  #seat (key: string | undefined, request: HeldRequest, sink: AnswerSink, send: Send): Seat {
    const fingerprint = fingerprintOf(request)
    const [id, kind] = key === undefined ? [`equal ${fingerprint}`, 'window'] as const : [`key ${key}`, 'key'] as const
    return new Seat({ id, kind, fingerprint, sink }, sink => send({ ...request, refusal: () => this.#options.store.mayBeSent(id) ? undefined : claimLost() }, sink), seat => this.#take(seat))
  }

  #take (seat: Seat): void {
    const { id, kind } = seat
    const underWay = this.#running.get(id)
    if (underWay !== undefined) return underWay.join(seat)
    const { clock, store, waitMs, ttlMs, windowMs } = this.#options
    const flight = new Flight(seat, {
      clock,
      waitMs,
      claim: (fingerprint, isAgain) => store.claim({ id, fingerprint, ttlMs: kind === 'key' ? ttlMs : windowMs, isAgain }),
      onOver: end => this.#onOver(id, end),
      onDeserted: isDeserted => { this.#carried += isDeserted ? 1 : -1 }
    })
    this.#running.set(id, flight)
    flight.claim()
  }

  #onOver (id: string, end: End): void {
    const { store } = this.#options
    if (end === 'nothing-done') store.forget(id)
    else if (end !== 'not-begun') store.finish(id, end)
    this.#running.delete(id)
    if (this.#running.size === 0) this.#onIdle?.()
  }
}
