import type { HeldAnswer } from '../answer.ts'
import type { Clock, Timer } from '../clock.ts'
import { asProblem, type Problem } from '../problem.ts'
import { full, isFinal, otherRequest, stillRunning, stillUnknown, type Outcome, type Unknown } from './outcome.ts'
import { Recorder, type Verdict } from './recorder.ts'
import type { Company, Seat } from './seat.ts'
import type { Claimed } from './store.ts'

/** How it ended: with an outcome, without the API having acted, or before it began, since another one is remembered or there is no room. */
export type End = Outcome | 'nothing-done' | 'not-begun'

export interface FlightOptions {
  readonly clock: Clock
  /** How long a repeat waits for the first. */
  readonly waitMs: number
  /** Asks the store; again while it runs elsewhere. */
  readonly claim: (fingerprint: string, isAgain: boolean) => Claimed | Promise<Claimed>
  /** Told once. */
  readonly onOver: (end: End) => void
  /** Told when the last app has left while it goes on, and when that is past: one has come again, or it is over. */
  readonly onDeserted: (isDeserted: boolean) => void
}

/** How soon the store is asked again where it runs elsewhere: most bookings take less than a second, and some take thirty. */
const LOOK = { firstMs: 50, growth: 1.5, capMs: 1_000 } as const

/**
 * One request under way, and all its repeats that wait for it: the first sends, the others get its answer. Where it ended before
 * anything was sent, the next one sends.
 */
export class Flight implements Company, Verdict {
  readonly #options: FlightOptions
  readonly #startedAtMs: number
  /** Of the one that goes, here or elsewhere. */
  #fingerprint: string
  /** First come, first to go. */
  readonly #waiting = new Set<Seat>()
  /** Whose request is on its way. */
  #goer: Seat | undefined
  #recorder: Recorder | undefined
  #isClaimed = false
  /** Until the store is asked again. */
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

  /** A repeat comes while it runs. */
  join (seat: Seat): void {
    // Until the store has answered nobody knows whose key it is.
    if (this.#isClaimed && seat.fingerprint !== this.#fingerprint) return seat.fail(otherRequest(), 'refused')
    seat.repeat = 'waited'
    seat.company = this
    this.#waiting.add(seat)
    this.#noteApps()
    this.#limit(seat, this.#options.waitMs)
  }

  /** Asks the store whether it may go. What is in memory is not waited for. */
  claim (isAgain = false): void {
    const claimed = this.#options.claim(this.#fingerprint, isAgain)
    if (claimed instanceof Promise) void claimed.then(claimed => this.#onClaimed(claimed), thrown => this.#onClaimFailed(asProblem(thrown)))
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

  /** It runs in another process: all wait, each as long as it may. */
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

  #onClaimFailed (problem: Problem): void {
    this.#refuse(problem)
  }

  #refuse (problem: Problem): void {
    for (const seat of this.#end('not-begun')) seat.fail(problem, undefined)
  }

  leave (seat: Seat): void {
    if (seat === this.#goer) this.#recorder?.detach()
    else this.#waiting.delete(seat)
    if (this.#isOver) {
      // What is above 64 KiB still goes to its app, or went.
      if (seat === this.#goer) seat.call?.abandon()
      return
    }
    // Nobody waits any longer for what runs elsewhere.
    if (!this.#hasApps && this.#pause !== undefined) this.#end('not-begun')
    if (!this.#hasApps && this.#goer !== undefined && !this.#wasSent) {
      this.#goer.call?.abandon()
      this.#end('nothing-done')
    }
    this.#noteApps()
  }

  isUnknownFor (seat: Seat): boolean {
    return seat === this.#goer ? seat.call?.isOutcomeUnknown === true : !this.#isOver && this.#wasSent
  }

  onAnswered (answer: HeldAnswer): void {
    for (const seat of this.#end(isFinal(answer) ? { state: 'answered', answer } : 'nothing-done')) seat.answer(answer, 'waited')
  }

  onTooLarge (): void {
    this.#endUnknown('too-large')
    // Not amid a chunk, which undici could not bear.
    if (this.#recorder?.hasApp !== true) queueMicrotask(() => this.#goer?.call?.abandon())
  }

  onRefused (): void {
    // Its own app still gets what comes of it.
    for (const seat of this.#end('nothing-done')) {
      seat.limit?.cancel()
      seat.start()
    }
  }

  onFailed (problem: Problem, hasBegun: boolean): void {
    if (this.#isOver) return
    // Any other of our codes says that nothing was carried out, but for a fault of ours, which says nothing.
    if (problem.code === 'UPSTR-N-001' || (problem.code === 'PROXY-R-001' && this.#wasSent)) return this.#endUnknown(hasBegun ? 'broken-off' : 'no-answer')
    this.#goer = undefined
    // Not at once: each that fails at once would nest in the one before it.
    queueMicrotask(() => this.#next())
  }

  /** Nobody waits any longer, sidecar and all. */
  cut (): void {
    if (this.#isOver) return
    const call = this.#goer?.call
    if (this.#wasSent) this.#endUnknown('no-answer')
    else this.#end(this.#pause === undefined ? 'nothing-done' : 'not-begun')
    call?.abandon()
  }

  get #wasSent (): boolean {
    return this.#goer?.call?.isOutcomeUnknown === true
  }

  get #hasApps (): boolean {
    return this.#waiting.size > 0 || this.#recorder?.hasApp === true
  }

  /** They came while the store was asked, or are none of what runs elsewhere. */
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
    this.#goer = seat
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

  /** @returns those that waited, to be told */
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
