import type { Clock } from '../clock.ts'
import { asProblem, type Problem } from '../problem.ts'
import type { Governor } from '../quota/governor.ts'
import type { Lane, Waiter } from '../quota/lanes.ts'
import type { TokenCache } from '../token/cache.ts'
import type { HeldToken } from '../token/source.ts'

export interface PassOptions {
  readonly clock: Clock
  readonly tokens: TokenCache
  readonly quota: Governor
}

/** Who wants to go out to the API. */
export interface PassHolder {
  /** How often it went: the API had it already. */
  readonly attempts: number
  /** It may go now, with this token. */
  onPass (token: HeldToken): void
  /** It may not go: no token is to be had, or no turn in time. */
  onNoPass (problem: Problem): void
}

/**
 * What a request needs to go out: a token, then a turn of the quota, each waited for where need be. The token comes first, so that nobody
 * holds a turn while no token can be had; after a wait for the turn it is read again. Synchronous while both are at hand.
 *
 * A turn is answered for or given back, however the request ends.
 */
export class Pass {
  readonly #clock: Clock
  readonly #tokens: TokenCache
  readonly #quota: Governor
  readonly #lane: Lane
  readonly #holder: PassHolder
  /** With which it went last. */
  #token: HeldToken | undefined
  /** 0 while none is held. */
  #turn = 0
  #waiter: Waiter | undefined
  /** When it waited for a turn first: all its waits together have one limit. */
  #sinceMs: number | undefined
  #waitedMs: number | undefined
  #hasLeft = false

  constructor ({ clock, tokens, quota }: PassOptions, lane: Lane, holder: PassHolder) {
    this.#clock = clock
    this.#tokens = tokens
    this.#quota = quota
    this.#lane = lane
    this.#holder = holder
  }

  /** How long the quota held the request; undefined where it did not. */
  get waitedMs (): number | undefined {
    return this.#waitedMs
  }

  /** Asks for both. */
  ask (): void {
    const token = this.#tokens.current()
    if (token === undefined) void this.#waitForToken()
    else this.askWith(token)
  }

  /** Asks for a turn alone. */
  askWith (token: HeldToken): void {
    this.#turn = this.#quota.take(this.#lane)
    if (this.#turn === 0) this.waitForTurn()
    else this.#go(token)
  }

  /** Asks for a turn where none is free now, and so has to wait for one. */
  waitForTurn (): void {
    const sinceMs = this.#sinceMs ??= this.#clock.monotonicMs()
    let isOver = false
    const over = (): void => {
      isOver = true
      this.#noteWait()
    }
    const waiter = this.#quota.wait(this.#lane, { sinceMs, isSentBack: this.#holder.attempts > 0 }, {
      go: turn => {
        over()
        this.#turn = turn
        this.#goAfterWait()
      },
      refuse: problem => {
        over()
        this.#holder.onNoPass(problem)
      }
    })
    // It may be over already.
    if (!isOver) this.#waiter = waiter
  }

  /** Whether a refusal of the API can be waited out. */
  get isWorthWaiting (): boolean {
    return this.#quota.isWorthWaiting(this.#lane, this.#sinceMs ?? this.#clock.monotonicMs())
  }

  /**
   * The API answered: the turn is spent.
   * @returns whether the answer tells of the quota
   */
  answered (status: number, headers: readonly string[]): boolean {
    const turn = this.#turn
    this.#turn = 0
    return this.#quota.answered(turn, status, headers)
  }

  /**
   * The API refused the token.
   * @returns a newer one; undefined where none is to be had
   */
  async renewToken (): Promise<HeldToken | undefined> {
    return this.#token === undefined ? undefined : await this.#tokens.reject(this.#token)
  }

  /** The request ended without an answer, or others may go first. */
  giveBack (wasSent: boolean): void {
    if (this.#turn === 0) return
    this.#quota.giveBack(this.#turn, wasSent)
    this.#turn = 0
  }

  /** It wants to go no more. */
  leave (wasSent: boolean): void {
    this.#hasLeft = true
    if (this.#waiter !== undefined) {
      this.#quota.leave(this.#waiter)
      this.#noteWait()
    }
    this.giveBack(wasSent)
  }

  async #waitForToken (): Promise<void> {
    try {
      const token = await this.#tokens.get()
      if (!this.#hasLeft) this.askWith(token)
    } catch (thrown) {
      this.#holder.onNoPass(asProblem(thrown))
    }
  }

  #goAfterWait (): void {
    try {
      const token = this.#tokens.current()
      if (token !== undefined) return this.#go(token)
      // It ended meanwhile: others may have the turn until there is a new one.
      this.giveBack(false)
      void this.#waitForToken()
    } catch (thrown) {
      this.#holder.onNoPass(asProblem(thrown))
    }
  }

  #go (token: HeldToken): void {
    this.#token = token
    this.#holder.onPass(token)
  }

  #noteWait (): void {
    this.#waiter = undefined
    this.#waitedMs = this.#clock.monotonicMs() - (this.#sinceMs ?? 0)
  }
}
