import type { HeldAnswer } from '../answer.ts'
import type { Clock, Timer } from '../clock.ts'
import { asProblem, type Problem } from '../problem.ts'
import { full, isFinal, otherRequest, stillRunning, stillUnknown, type Outcome, type Unknown } from './outcome.ts'
import { Recorder, type RecorderEvents } from './recorder.ts'
import type { Company, Seat } from './seat.ts'
import type { Claimed } from './store.ts'

/** How a flight ended: with an outcome, without the API having acted, or without a claim, since another one has it or there is no room. */
export type End = Outcome | 'nothing-done' | 'not-begun'

export interface FlightOptions {
  readonly clock: Clock
  /** How long a repeat waits for the first. */
  readonly waitMs: number
  /** Asks the store; again while it runs elsewhere. */
  readonly claim: (fingerprint: string, isAgain: boolean) => Claimed | Promise<Claimed>
  /** Told once. */
  readonly onOver: (end: End) => void
  /** Told when its last app has left while it goes on, and when that has changed: an app has come again, or it is over. */
  readonly onDeserted: (isDeserted: boolean) => void
}

/** How soon the store is asked again while another sidecar sends: most bookings take less than a second, and some take thirty. */
const LOOK = { firstMs: 50, growth: 1.5, capMs: 1_000 } as const

/**
 * One request under way, and the repeats that wait for it: the first one sends, the others get its answer. If it ends before anything was sent,
 * the next one sends.
 */
export class Flight implements Company, RecorderEvents {
  readonly #options: FlightOptions
  readonly #startedAtMs: number
  /** Of the request that is sent, here or elsewhere. */
  #fingerprint: string
  /** In the order in which they came. */
  readonly #waiting = new Set<Seat>()
  /** The one that sends. */
  #sender: Seat | undefined
  #recorder: Recorder | undefined
  #isClaimed = false
  /** Runs while another sidecar sends; at its end the store is asked again. */
  #pause: Timer | undefined
  #pauseMs: number = LOOK.firstMs
  #isOver = false
  #isDeserted = false

  constructor (first: Seat, options: FlightOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.monotonicMs()
    this.#fingerprint = first.fingerprint
    this.#waiting.add(first)
    first.company = this
  }

