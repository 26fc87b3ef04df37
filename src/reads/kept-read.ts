import { hand, type AnswerSink, type HeldAnswer } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { Problem } from '../problem.ts'
import type { Entry, ReadCache } from './cache.ts'
import type { Flight } from './flight.ts'
import { refreshed } from './freshness.ts'
import { MAX_SHARED_BYTES, mayBeShared, type KeptKind } from './sharing.ts'

/** How a read ended that found nothing fresh: with a new answer, with a kept one that the API confirmed, or with one because the API is down. */
export type KeptOutcome = 'miss' | 'revalidated' | 'stale'

/** RFC 5861 §4. */
const DOWN = new Set([500, 502, 503, 504])

interface GrowingAnswer extends HeldAnswer {
  readonly chunks: Buffer[]
  readonly receivedAtMs: number
  bytes: number
}

/**
 * Stands between a call and its flight, for the cache: a whole answer is kept; a 304 becomes the kept answer that it confirms; and while the API is
 * down, a kept list is given instead.
 *
 * A 304 spends as much of the quota as a 200.
 */
export class KeptRead implements AnswerSink {
  readonly #clock: Clock
  readonly #cache: ReadCache
  readonly #kind: KeptKind
  readonly #flight: Flight
  readonly #onOutcome: (outcome: KeptOutcome) => void
  /** What was kept, but is no longer fresh. */
  readonly #entry: Entry | undefined
  readonly #generation: number
  #hasHead = false
  /** What came of an answer that is to be kept. */
  #answer: GrowingAnswer | undefined

  constructor ({ clock, cache, kind, flight, onOutcome }: { clock: Clock, cache: ReadCache, kind: KeptKind, flight: Flight, onOutcome: (outcome: KeptOutcome) => void }) {
    this.#kind = kind
    this.#clock = clock
    this.#cache = cache
    this.#flight = flight
    this.#onOutcome = onOutcome
    this.#entry = cache.get(flight.key)
    this.#generation = cache.generation(kind)
  }

  get conditions (): readonly string[] {
    return this.#entry?.conditions ?? []
  }

  onHead (status: number, statusText: string, headers: string[]): void {
    this.#hasHead = true
    const entry = this.#entry
    if (status === 304 && entry !== undefined && entry.conditions.length > 0) this.#revalidate(entry, headers)
    else if (DOWN.has(status) && entry !== undefined && this.#cache.isGoodWhileDown(entry)) this.#giveStale(entry)
    else this.#pass('miss', status, statusText, headers)
  }

  onChunk (chunk: Buffer): boolean {
    const answer = this.#answer
    if (answer !== undefined) {
      answer.bytes += chunk.length
      answer.chunks.push(chunk)
      if (answer.bytes > MAX_SHARED_BYTES) this.#answer = undefined
    }
    return this.#flight.onChunk(chunk)
  }

  onEnd (): void {
    const { key, upstreamMs } = this.#flight
    const answer = this.#answer
    if (answer !== undefined) {
      this.#cache.keep(key, this.#kind, answer, { generation: this.#generation, receivedAtMs: answer.receivedAtMs, delayMs: upstreamMs ?? 0 })
    }
    this.#flight.onEnd()
  }

  onFailure (problem: Problem): void {
    const entry = this.#entry
    if (!this.#hasHead) {
      if (entry !== undefined && problem.code.startsWith('UPSTR-') && this.#cache.isGoodWhileDown(entry)) return this.#giveStale(entry)
      this.#onOutcome('miss')
    }
    this.#flight.onFailure(problem)
  }

  /** The entry still holds: it is given as if the API had sent it, and kept anew. */
  #revalidate ({ answer }: Entry, headers: readonly string[]): void {
    this.#flight.servedBy = 'revalidated'
    this.#pass('revalidated', answer.status, answer.statusText, refreshed(answer.headers, headers))
    for (const chunk of answer.chunks) this.onChunk(chunk)
  }

  #pass (outcome: KeptOutcome, status: number, statusText: string, headers: string[]): void {
    this.#onOutcome(outcome)
    if (status === 200 && mayBeShared(headers)) this.#answer = { status, statusText, headers: [...headers], chunks: [], receivedAtMs: this.#clock.monotonicMs(), bytes: 0 }
    else if (isAboutTheTarget(status)) this.#cache.drop(this.#flight.key)
    this.#flight.onHead(status, statusText, headers)
  }

  #giveStale (entry: Entry): void {
    this.#flight.servedBy = 'stale'
    this.#onOutcome('stale')
    hand(this.#cache.aged(entry), this.#flight)
    // The API's own answer, that it is down, is not waited for.
    this.#flight.cutShort()
  }
}

/** Whether an answer says something of what was asked for, and so ends what was kept: a 429 or an outage does not. */
function isAboutTheTarget (status: number): boolean {
  return status < 500 && status !== 429
}
