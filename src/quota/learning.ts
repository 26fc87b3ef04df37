/** The first request that goes waits no longer for what it learns. */
const MAX_LEARNING_MS = 1_000

/** While nobody knows what is left some requests go first, and the others wait for what those learn; but not for long. */
export class Learning {
  #places: number
  readonly #sinceTurn: number
  /** From the first of them on. */
  #untilMs = Infinity

  /**
   * @param places how many go first
   * @param sinceTurn turns up to this one are not of them
   */
  constructor (places: number, sinceTurn: number) {
    this.#places = places
    this.#sinceTurn = sinceTurn
  }

  /** When the others go all the same; Infinity while nobody went. */
  get untilMs (): number {
    return this.#untilMs
  }

  get hasPlace (): boolean {
    return this.#places > 0
  }

  take (nowMs: number): void {
    this.#places--
    if (this.#untilMs === Infinity) this.#untilMs = nowMs + MAX_LEARNING_MS
  }

  /** A turn was not used. */
  giveBack (turn: number): void {
    if (this.has(turn)) this.#places++
  }

  /** Whether this turn is one of those that went first. */
  has (turn: number): boolean {
    return turn > this.#sinceTurn
  }
}
