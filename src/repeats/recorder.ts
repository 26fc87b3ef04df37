import { MAX_HELD_BYTES, type AnswerSink, type HeldAnswer } from '../answer.ts'
import type { Problem } from '../problem.ts'
import { isRefusal } from './outcome.ts'

/** Told once what became of a request. */
export interface Verdict {
  onAnswered (answer: HeldAnswer): void
  /** The answer is above what is kept; what is left of it goes on to the app. */
  onTooLarge (): void
  /** The API refused it without acting, in more words than are kept, or than came. */
  onRefused (): void
  /** @param hasBegun whether an answer had begun */
  onFailed (problem: Problem, hasBegun: boolean): void
}

/**
 * Hands an answer on to its app as it comes, and keeps it. What is kept does not wait for the app: an app that reads slowly, or has left,
 * holds nobody up.
 */
export class Recorder implements AnswerSink {
  readonly #verdict: Verdict
  #app: AnswerSink | undefined
  #head: Omit<HeldAnswer, 'chunks'> = { status: 0, statusText: '', headers: [] }
  #chunks: Buffer[] = []
  #bytes = 0
  #hasBegun = false

  constructor (app: AnswerSink, verdict: Verdict) {
    this.#app = app
    this.#verdict = verdict
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
      if (isRefusal(this.#head.status)) this.#verdict.onRefused()
      else this.#verdict.onTooLarge()
    }
    return isWanted
  }

  onEnd (): void {
    this.#app?.onEnd()
    if (this.#bytes <= MAX_HELD_BYTES) this.#verdict.onAnswered({ ...this.#head, chunks: this.#chunks })
  }

  onFailure (problem: Problem): void {
    this.#app?.onFailure(problem)
    if (this.#bytes > MAX_HELD_BYTES) return
    if (isRefusal(this.#head.status)) this.#verdict.onRefused()
    else this.#verdict.onFailed(problem, this.#hasBegun)
  }
}
