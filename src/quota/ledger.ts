import type { Lane } from './lanes.ts'
import type { QuotaReading } from './window.ts'

/** Bookable's windows. One that is said to last longer is looked at again after this time all the same: a header may be garbage. */
export const WINDOW_MS = 60_000

/** Before the first answer of a process nobody knows what is left: a burst at the start goes in small pieces, but not for long. */
const FIRST_PLACES = 4
const MAX_LEARNING_MS = 1_000

/** After a refusal that is past its own reset nobody knows when the window turns: one request asks again after this time. */
const PROBE_PAUSE_MS = 250

/** What the API said of the quota last, and what was sent since. */
interface Window {
  /** X-RateLimit-Reset of the last window that the API told of. */
  readonly resetsAtMs: number
  readonly limit: number
  readonly left: number
  /** On the monotonic clock. */
  readonly endsAtMs: number
  /** What was sent up to this turn says nothing of this window. */
  readonly openedAtTurn: number
  /** The API has not told of it yet: it follows by the clock on one that ended. */
  readonly isAssumed: boolean
}

/** Some requests go first, and the others wait for what they learn. */
interface Learning {
  places: number
  readonly sinceTurn: number
  /** From the first of them on. */
  untilMs: number
}

/**
 * What is known of the quota, and whom that lets go. All times on the monotonic clock; nothing here waits.
 *
 * What is in flight counts as not yet seen by the API, though it may be counted already: so the quota is never overdrawn by us alone,
 * and each answer sets it right.
 */
export class Ledger {
  readonly #reserve: number
  #window: Window | undefined
  #learning: Learning | undefined = { places: FIRST_PLACES, sinceTurn: 0, untilMs: Infinity }
  #probesNext = false
  #inFlight = 0
  /** Turns that were sent and never answered: as if in flight, until an answer to a later one has most likely counted them. */
  #lost: readonly number[] = []
  #turns = 0
  #answeredTurn = 0
  #windows = 0

  /** @param reserve the part of each window, 0 to 1, that is kept for writes */
  constructor (reserve: number) {
    this.#reserve = reserve
  }

  /** Grows whenever a window begins. */
  get windows (): number {
    return this.#windows
  }

  /** Undefined while the API has told none. */
  get known (): { readonly limit: number, readonly left: number, readonly endsAtMs: number } | undefined {
    return this.#window
  }

