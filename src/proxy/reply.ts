import type { ServerResponse } from 'node:http'
import type { Leaving, Outbox } from './outbox.ts'

/** A first chunk below this leaves with its head and, usually, the end: in one write. What is larger need not wait for more. */
const MAX_HELD_CHUNK_BYTES = 16 * 1024

/**
 * The answer of the API as it is written to an app. Its head and a small first chunk are kept until the end of the turn of the event loop, in
 * which the rest usually comes; a second chunk sends them off at once.
 */
export class Reply implements Leaving {
  readonly #res: ServerResponse
  readonly #outbox: Outbox
  #isHeld = false
  #chunk: Buffer | undefined
  #isWhole = false

  constructor (res: ServerResponse, outbox: Outbox) {
    this.#res = res
    this.#outbox = outbox
  }

  /**
   * @param headers names and values in turn
   * @throws where they can't be written
   */
  begin (status: number, statusText: string, headers: string[]): void {
    this.#res.writeHead(status, statusText, headers)
    this.#isHeld = true
    this.#outbox.add(this)
  }

  /** @returns whether the app takes more */
  write (chunk: Buffer): boolean {
    if (!this.#isHeld) return this.#res.write(chunk)
    if (this.#chunk === undefined && chunk.length < MAX_HELD_CHUNK_BYTES) {
      this.#chunk = chunk
      return true
    }
    this.leave()
    return this.#res.write(chunk)
  }

  end (): void {
    if (this.#isHeld) this.#isWhole = true
    else this.#res.end()
  }

  /** Nobody takes it any more. */
  drop (): void {
    this.#isHeld = false
    // An object that outlives a scavenge keeps what it points at.
    this.#chunk = undefined
  }

  leave (): void {
    if (!this.#isHeld) return
    const [chunk, res] = [this.#chunk, this.#res]
    this.drop()
    if (this.#isWhole) res.end(chunk)
    else if (chunk === undefined) res.flushHeaders()
    else res.write(chunk)
  }
}