  /** Takes a repeat. */
  join (seat: Seat): void {
    // Until the store has answered, the key may belong to another request.
    if (this.#isClaimed && seat.fingerprint !== this.#fingerprint) return seat.fail(otherRequest(), 'refused')
    seat.repeat = 'waited'
    seat.company = this
    this.#waiting.add(seat)
    this.#noteApps()
    this.#limit(seat, this.#options.waitMs)
  }

  /** Asks the store whether the request may be sent. A store in memory answers at once. */
  claim (isAgain = false): void {
    const claimed = this.#options.claim(this.#fingerprint, isAgain)
    if (claimed instanceof Promise) void claimed.then(claimed => this.#onClaimed(claimed), thrown => this.#refuse(asProblem(thrown)))
    else this.#onClaimed(claimed)
  }

  #onClaimed (claimed: Claimed): void {
    if (this.#isOver) return
    this.#isClaimed = true
    if (claimed === 'mine') {
      this.#refuseOthers()
      return this.#next()
    }
    if (claimed === 'full') return this.#refuse(full())
    const { fingerprint, outcome } = claimed
    if (outcome.state === 'running') return this.#waitElsewhere(fingerprint)
    for (const seat of this.#end('not-begun')) {
      if (fingerprint !== seat.fingerprint) seat.fail(otherRequest(), 'refused')
      else if (outcome.state === 'answered') seat.answer(outcome.answer, seat.repeat === 'waited' ? 'waited' : 'answered')
      else seat.fail(stillUnknown(seat.kind, outcome.why), 'unknown')
    }
  }

  /** Another sidecar sends: all wait, each as long as it may. */
  #waitElsewhere (fingerprint: string): void {
    this.#fingerprint = fingerprint
    this.#refuseOthers()
    const { clock, waitMs } = this.#options
    for (const seat of this.#waiting) {
      seat.repeat = 'waited'
      if (seat.limit === undefined) this.#limit(seat, this.#startedAtMs + waitMs - clock.monotonicMs())
    }
    if (!this.#hasApps) {
      this.#end('not-begun')
      return
    }
    this.#pause = clock.setTimer(() => {
      this.#pause = undefined
      this.claim(true)
    }, this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * LOOK.growth, LOOK.capMs)
  }

  #limit (seat: Seat, inMs: number): void {
    const { clock, waitMs } = this.#options
    seat.limit = clock.setTimer(() => {
      this.leave(seat)
      seat.fail(stillRunning(seat.kind, waitMs), 'refused')
    }, inMs)
  }

  #refuse (problem: Problem): void {
    for (const seat of this.#end('not-begun')) seat.fail(problem, undefined)
  }

  leave (seat: Seat): void {
    if (seat === this.#sender) this.#recorder?.detach()
    else this.#waiting.delete(seat)
    if (this.#isOver) {
      // An answer above 64 KiB ends the flight, but still goes to its app.
      if (seat === this.#sender) seat.call?.abandon()
      return
    }
    // Nobody waits any longer for another sidecar.
    if (!this.#hasApps && this.#pause !== undefined) this.#end('not-begun')
    if (!this.#hasApps && this.#sender !== undefined && !this.#wasSent) {
      this.#sender.call?.abandon()
      this.#end('nothing-done')
    }
    this.#noteApps()
  }

  isUnknownFor (seat: Seat): boolean {
    return seat === this.#sender ? seat.call?.isOutcomeUnknown === true : !this.#isOver && this.#wasSent
  }

  onAnswered (answer: HeldAnswer): void {
    for (const seat of this.#end(isFinal(answer) ? { state: 'answered', answer } : 'nothing-done')) seat.answer(answer, 'waited')
  }

  onTooLarge (): void {
    this.#endUnknown('too-large')
    // Later, since undici cannot bear an abort amid a chunk.
    if (this.#recorder?.hasApp !== true) queueMicrotask(() => this.#sender?.call?.abandon())
  }

  onRefused (): void {
    // The sender's app still gets the rest of the answer; the others start anew.
    for (const seat of this.#end('nothing-done')) {
      seat.limit?.cancel()
      seat.start()
    }
  }

  onFailed (problem: Problem, hasBegun: boolean): void {
    if (this.#isOver) return
    // With any other code nothing was carried out; only a fault of ours does not say whether.
    if (problem.code === 'UPSTR-N-001' || (problem.code === 'PROXY-R-001' && this.#wasSent)) return this.#endUnknown(hasBegun ? 'broken-off' : 'no-answer')
    this.#sender = undefined
    // Not at once: many that fail at once would fill the stack.
    queueMicrotask(() => this.#next())
  }

  /** The drain has reached its limit. */
  cut (): void {
    if (this.#isOver) return
    const call = this.#sender?.call
    if (this.#wasSent) this.#endUnknown('no-answer')
    else this.#end(this.#pause === undefined ? 'nothing-done' : 'not-begun')
    call?.abandon()
  }

  get #wasSent (): boolean {
    return this.#sender?.call?.isOutcomeUnknown === true
  }

  get #hasApps (): boolean {
    return this.#waiting.size > 0 || this.#recorder?.hasApp === true
  }

  /** Refuses those with the same key but another request, which came before the store had answered. */
  #refuseOthers (): void {
    for (const seat of [...this.#waiting].filter(({ fingerprint }) => fingerprint !== this.#fingerprint)) {
      this.#waiting.delete(seat)
      seat.fail(otherRequest(), 'refused')
    }
  }

  #next (): void {
    if (this.#isOver) return
    const [seat] = this.#waiting
    if (seat === undefined) {
      this.#end('nothing-done')
      return
    }
    this.#waiting.delete(seat)
    this.#sender = seat
    this.#recorder = new Recorder(seat.sink, this)
    try {
      seat.go(this.#recorder).start()
    } catch (thrown) {
      this.#recorder.onFailure(asProblem(thrown))
    }
  }

  #endUnknown (why: Unknown): void {
    for (const seat of this.#end({ state: 'unknown', why })) seat.fail(stillUnknown(seat.kind, why), 'unknown')
  }

  /** @returns those that wait, for the caller to tell */
  #end (end: End): readonly Seat[] {
    if (this.#isOver) return []
    this.#isOver = true
    this.#pause?.cancel()
    const seats = [...this.#waiting]
    this.#waiting.clear()
    this.#noteApps()
    this.#options.onOver(end)
    return seats
  }

  #noteApps (): void {
    const isDeserted = !this.#isOver && !this.#hasApps
    if (isDeserted === this.#isDeserted) return
    this.#isDeserted = isDeserted
    this.#options.onDeserted(isDeserted)
  }
}
