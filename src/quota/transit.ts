/** What was sent longer ago has reached the API, whether it is answered or not. */
const MAX_TRAVEL_MS = 1_000

/**
 * Counts the turns of a process, and how many are in transit: in flight, or sent lately and ended without a word on the quota. Nobody knows in which
 * window the API counts those.
 */
export class Transit {
  #turns = 0
  #inFlight = 0
  /** Turns that were sent and ended without a word on the quota. */
  #untold = 0
  #lastTurnAtMs = -Infinity
  /** How many there were at two moments, a second or more apart. */
  #mark = { turns: 0, untold: 0, atMs: -Infinity }
  #olderMark = this.#mark

  /** The last turn that was taken. */
  get turns (): number {
    return this.#turns
  }

  /** How many are in transit. */
  get size (): number {
    return this.#inFlight + this.#untold - this.#olderMark.untold
  }

  /** A request goes. @returns its turn, from 1 up */
  take (nowMs: number): number {
    if (nowMs - this.#mark.atMs >= MAX_TRAVEL_MS) {
      this.#olderMark = this.#mark
      this.#mark = { turns: this.#turns, untold: this.#untold, atMs: nowMs }
    }
    this.#lastTurnAtMs = nowMs
    this.#inFlight++
    return ++this.#turns
  }

  /** A turn ended. */
  end (): void {
    this.#inFlight--
  }

  /** It was sent, and the API said nothing of the quota. */
  leaveUntold (): void {
    this.#untold++
  }

  /**
   * How many were sent so lately, and not answered, that the API may count them in a window that begins now.
   * @param answered besides
   */
  unseen (nowMs: number, answered: number): number {
    if (nowMs - this.#lastTurnAtMs >= MAX_TRAVEL_MS) return 0
    const mark = nowMs - this.#mark.atMs >= MAX_TRAVEL_MS ? this.#mark : this.#olderMark
    return Math.min(this.#turns - mark.turns, this.#inFlight + this.#untold - mark.untold + answered)
  }
}
