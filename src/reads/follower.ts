import { give, StandIn, type HeldAnswer, type PreparedCall } from '../answer.ts'
import type { Problem } from '../problem.ts'
import type { Flight, Follower } from './flight.ts'
import { goAlone, type ReadCall, type Reader, type ServedBy } from './reader.ts'

/** A read that shares the call of another one, or goes alone where that call's answer is not for both. */
export class FollowingRead extends StandIn implements Follower, ReadCall {
  readonly reader: Reader
  readonly #onCoalesced: () => void
  #flight: Flight
  /** The second flight, where this one leads it. */
  #led: Flight | undefined
  /** Its own call, where it goes alone. */
  #own: PreparedCall | undefined

  /** @param onCoalesced told once another one's call has served it */
  constructor (reader: Reader, flight: Flight, onCoalesced: () => void) {
    super()
    this.reader = reader
    this.#onCoalesced = onCoalesced
    this.#flight = flight
    flight.join(this)
  }

  get servedBy (): ServedBy {
    if (this.#own !== undefined) return 'api'
    return this.#led?.servedBy ?? 'flight'
  }

  abandon (): void {
    if (this.call === undefined) this.#flight.leave(this)
    else this.call.abandon()
  }

  resume (): void {
    this.call?.resume()
  }

  take (answer: HeldAnswer): void {
    this.#onCoalesced()
    give(answer, this.reader)
  }

  fail (problem: Problem): void {
    this.#onCoalesced()
    this.reader.onFailure(problem)
  }

  goAlone (): void {
    this.#own = goAlone(this.reader)
  }

  lead (flight: Flight): void {
    this.#led = flight
  }

  follow (flight: Flight): void {
    this.#flight = flight
    flight.join(this)
  }

  get call (): PreparedCall | Flight | undefined {
    return this.#own ?? this.#led
  }
}
