import type { Clock } from '../clock.ts'
import type { Governor, Verdict } from '../quota/governor.ts'
import type { Lane, Waiter } from '../quota/lanes.ts'

/** One request's turn of the quota: taken at once or waited for, and answered for or given back, however the request ends. */
export class Turn {
  readonly #quota: Governor
  readonly #clock: Clock
  readonly #lane: Lane
  /** 0 while none is held. */
  #number = 0
  #waiter: Waiter | undefined
  /** When it was held first: all its waits together have one limit. */
  #sinceMs: number | undefined
  #waitedMs: number | undefined

  constructor (quota: Governor, clock: Clock, lane: Lane) {
    this.#quota = quota
    this.#clock = clock
    this.#lane = lane
  }

  /** How long the quota held the request; undefined where it did not. */
  get waitedMs (): number | undefined {
    return this.#waitedMs
  }

  /** @returns whether it is there without waiting */
  take (): boolean {
    this.#number = this.#quota.take(this.#lane)
    return this.#number !== 0
  }

  /** @param isSentBack the API had the request already */
  wait (isSentBack: boolean, { go, refuse }: { readonly go: () => void, readonly refuse: Verdict['refuse'] }): void {
    const sinceMs = this.#sinceMs ??= this.#clock.monotonicMs()
    let isOver = false
    const over = (): void => {
      isOver = true
      this.#noteWait()
    }
    const waiter = this.#quota.wait(this.#lane, { sinceMs, isSentBack }, {
      go: number => {
        over()
        this.#number = number
        go()
      },
      refuse: problem => {
        over()
        refuse(problem)
      }
    })
    // It may be over already.
    if (!isOver) this.#waiter = waiter
  }

  /** Whether a refusal of the API can be waited out. */
  isWorthWaiting (): boolean {
    return this.#quota.isWorthWaiting(this.#lane, this.#sinceMs ?? this.#clock.monotonicMs())
  }

  /** @returns whether the answer tells of the quota */
  answered (status: number, headers: readonly string[]): boolean {
    const number = this.#number
    this.#number = 0
    return this.#quota.answered(number, status, headers)
  }

  /** The request ended without an answer, or others may go first. */
  giveBack (wasSent: boolean): void {
    if (this.#number === 0) return
    this.#quota.giveBack(this.#number, wasSent)
    this.#number = 0
  }

  /** Nobody waits any more. */
  leave (): void {
    if (this.#waiter === undefined) return
    this.#quota.leave(this.#waiter)
    this.#noteWait()
  }

  #noteWait (): void {
    this.#waiter = undefined
    this.#waitedMs = this.#clock.monotonicMs() - (this.#sinceMs ?? 0)
  }
}
