import type { HeldAnswer } from '../answer.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Outcome, Unknown } from './outcome.ts'
import type { Claim, Remembered, RepeatStore } from './store.ts'

export interface MemoryStoreOptions {
  readonly clock: Clock
  readonly maxRecords: number
  readonly maxBytes: number
}

/** An answer in flat strings of latin1, one byte a character: objects, and slices of network buffers, would hold several times as much. */
interface PackedAnswer {
  readonly status: number
  readonly statusText: string
  /** Names and values, each in a line of its own. */
  readonly headers: string
  readonly body: string
}

interface Entry {
  readonly id: string
  readonly fingerprint: string
  readonly queue: Queue
  bytes: number
  /** On the monotonic clock; undefined while it runs. */
  endedAtMs: number | undefined
  outcome: PackedAnswer | Unknown | undefined
  /** The next in its queue. */
  next: Entry | undefined
}

/** Entries that have ended, oldest first. All are kept for the same time, so that the first is always the next to go, and one timer does. */
interface Queue { readonly ttlMs: number, first: Entry | undefined, last: Entry | undefined, timer: Timer | undefined }

/** What an entry takes besides its characters, by bench/repeats.mjs. */
const ENTRY_BYTES = 400

/** One sweep forgets all that has ended its time, so that a timer a second is enough. */
const MIN_SWEEP_MS = 1_000

/** Remembers in this process alone, within bounds: where it is full, the oldest outcome makes room, never a request that runs. */
export class MemoryStore implements RepeatStore {
  readonly #clock: Clock
  readonly #maxRecords: number
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry>()
  readonly #queues = new Map<number, Queue>()
  #bytes = 0
  #running = 0
  #isStopped = false

  constructor ({ clock, maxRecords, maxBytes }: MemoryStoreOptions) {
    this.#clock = clock
    this.#maxRecords = maxRecords
    this.#maxBytes = maxBytes
  }

  get records (): number {
    return this.#entries.size - this.#running
  }

  get bytes (): number {
    return this.#bytes
  }

  claim ({ id, fingerprint, ttlMs }: Claim): Remembered {
    const found = this.#entries.get(id)
    if (found?.outcome !== undefined) {
      if (!this.#hasExpired(found)) return { fingerprint: found.fingerprint, outcome: unpack(found.outcome) }
      this.#sweep(found.queue)
    }
    const bytes = ENTRY_BYTES + id.length + fingerprint.length
    if (!this.#makeRoom(bytes)) return 'full'
    this.#entries.set(id, { id, fingerprint, queue: this.#queueOf(ttlMs), bytes, endedAtMs: undefined, outcome: undefined, next: undefined })
    this.#bytes += bytes
    this.#running++
    return 'mine'
  }

  mayBeSent (): boolean {
    return true
  }

  finish (id: string, outcome: Outcome): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.outcome = outcome.state === 'answered' ? pack(outcome.answer) : outcome.why
    entry.endedAtMs = this.#clock.monotonicMs()
    this.#running--
    if (typeof entry.outcome === 'object') {
      const bytes = entry.outcome.headers.length + entry.outcome.body.length
      entry.bytes += bytes
      this.#bytes += bytes
    }
    this.#enqueue(entry)
    while (this.#bytes > this.#maxBytes && this.records > 1) this.#evictOldest()
    this.#arm(entry.queue)
  }

  forget (id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#running--
    this.#remove(entry)
  }

  stop (): void {
    this.#isStopped = true
    for (const { timer } of this.#queues.values()) timer?.cancel()
  }

  /** @returns whether there is room for one more that runs */
  #makeRoom (bytes: number): boolean {
    while (this.#entries.size >= this.#maxRecords || this.#bytes + bytes > this.#maxBytes) {
      if (!this.#evictOldest()) return false
    }
    return true
  }

  #evictOldest (): boolean {
    let oldest: Queue | undefined
    for (const queue of this.#queues.values()) {
      if (endOf(queue) < endOf(oldest)) oldest = queue
    }
    if (oldest === undefined) return false
    this.#dropFirst(oldest)
    return true
  }

  #queueOf (ttlMs: number): Queue {
    let queue = this.#queues.get(ttlMs)
    if (queue === undefined) {
      queue = { ttlMs, first: undefined, last: undefined, timer: undefined }
      this.#queues.set(ttlMs, queue)
    }
    return queue
  }

  #enqueue (entry: Entry): void {
    const { queue } = entry
    if (queue.last === undefined) queue.first = entry
    else queue.last.next = entry
    queue.last = entry
  }

  #dropFirst (queue: Queue): void {
    const { first } = queue
    if (first === undefined) return
    queue.first = first.next
    if (queue.first === undefined) queue.last = undefined
    this.#remove(first)
  }

  #remove (entry: Entry): void {
    this.#entries.delete(entry.id)
    this.#bytes -= entry.bytes
  }

  #hasExpired ({ endedAtMs = Infinity, queue }: Entry): boolean {
    return this.#clock.monotonicMs() >= endedAtMs + queue.ttlMs
  }

  #sweep (queue: Queue): void {
    while (queue.first !== undefined && this.#hasExpired(queue.first)) this.#dropFirst(queue)
  }

  /** Outcomes are forgotten in time although nobody asks for them: they hold personal data of guests. */
  #arm (queue: Queue): void {
    if (queue.first === undefined || this.#isStopped) return
    const inMs = endOf(queue) + queue.ttlMs - this.#clock.monotonicMs()
    queue.timer ??= this.#clock.setTimer(() => {
      queue.timer = undefined
      this.#sweep(queue)
      this.#arm(queue)
    }, Math.max(inMs, MIN_SWEEP_MS))
  }
}

function endOf (queue: Queue | undefined): number {
  return queue?.first?.endedAtMs ?? Infinity
}

function pack ({ status, statusText, headers, chunks }: HeldAnswer): PackedAnswer {
  return { status, statusText, headers: headers.join('\n'), body: Buffer.concat(chunks).toString('latin1') }
}

function unpack (outcome: PackedAnswer | Unknown): Outcome {
  if (typeof outcome === 'string') return { state: 'unknown', why: outcome }
  const { status, statusText, headers, body } = outcome
  const answer = { status, statusText, headers: headers === '' ? [] : headers.split('\n'), chunks: body === '' ? [] : [Buffer.from(body, 'latin1')] }
  return { state: 'answered', answer }
}
