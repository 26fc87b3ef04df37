import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../clock.ts'
import { sendProblem } from '../http/answer.ts'
import type { Problem } from '../problem.ts'
import type { Leaving, Outbox } from './outbox.ts'

/** A first chunk below this leaves with its head and, usually, the end: in one write. What is larger need not wait for more. */
const MAX_HELD_CHUNK_BYTES = 16 * 1024

/** An answer up to this size fits the kernel's buffer: nobody need watch whether the app takes it. */
const MAX_UNWATCHED_BYTES = 16 * 1024

/** An app that takes no byte for this long is gone. */
const MAX_APP_SILENCE_MS = 5 * 60_000

/** Told how the app takes its answer. */
export interface ReplyObserver {
  /** It can take more. */
  onDrain (): void
  /** It is gone, though its connection is there. */
  onSilence (): void
}

/**
 * The answer of one request as it is written to an app, and whether the app takes it. Its head and a small first chunk are kept until the end of
 * the turn of the event loop, in which the rest usually comes; a second chunk sends them off at once.
 */
export class Reply implements Leaving {
  readonly #res: ServerResponse
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #observer: ReplyObserver
  #bytes = 0
  #isHeld = false
  #chunk: Buffer | undefined
  #isWhole = false
  #isFull = false
  #silence: Timer | undefined

  constructor (res: ServerResponse, { clock, outbox }: { readonly clock: Clock, readonly outbox: Outbox }, observer: ReplyObserver) {
    this.#res = res
    this.#clock = clock
    this.#outbox = outbox
    this.#observer = observer
  }

  /** Of the body, so far. */
  get bytes (): number {
    return this.#bytes
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

  /** @returns whether the app takes more; else the observer is told when it does */
  write (chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#isHeld && this.#chunk === undefined && chunk.length < MAX_HELD_CHUNK_BYTES) {
      this.#chunk = chunk
      return true
    }
    this.leave()
    if (this.#res.write(chunk)) return true
    this.#watch()
    if (!this.#isFull) this.#awaitDrain()
    return false
  }

  end (): void {
    if (this.#isHeld) this.#isWhole = true
    else this.#res.end()
    if (this.#bytes > MAX_UNWATCHED_BYTES) this.#watch()
  }

  /** Answers with a problem, where nothing was begun. */
  refuse (problem: Problem, correlationId: string, isLast: boolean): void {
    this.#bytes = sendProblem(this.#res, problem, correlationId, isLast)
  }

  /** Nobody takes it any more. */
  drop (): void {
    this.#letGo()
    this.#silence?.cancel()
  }

  leave (): void {
    if (!this.#isHeld) return
    const chunk = this.#letGo()
    if (this.#isWhole) this.#res.end(chunk)
    else if (chunk === undefined) this.#res.flushHeaders()
    else this.#res.write(chunk)
  }

  #letGo (): Buffer | undefined {
    const chunk = this.#chunk
    this.#isHeld = false
    // An object that outlives a scavenge keeps what it points at.
    this.#chunk = undefined
    return chunk
  }

  #awaitDrain (): void {
    this.#isFull = true
    this.#res.once('drain', () => {
      this.#isFull = false
      this.#silence?.cancel()
      this.#observer.onDrain()
    })
  }

  #watch (): void {
    this.#silence?.cancel()
    this.#silence = this.#clock.setTimer(() => this.#observer.onSilence(), MAX_APP_SILENCE_MS)
  }
}
