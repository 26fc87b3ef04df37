import { meltsAtMs } from './reserve.ts'
import type { Grant, Purpose } from './stores/store.ts'

/** The fleet had nothing for us. On the monotonic clock. */
export interface Denial {
  /** When to ask again: somebody may have given something back. */
  readonly againAtMs: number
  /** When there will be something, as far as it is known. */
  readonly opensAtMs: number
}

/** What was given back is looked for at half of what is left of the window, and so a few times a window; but not without end. */
const MIN_PAUSE_MS = 1_000

/** Where a great quota melts for many: each looks no more often than this. */
const MIN_MELT_MS = 100

/** What the fleet denied, for each purpose until when: meanwhile nobody asks, however many wait. Nothing here waits. */
export class Denials {
  readonly #reserve: number
  #write: Denial | undefined
  #other: Denial | undefined

  /** @param reserve the part of each window, 0 to 1, that is kept for writes */
  constructor (reserve: number) {
    this.#reserve = reserve
  }

  of (purpose: Purpose, nowMs: number): Denial | undefined {
    const denial = purpose === 'write' ? this.#write : this.#other
    return denial !== undefined && nowMs < denial.againAtMs ? denial : undefined
  }

  /** Nothing was granted, and so says what is left. */
  deny (window: NonNullable<Grant['window']>, nowMs: number): void {
    this.#other = denialBy(window, this.#reserve, nowMs)
    // What is left else is for writes.
    if (window.left === 0) this.#write = this.#other
  }

  /** There was something after all. */
  lift (purpose: Purpose): void {
    if (purpose === 'other') this.#other = undefined
    this.#write = undefined
  }

  clear (): void {
    this.#write = this.#other = undefined
  }
}

function denialBy ({ limit, left, endsInMs }: NonNullable<Grant['window']>, reserve: number, nowMs: number): Denial {
  const endsAtMs = nowMs + endsInMs
  if (left === 0) return { againAtMs: nowMs + Math.min(Math.max(endsInMs / 2, MIN_PAUSE_MS), endsInMs), opensAtMs: endsAtMs }
  // What is left is kept for writes, and melts.
  const atMs = Math.min(Math.max(meltsAtMs({ limit, endsAtMs }, reserve, left), nowMs + MIN_MELT_MS), endsAtMs)
  return { againAtMs: atMs, opensAtMs: atMs }
}
