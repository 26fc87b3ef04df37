/** What the first of them learns is waited for no longer. */
const MAX_LEARNING_MS = 1_000

/** While nobody knows what is left some requests go first, and the others wait for what those learn; but not for long. */
export class Learning {
  readonly #places: number
  /** How many of them are taken. */
  #taken = 0
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

  /** When the others go all the same; Infinity while nobody is on the way. */
  get untilMs (): number {
    return this.#untilMs
  }

  get hasPlace (): boolean {
    return this.#taken < this.#places
  }

  take (nowMs: number): void {
    if (this.#untilMs === Infinity) this.#untilMs = nowMs + MAX_LEARNING_MS
    this.#taken++
  }

  /** A turn ended with nothing learnt: another goes in its place. */
  giveBack (turn: number): void {
    if (!this.has(turn)) return
    this.#taken--
    if (this.#taken === 0) this.#untilMs = Infinity
  }

  /** Whether this turn is one of those that went first. */
  has (turn: number): boolean {
    return turn > this.#sinceTurn
  }
}