  /** Whether a request of this lane may go now. */
  mayGo (lane: Lane, nowMs: number): boolean {
    this.roll(nowMs)
    const learning = this.#learning
    if (learning !== undefined) {
      if (nowMs < learning.untilMs && learning.places === 0) return false
      if (nowMs >= learning.untilMs) this.#learning = undefined
    }
    const window = this.#window
    if (window === undefined) return true
    const free = this.#free(window)
    return free > 0 && (lane === 'write' || free > this.#reserved(window, nowMs))
  }

  /** A request goes. @returns its turn, from 1 up */
  take (nowMs: number): number {
    const learning = this.#learning
    if (learning !== undefined) {
      learning.places--
      if (learning.untilMs === Infinity) learning.untilMs = nowMs + MAX_LEARNING_MS
    }
    this.#inFlight++
    return ++this.#turns
  }

  /** A request ended without an answer. */
  giveBack (turn: number, wasSent: boolean): void {
    this.#inFlight--
    const learning = this.#learning
    if (learning !== undefined && turn > learning.sinceTurn) learning.places++
    const isUnseen = wasSent && turn > this.#answeredTurn
    if (isUnseen && (this.#window !== undefined || learning !== undefined)) this.#lost = [...this.#lost, turn]
  }

  /**
   * The API answered.
   * @param lastsMs how long the window still lasts, by the API's clock
   */
  answer (turn: number, isRefused: boolean, reading: QuotaReading | undefined, lastsMs: number, nowMs: number): void {
    this.#inFlight--
    this.roll(nowMs)
    if (this.#learning !== undefined && turn > this.#learning.sinceTurn) this.#learning = undefined
    const window = this.#window
    if (reading === undefined) {
      // It names a limit no more.
      if (window?.isAssumed === true && turn > window.openedAtTurn && !isRefused) this.#window = undefined
      return
    }
    const isLate = window !== undefined && turn <= window.openedAtTurn && reading.resetsAtMs <= window.resetsAtMs
    if (isLate && (window.isAssumed || reading.resetsAtMs < window.resetsAtMs)) return
    this.#answeredTurn = Math.max(this.#answeredTurn, turn)
    if (this.#lost.length > 0) this.#lost = this.#lost.filter(lost => lost > turn)
    if (isRefused) this.#refused(reading, lastsMs, nowMs)
    else if (lastsMs > 0) this.#learn(reading, lastsMs, nowMs)
  }

  /** The clock may have brought a new window. */
  roll (nowMs: number): void {
    const window = this.#window
    if (window === undefined || nowMs < window.endsAtMs) return
    this.#lost = []
    const windowsLater = Math.floor((nowMs - window.endsAtMs) / WINDOW_MS) + 1
    // A limit of 0 too is worth a request in each window: else nobody would learn that it was raised.
    this.#open({ ...window, left: Math.max(window.limit, 1), endsAtMs: window.endsAtMs + windowsLater * WINDOW_MS, isAssumed: true })
    if (this.#probesNext) this.#learning = { places: 1, sinceTurn: this.#turns, untilMs: Infinity }
    this.#probesNext = false
  }

  /**
   * When a request could go at the earliest, after those ahead of it, as far as that is known: for those who wait, and those who'd wait in vain.
   * @param ahead how many go before it
   */
  opensAtMs (lane: Lane, ahead: number, nowMs: number): number {
    const window = this.#window
    if (window === undefined || this.#learning !== undefined) return nowMs
    const left = window.left - ahead
    if (left > 0) return lane === 'write' ? nowMs : Math.max(nowMs, this.#meltsAtMs(window, left))
    return window.endsAtMs + Math.floor(-left / Math.max(window.limit, 1)) * WINDOW_MS
  }

  /** When to look again, if nothing happens before. */
  wakesAtMs (lane: Lane, nowMs: number): number {
    if (this.#learning !== undefined) return this.#learning.untilMs
    const window = this.#window
    if (window === undefined) return nowMs
    const free = this.#free(window)
    return free <= 0 || lane === 'write' ? window.endsAtMs : Math.max(this.#meltsAtMs(window, free), nowMs)
  }

  #free ({ left }: Window): number {
    return left - this.#inFlight - this.#lost.length
  }

  /** What is kept for writes: in proportion to what is left of the window, so that what no booking needed is used after all. */
  #reserved ({ limit, endsAtMs }: Window, nowMs: number): number {
    return limit * this.#reserve * Math.min((endsAtMs - nowMs) / WINDOW_MS, 1)
  }

  /** When less than `free` is kept. */
  #meltsAtMs ({ limit, endsAtMs }: Window, free: number): number {
    // Just behind the moment when both are equal.
    return this.#reserve === 0 ? -Infinity : endsAtMs - WINDOW_MS * free / (limit * this.#reserve) + 1
  }

  #open (window: Omit<Window, 'openedAtTurn'>): void {
    this.#window = { ...window, openedAtTurn: this.#turns }
    this.#windows++
  }

  #learn ({ resetsAtMs, limit, remaining }: QuotaReading, lastsMs: number, nowMs: number): void {
    const endsAtMs = nowMs + Math.min(lastsMs, WINDOW_MS)
    const window = this.#window
    if (window === undefined || window.isAssumed || window.resetsAtMs !== resetsAtMs) {
      this.#open({ resetsAtMs, limit, left: remaining, endsAtMs, isAssumed: false })
      return
    }
    // Answers may come out of order: within one window what is left only falls, unless the limit itself was changed.
    const left = window.limit === limit ? Math.min(window.left, remaining) : remaining
    if (left === window.left && window.limit === limit && endsAtMs >= window.endsAtMs) return
    // Each answer tells the latest possible end; the least of them is the closest.
    this.#window = { ...window, limit, left, endsAtMs: Math.min(window.endsAtMs, endsAtMs) }
  }

  /** Others spent what was left, or our clock was ahead. */
  #refused ({ resetsAtMs, limit }: QuotaReading, lastsMs: number, nowMs: number): void {
    const isPast = lastsMs <= 0
    const endsAtMs = nowMs + (isPast ? PROBE_PAUSE_MS : Math.min(lastsMs, WINDOW_MS))
    const window = this.#window
    // Our clock was ahead, or the API names an end that is none.
    this.#probesNext ||= isPast || lastsMs > WINDOW_MS || (window?.isAssumed === true && resetsAtMs <= window.resetsAtMs)
    if (window === undefined || window.isAssumed || window.resetsAtMs !== resetsAtMs) this.#open({ resetsAtMs, limit, left: 0, endsAtMs, isAssumed: false })
    else this.#window = { ...window, limit, left: 0, endsAtMs: isPast ? endsAtMs : Math.min(window.endsAtMs, endsAtMs) }
  }
}
