import { LRUCache } from 'lru-cache'
import type { HeldAnswer } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { keepingOf, withoutDated } from './freshness.ts'
import { MAX_SHARED_BYTES, type KeptKind } from './sharing.ts'

export interface CacheConfig {
  readonly ttlMs: number
  /** For all entries together. */
  readonly maxBytes: number
  /** How long a list that is no longer fresh is given while the API is down. */
  readonly staleIfErrorMs: number
}

/** An answer that is kept; times are by the monotonic clock. */
export interface Entry {
  readonly kind: KeptKind
  readonly answer: HeldAnswer
  /** How old the answer was when it came. */
  readonly ageMs: number
  readonly receivedAtMs: number
  readonly freshUntilMs: number
  /** Until then it may be given while the API is down. */
  readonly staleUntilMs: number
  /** The headers that ask the API whether the answer still holds, names and values in turn; may be empty. */
  readonly conditions: readonly string[]
}

/** Roughly what an entry takes besides its bytes. */
const ENTRY_BYTES = 512
const STRING_BYTES = 32

/** Answers of the API that may be given again, bounded in bytes: the least recently used go first. */
export class ReadCache {
  readonly #clock: Clock
  readonly #config: CacheConfig
  readonly #entries: LRUCache<string, Entry>
  readonly #generations = { list: 0, detail: 0 }

  constructor (clock: Clock, config: CacheConfig) {
    this.#clock = clock
    this.#config = config
    this.#entries = new LRUCache({ maxSize: config.maxBytes, maxEntrySize: Math.min(MAX_SHARED_BYTES, config.maxBytes) })
  }

  /** Rises with each write that may change answers of this kind: an answer that was asked for before the write is not kept after it. */
  generation (kind: KeptKind): number {
    return this.#generations[kind]
  }

  /** An entry that is still of use: fresh, or with conditions to ask the API, or good while the API is down. */
  get (key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || this.isFresh(entry) || entry.conditions.length > 0 || this.isGoodWhileDown(entry)) return entry
    this.#entries.delete(key)
    return undefined
  }

  isFresh ({ freshUntilMs }: Entry): boolean {
    return this.#clock.monotonicMs() < freshUntilMs
  }

  isGoodWhileDown ({ staleUntilMs }: Entry): boolean {
    return this.#clock.monotonicMs() < staleUntilMs
  }

  /** The answer with its Age (RFC 9111 §5.1), as an app gets it. */
  aged ({ answer, ageMs, receivedAtMs }: Entry): HeldAnswer {
    const nowAgeMs = ageMs + this.#clock.monotonicMs() - receivedAtMs
    return { ...answer, headers: [...answer.headers, 'Age', String(Math.floor(nowAgeMs / 1000))] }
  }

  /**
   * Keeps a whole 200, if its headers allow it.
   * @param asked the generation when it was asked for, when its head came, and how long that took
   */
  keep (key: string, kind: KeptKind, answer: HeldAnswer, { generation, receivedAtMs, delayMs }: { generation: number, receivedAtMs: number, delayMs: number }): void {
    if (generation !== this.#generations[kind]) return
    const { ttlMs, staleIfErrorMs } = this.#config
    const keeping = keepingOf(answer.headers, { ttlMs, delayMs, nowMs: this.#clock.nowMs() })
    if (keeping === undefined) return this.drop(key)
    const { ageMs, freshMs, mayBeStale, conditions } = keeping
    const freshUntilMs = receivedAtMs + freshMs
    // Copied, since a chunk may be a small slice of a large buffer, and would hold all of it.
    const body = joined(answer.chunks)
    const headers = withoutDated(answer.headers)
    this.#entries.set(key, {
      kind,
      answer: { ...answer, headers, chunks: [body] },
      ageMs,
      receivedAtMs,
      freshUntilMs,
      staleUntilMs: kind === 'list' && mayBeStale ? freshUntilMs + staleIfErrorMs : freshUntilMs,
      conditions
    }, { size: ENTRY_BYTES + key.length + headers.join().length + headers.length * STRING_BYTES + body.length })
  }

  drop (key: string): void {
    this.#entries.delete(key)
  }

  /** A write may have changed answers of these kinds: drops those that are kept, and keeps none that is on its way. */
  forget (kinds: readonly KeptKind[]): void {
    for (const kind of kinds) this.#generations[kind]++
    for (const [key, { kind }] of this.#entries.entries()) if (kinds.includes(kind)) this.#entries.delete(key)
  }
}

function joined (chunks: readonly Buffer[]): Buffer {
  const body = Buffer.allocUnsafeSlow(chunks.reduce((bytes, { length }) => bytes + length, 0))
  let at = 0
  for (const chunk of chunks) at += chunk.copy(body, at)
  return body
}
