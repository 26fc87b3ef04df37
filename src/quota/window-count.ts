import type { QuotaReading } from './window.ts'

export interface WindowOptions {
  readonly resetsAtMs: number
  readonly limit: number
  /** Undefined: the API has not told of this window yet. It follows by the clock on one that ended, whose reset and limit these are. */
  readonly remaining?: number
  /** On the monotonic clock. */
  readonly endsAtMs: number
  /** Answers to turns up to this one may be of an earlier window. */
  readonly openedAtTurn: number
  /** How many of those the API may count in this one. */
  readonly sent: number
}

/** A window as the API tells of it. */
export interface ToldWindow extends Pick<WindowOptions, 'resetsAtMs' | 'limit' | 'endsAtMs'> {
  readonly isAssumed: boolean
  /** The most that the API said was used. */
  readonly used: number
}

/** What is counted of one window of the quota: what we send, what others do, and what the API tells of both. Nothing here looks at a clock. */
export class WindowCount {
  readonly #openedAtTurn: number
  #resetsAtMs: number
  #limit: number
  #endsAtMs: number
  #isAssumed: boolean
  /** Turns of ours in it, in flight or not. */
  #sent: number
  /** What the API has counted beyond those. */
  #foreign = 0
  /** The least that the API said was left. */
  #told = 0

  constructor ({ resetsAtMs, limit, remaining, endsAtMs, openedAtTurn, sent }: WindowOptions) {
    this.#openedAtTurn = openedAtTurn
    this.#resetsAtMs = resetsAtMs
    this.#limit = limit
    this.#endsAtMs = endsAtMs
    this.#isAssumed = remaining === undefined
    this.#sent = sent
    if (remaining === undefined) this.#assumeWhole()
    else this.#count(limit - remaining, remaining)
  }

  /** X-RateLimit-Reset of the last window that the API told of: this one, or one before it where this one is assumed. */
  get resetsAtMs (): number {
    return this.#resetsAtMs
  }

  get limit (): number {
    return this.#limit
  }

  /** On the monotonic clock. */
  get endsAtMs (): number {
    return this.#endsAtMs
  }

  /** The API has not told of it yet. */
  get isAssumed (): boolean {
    return this.#isAssumed
  }

  /** What a fleet counts by. */
  get told (): ToldWindow {
    return { resetsAtMs: this.#resetsAtMs, limit: this.#limit, endsAtMs: this.#endsAtMs, isAssumed: this.#isAssumed, used: this.#limit - this.#told }
  }

  /**
   * The limit, without what we sent and without what others spent: so what is in flight counts once, whether or not the API has counted it. At the
   * edge of a window it may have counted it in the one before: then it is what the API told, without what is in flight.
   * @param inTransit how many the API may have counted elsewhere
   * @returns less than 0 where more was sent than there was
   */
  leftOf (inTransit: number): number {
    return Math.min(this.#told, Math.max(this.#limit - this.#foreign - this.#sent, this.#told - inTransit))
  }

  /** Whether a turn was taken when this window was there already. */
  has (turn: number): boolean {
    return turn > this.#openedAtTurn
  }

  /** Whether an answer is of an earlier window, of which nothing more is to be learnt. */
  isBehind (turn: number, resetsAtMs: number): boolean {
    return !this.has(turn) && (resetsAtMs < this.#resetsAtMs || (this.#isAssumed && resetsAtMs === this.#resetsAtMs))
  }

  take (): void {
    this.#sent++
  }

  /** A turn was not used. */
  giveBack (turn: number): void {
    if (this.has(turn)) this.#sent--
  }

  /** The API told of this window. */
  hear ({ resetsAtMs, limit, remaining }: QuotaReading, endsAtMs: number): void {
    const used = limit - remaining
    if (this.#limit === limit && !this.#isAssumed) {
      // Within one window what is left only falls, whatever the order of the answers; unless the limit itself was changed.
      this.#foreign = Math.max(used - this.#sent, this.#foreign)
      this.#told = Math.min(this.#told, remaining)
    } else {
      this.#count(used, remaining)
    }
    // Each answer tells the latest possible end; the least of them is the closest.
    this.#endsAtMs = this.#isAssumed ? endsAtMs : Math.min(this.#endsAtMs, endsAtMs)
    this.#resetsAtMs = resetsAtMs
    this.#limit = limit
    this.#isAssumed = false
  }

  /** The API told of one before this one. What was left of that is of no use; the limit is, where it is the newest that was told. */
  hearOfEarlier ({ resetsAtMs, limit }: QuotaReading): void {
    if (!this.#isAssumed || resetsAtMs <= this.#resetsAtMs) return
    this.#resetsAtMs = resetsAtMs
    this.#limit = limit
    this.#assumeWhole()
  }

  /** The API refused a request: nothing is left. */
  end (endsAtMs: number): void {
    this.#told = 0
    this.#endsAtMs = endsAtMs
  }

  /** The machine slept: it is that much older. */
  age (ms: number): void {
    this.#endsAtMs -= ms
  }

  #count (used: number, remaining: number): void {
    this.#foreign = Math.max(used - this.#sent, 0)
    this.#told = remaining
  }

  /** A limit of 0 too is worth a request in each window: else nobody would learn that it was raised. */
  #assumeWhole (): void {
    this.#told = Math.max(this.#limit, 1)
    this.#foreign = this.#limit - this.#told
  }
}
