import { MAX_HELD_BYTES, type AnswerSink, type HeldAnswer } from '../answer.ts'
import type { Problem } from '../problem.ts'
import { isRefusal } from './outcome.ts'

/** What the recorder tells its owner: once, what became of the request. */
export interface RecorderEvents {
  onAnswered (answer: HeldAnswer): void
  /** The answer is larger than what is kept; the rest of it still goes to the app. */
  onTooLarge (): void
  /** The API refused the request without acting on it, but the answer is too large to keep, or broke off. */
  onRefused (): void
  /** @param hasBegun whether an answer had begun */
  onFailed (problem: Problem, hasBegun: boolean): void
}

/** Hands an answer on to its app as it comes, and keeps it meanwhile: an app that reads slowly, or has left, does not hold up its repeats. */
export class Recorder implements AnswerSink {
  readonly #events: RecorderEvents
  #app: AnswerSink | undefined
  #head: Omit<HeldAnswer, 'chunks'> = { status: 0, statusText: '', headers: [] }
  #chunks: Buffer[] = []
  #bytes = 0
  #hasBegun = false

  constructor (app: AnswerSink, events: RecorderEvents) {
    this.#app = app
    this.#events = events
  }

  /** Whether somebody takes the answer. */
  get hasApp (): boolean {
    return this.#app !== undefined
  }

  /** The app has left. */
  detach (): void {
    this.#app = undefined
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    this.#hasBegun = true
    // The sink's own from now on.
    this.#head = { status, statusText, headers: [...headers] }
    this.#app?.onHead(status, statusText, headers)
  }

  onChunk (chunk: Buffer): boolean {
    const wasKept = this.#bytes <= MAX_HELD_BYTES
    this.#bytes += chunk.length
    const isWanted = this.#app?.onChunk(chunk) ?? false
    if (this.#bytes <= MAX_HELD_BYTES) {
      this.#chunks.push(chunk)
      return true
    }
    if (wasKept) {
      this.#chunks = []
      if (isRefusal(this.#head.status)) this.#events.onRefused()
      else this.#events.onTooLarge()
    }
    return isWanted
  }

  onEnd (): void {
    this.#app?.onEnd()
    if (this.#bytes <= MAX_HELD_BYTES) this.#events.onAnswered({ ...this.#head, chunks: this.#chunks })
  }

  onFailure (problem: Problem): void {
    this.#app?.onFailure(problem)
    if (this.#bytes > MAX_HELD_BYTES) return
    if (isRefusal(this.#head.status)) this.#events.onRefused()
    else this.#events.onFailed(problem, this.#hasBegun)
  }
}
