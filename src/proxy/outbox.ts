/** What waits for the end of a turn of the event loop. */
export interface Leaving {
  leave (): void
}

/**
 * Answers that came in one turn of the event loop leave together at its end, so that an app is woken once and not for each of them: a seventh of
 * the CPU of a request (bench/).
 */
export class Outbox {
  #waiting: Leaving[] = []
  #next: Leaving[] = []

  add (answer: Leaving): void {
    if (this.#waiting.length === 0) setImmediate(this.#empty)
    this.#waiting.push(answer)
  }

  readonly #empty = (): void => {
    const leaving = this.#waiting
    // What comes meanwhile leaves in the next turn.
    this.#waiting = this.#next
    for (const answer of leaving) answer.leave()
    leaving.length = 0
    this.#next = leaving
  }
}
