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
  readonly #random: () => number
  /** How often in a row others were first at what melts. */
  #misses = 0
  #write: Denial | undefined
  #other: Denial | undefined

  /**
   * @param reserve the part of each window, 0 to 1, that is kept for writes
   * @param random from 0 to 1
   */
  constructor (reserve: number, random: () => number) {
    this.#reserve = reserve
    this.#random = random
  }

  of (purpose: Purpose, nowMs: number): Denial | undefined {
    const denial = purpose === 'write' ? this.#write : this.#other
    return denial !== undefined && nowMs < denial.againAtMs ? denial : undefined
  }

  /** Nothing was granted, and so says what is left. */
  deny ({ window, pods }: { readonly window: NonNullable<Grant['window']>, readonly pods: number }, nowMs: number): void {
    const endsAtMs = nowMs + window.endsInMs
    if (window.left === 0) {
      const againAtMs = nowMs + Math.min(Math.max(window.endsInMs / 2, MIN_PAUSE_MS), window.endsInMs)
      this.#write = this.#other = { againAtMs, opensAtMs: endsAtMs }
      return
    }
    // What is left is kept for writes, and melts, one at a time. Were all to ask for each, all but one would ask in vain: so whoever missed lets others
    // go first, for no longer than it has missed already, and for no more of them than there are.
    const letsGo = Math.floor(this.#random() * Math.min(2 ** this.#misses, pods))
    const meltedAtMs = meltsAtMs({ limit: window.limit, endsAtMs }, this.#reserve, window.left - letsGo)
    const atMs = Math.min(Math.max(meltedAtMs, nowMs + MIN_MELT_MS), endsAtMs)
    this.#other = { againAtMs: atMs, opensAtMs: atMs }
    this.#misses++
  }

  /** There was something after all. */
  lift (purpose: Purpose): void {
    if (purpose === 'other') {
      this.#other = undefined
      this.#misses = 0
    }
    this.#write = undefined
  }

  clear (): void {
    this.#write = this.#other = undefined
  }
}
