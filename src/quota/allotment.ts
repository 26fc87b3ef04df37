import type { Lane } from './lanes.ts'
import type { QuotaReading } from './window.ts'

/**
 * What this process may spend of the quota, and when. Alone it is what the ledger knows; in a fleet it is a part of that. All times on the monotonic
 * clock.
 */
export interface Allotment {
  /** Grows whenever a window begins. */
  readonly windows: number
  /** Undefined while the API has told no limit. */
  readonly left: number | undefined
  /** Undefined while the API has told none. */
  readonly known: { readonly limit: number, readonly left: number, readonly endsAtMs: number } | undefined
  /** Whether a request of this lane may go now. */
  mayGo (lane: Lane, nowMs: number): boolean
  /** A request goes. @returns its turn, from 1 up */
  take (nowMs: number, lane: Lane): number
  /** A request ended without an answer. What was sent is counted all the same. */
  giveBack (turn: number, wasSent: boolean): void
  /**
   * The API answered.
   * @param lastsMs how long the window still lasts, by the API's clock
   * @returns whether it refused what our clock had already seen in the next window
   */
  answer (turn: number, status: number, reading: QuotaReading | undefined, lastsMs: number, nowMs: number): boolean
  /** The clock may have brought a new window. */
  roll (nowMs: number): void
  /** The machine slept. */
  slept (ms: number): void
  /**
   * When a request could go at the earliest, after those ahead of it, as far as that is known.
   * @param ahead how many go before it
   */
  opensAtMs (lane: Lane, ahead: number, nowMs: number): number
  /** When to look again, if nothing happens before. */
  wakesAtMs (lane: Lane, nowMs: number): number
  /** Until then a request is held in any case: what it waits for is not the quota, but to learn of it. */
  learnsByMs (lane: Lane, nowMs: number): number
  /** Calls back whenever those who wait may go after all, or have nothing to wait for, by what others did. */
  onNews? (hear: () => void): void
}
