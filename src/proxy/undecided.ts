import { MAX_HELD_BYTES, type HeldAnswer } from '../answer.ts'
import type { Problem } from '../problem.ts'

/** A refusal of the API, kept back until it is decided whether the request goes out again: as far as it came, and how it ended if it did. */
export class UndecidedAnswer implements HeldAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly string[]
  readonly chunks: Buffer[] = []
  isWhole = false
  /** It broke off. */
  failure: Problem | undefined
  /** Meanwhile the rest of it may come, or it breaks off. */
  isBeingDecided = false
  #bytes = 0

  constructor (status: number, statusText: string, headers: readonly string[]) {
    this.status = status
    this.statusText = statusText
    this.headers = headers
  }

  /** @returns whether more can be kept */
  keep (chunk: Buffer): boolean {
    this.chunks.push(chunk)
    this.#bytes += chunk.length
    return this.#bytes <= MAX_HELD_BYTES
  }
}
