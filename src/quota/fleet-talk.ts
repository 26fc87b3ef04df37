import type { Clock, Timer } from '../clock.ts'
import type { Ledger } from './ledger.ts'
import type { Grant, Purpose, QuotaStore, Want } from './stores/store.ts'

export interface FleetTalkOptions {
  readonly clock: Clock
  readonly store: QuotaStore
  /** From 0 to 1. */
  readonly random: () => number
  /** What the API told us: the fleet hears of it with each question. */
  readonly ledger: Ledger
  /** What we hold of what was granted. */
  readonly unspent: () => number
  /** Undefined: no answer, or one of no use. */
  readonly onAnswer: (purpose: Purpose, grant: Grant | undefined) => void
}

/** A live process is heard of at least three times in the minute after which it counts as gone. */
const BEAT_MS = 20_000

/** After an answer of no use, or none. */
const FAILURE_PAUSE_MS = 1_000

/** For each process of the fleet: some times what Redis takes for one question. */
const SPREAD_MS = 0.2

/** What is said between this process and its fleet: one question at a time, and a sign of life all the while. */
export class FleetTalk {
  readonly #options: FleetTalkOptions
  #heard: { readonly pods: number, readonly left: number, readonly endsAtMs: number } | undefined
  #answersByMs: number | undefined
  #pausesUntilMs = -Infinity
  /** From 0 to 1, among those who wake at one moment; another one after each answer, or the same would always come first. */
  #place = 0
  /** Sent in this window without a grant: before the limit was known, or alone. The fleet has still to hear of them. */
  #ungranted = 0
  #ungrantedWindow = 1
  #beatTimer: Timer | undefined
  #isStopped = false

  constructor (options: FleetTalkOptions) {
    this.#options = options
  }

  /** From now on the fleet knows of us. */
  start (): void {
    void this.#beat()
  }

  /** What is held of that window is of use to others. */
  async stop (windowId: string, unspent: number): Promise<void> {
    this.#isStopped = true
    this.#beatTimer?.cancel()
    await this.#options.store.leave(windowId, unspent)
  }

  /** The last word of the fleet. */
  get heard (): { readonly pods: number, readonly left: number, readonly endsAtMs: number } | undefined {
    return this.#heard
  }

  /** While an answer is awaited: when it is here at the latest. */
  get answersByMs (): number | undefined {
    return this.#answersByMs
  }

  /** How much later than others we ask at a moment for which all wait, so that the store has not all of them at once. */
  get spreadMs (): number {
    return this.#place * SPREAD_MS * (this.#heard?.pods ?? 1)
  }

  canAsk (nowMs: number): boolean {
    return this.#options.store.isUp && nowMs >= this.#pausesUntilMs && !this.#isStopped
  }

  ask (purpose: Purpose, nowMs: number): void {
    if (this.#answersByMs !== undefined || !this.canAsk(nowMs)) return
    this.#answersByMs = nowMs + this.#options.store.limitMs
    void this.#ask(purpose)
  }

  sentUngranted (): void {
    this.#countUngranted(1)
  }

  async #ask (purpose: Purpose): Promise<void> {
    const grant = await this.#report(purpose)
    this.#answersByMs = undefined
    this.#place = this.#options.random()
    if (grant?.window === undefined) this.#pausesUntilMs = this.#options.clock.monotonicMs() + FAILURE_PAUSE_MS
    this.#options.onAnswer(purpose, grant)
  }

  async #report (want: Want): Promise<Grant | undefined> {
    const { clock, store, ledger, unspent } = this.#options
    ledger.roll(clock.monotonicMs())
    const { told, windows } = ledger
    // Taken out while they are told, so that two reports do not both tell them.
    const ungranted = told === undefined ? 0 : this.#countUngranted(0)
    this.#ungranted -= ungranted
    const grant = await store.take({ want, told, lastsMs: told === undefined ? 0 : told.endsAtMs - clock.monotonicMs(), unspent: unspent(), ungranted })
    if (grant === undefined) {
      if (ledger.windows === windows) this.#countUngranted(ungranted)
      return undefined
    }
    this.#heard = { pods: grant.pods, left: grant.window?.left ?? 0, endsAtMs: grant.window === undefined ? -Infinity : clock.monotonicMs() + grant.window.endsInMs }
    return grant
  }

  #countUngranted (n: number): number {
    const window = Math.max(this.#options.ledger.windows, 1)
    if (this.#ungrantedWindow !== window) this.#ungranted = 0
    this.#ungrantedWindow = window
    this.#ungranted += n
    return this.#ungranted
  }

  async #beat (): Promise<void> {
    await this.#report('look')
    if (!this.#isStopped) this.#beatTimer = this.#options.clock.setTimer(() => { void this.#beat() }, BEAT_MS)
  }
}
