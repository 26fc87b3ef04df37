import type { Lane } from './lanes.ts'
import { reservedOf } from './reserve.ts'
import { WINDOW_MS } from './window.ts'

export interface BlockOptions {
  /** By which the fleet knows the window. Undefined: our share, while the fleet can't be asked. */
  readonly id: string | undefined
  /** Of which window of the ledger, where it is our share. */
  readonly ledgerWindow?: number
  /** Turns up to this one are not of it. */
  readonly sinceTurn: number
  readonly endsAtMs: number
  readonly left?: number
  /** The part of it, 0 to 1, that is kept for writes: none of what was granted, since there the fleet keeps it. */
  readonly reserve?: number
}

/** What was taken out of a block, to be given back. */
export interface Lent {
  readonly left: number
  readonly kept: number
}

/** What is ours to send, of one window. All times on the monotonic clock; nothing here waits. */
export class Block {
  readonly id: string | undefined
  readonly #ledgerWindow: number | undefined
  readonly #sinceTurn: number
  readonly #reserve: number
  #endsAtMs: number
  /** How many were here when it was filled last. */
  #size: number
  #left: number
  /** Besides: for writes alone. */
  #kept = 0

  constructor ({ id, ledgerWindow, sinceTurn, endsAtMs, left = 0, reserve = 0 }: BlockOptions) {
    this.id = id
    this.#ledgerWindow = ledgerWindow
    this.#sinceTurn = sinceTurn
    this.#reserve = reserve
    this.#endsAtMs = endsAtMs
    this.#size = left
    this.#left = left
  }

  get endsAtMs (): number {
    return this.#endsAtMs
  }

  get unspent (): number {
    return this.#left + this.#kept
  }

  /** Then the next one is asked for; one of one, at the end of a window, only when it is needed. */
  get isHalfSpent (): boolean {
    return this.#size > 1 && this.#left * 2 <= this.#size
  }

  isOver (ledgerWindow: number, nowMs: number): boolean {
    return nowMs >= this.#endsAtMs || (this.#ledgerWindow !== undefined && this.#ledgerWindow !== ledgerWindow)
  }

  has (lane: Lane, nowMs: number): boolean {
    return lane === 'write' ? this.unspent > 0 : this.#left > reservedOf(this.#size, this.#reserve, this.#endsAtMs - nowMs)
  }

  take (lane: Lane): void {
    if (lane === 'write' && this.#kept > 0) this.#kept--
    else if (this.#left > 0) this.#left--
  }

  /** A turn was not used. */
  giveBack (turn: number): void {
    if (turn > this.#sinceTurn) this.#left++
  }

  /** @param isKept for writes alone */
  fill (n: number, isKept: boolean, endsAtMs: number): void {
    this.#endsAtMs = endsAtMs
    if (isKept) this.#kept += n
    else this.#left += n
    this.#size = this.#left
  }

  lend (): Lent {
    const lent = { left: this.#left, kept: this.#kept }
    this.#left = this.#kept = 0
    return lent
  }

  takeBack ({ left, kept }: Lent): void {
    this.#left += left
    this.#kept += kept
  }
}

/** Two clocks told the ends: those of one window are close. Pure. */
export function areOfOneWindow (endsAtMs: number, otherEndsAtMs: number): boolean {
  return Math.abs(endsAtMs - otherEndsAtMs) < WINDOW_MS / 2
}

/**
 * How many of a window one process may send while nobody can be asked: an even part of what was left, where the fleet was heard in this window; else
 * of all. Pure.
 * @param known by this process
 * @param heard the last word of the fleet
 */
export function shareOf (known: { readonly limit: number, readonly left: number, readonly endsAtMs: number }, heard: { readonly pods: number, readonly left: number, readonly endsAtMs: number } | undefined): number {
  const fleetLeft = heard !== undefined && areOfOneWindow(heard.endsAtMs, known.endsAtMs) ? heard.left : known.limit
  const share = Math.floor(Math.min(fleetLeft, known.left) / (heard?.pods ?? 1))
  // More processes than requests: one each all the same, or none of them would learn anything.
  return share === 0 && fleetLeft > 0 && known.left === known.limit ? 1 : share
}
