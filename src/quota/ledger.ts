import type { Allotment } from './allotment.ts'
import type { Lane } from './lanes.ts'
import { Learning } from './learning.ts'
import { meltsAtMs, reservedOf } from './reserve.ts'
import { Transit } from './transit.ts'
import { WindowCount, type ToldWindow, type WindowOptions } from './window-count.ts'
import { WINDOW_MS, type QuotaReading } from './window.ts'

/** Before the first answer of a process nobody knows what is left: a burst at the start goes in small pieces. */
const FIRST_PLACES = 4

/** After a refusal that is past its own reset nobody knows when the window turns: one request asks again after this time. */
const PROBE_PAUSE_MS = 250

/** What is known of the quota, and whom that lets go. All times on the monotonic clock; nothing here waits. */
export class Ledger implements Allotment {
  readonly #reserve: number
  readonly #transit = new Transit()
  #window: WindowCount | undefined
  #windows = 0
  #learning: Learning | undefined = new Learning(FIRST_PLACES, 0)
  #probesNext = false

  /** @param reserve the part of each window, 0 to 1, that is kept for writes */
  constructor (reserve: number) {
    this.#reserve = reserve
  }

  /** Grows whenever a window begins. */
  get windows (): number {
    return this.#windows
  }

  /** Undefined while the API has told no limit. */
  get left (): number | undefined {
    return this.#window === undefined ? undefined : Math.max(this.#leftOf(this.#window), 0)
  }

  /** Undefined while the API has told none. */
  get known (): { readonly limit: number, readonly left: number, readonly endsAtMs: number } | undefined {
    const window = this.#window
    return window === undefined ? undefined : { limit: window.limit, left: Math.max(this.#leftOf(window), 0), endsAtMs: window.endsAtMs }
  }

  /** What a fleet counts by. Undefined while the API has told none. */
  get told (): ToldWindow | undefined {
    return this.#window?.told
  }

  /** Whether a request of this lane may go now. */
  mayGo (lane: Lane, nowMs: number): boolean {
    this.roll(nowMs)
    const learning = this.#learning
    if (learning !== undefined) {
      if (nowMs >= learning.untilMs) this.#learning = undefined
      else if (!learning.hasPlace) return false
    }
    const window = this.#window
    if (window === undefined) return true
    const left = this.#leftOf(window)
    return left > 0 && (lane === 'write' || left > reservedOf(window.limit, this.#reserve, window.endsAtMs - nowMs))
  }

  /** A request goes. @returns its turn, from 1 up */
  take (nowMs: number): number {
    this.#learning?.take(nowMs)
    this.#window?.take()
    return this.#transit.take(nowMs)
  }

  /** A request ended without an answer. What was sent is counted all the same. */
  giveBack (turn: number, wasSent: boolean): void {
    this.#transit.end()
    // Before anything is known, one that ended without a word is as good as none.
    if (!wasSent || this.#window === undefined) this.#learning?.giveBack(turn)
    if (wasSent) this.#transit.leaveUntold()
    else this.#window?.giveBack(turn)
  }

  /**
   * The API answered.
   * @param lastsMs how long the window still lasts, by the API's clock
   * @returns whether it refused what our clock had already seen in the next window
   */
  answer (turn: number, status: number, reading: QuotaReading | undefined, lastsMs: number, nowMs: number): boolean {
    this.#transit.end()
    this.roll(nowMs)
    const window = this.#window
    if (this.#learning?.has(turn) === true) this.#learning = undefined
    if (reading === undefined) {
      this.#transit.leaveUntold()
      const isServed = status >= 200 && status < 300
      // It names a limit no more; something before it may have answered, though, which knows of none.
      if (isServed && window?.isAssumed === true && window.has(turn)) this.#forget()
      return false
    }
    if (window?.isBehind(turn, reading.resetsAtMs) === true) return false
    if (status === 429) return this.#refused(reading, lastsMs, nowMs)
    if (lastsMs > 0) this.#learn(reading, lastsMs, nowMs)
    else this.#learnLate(reading, lastsMs, nowMs)
    return false
  }

  /** The clock may have brought a new window. */
  roll (nowMs: number): void {
    const window = this.#window
    if (window === undefined || nowMs < window.endsAtMs) return
    this.#assume(window, nowMs)
    if (this.#probesNext) this.#learning = new Learning(1, this.#transit.turns)
    this.#probesNext = false
  }

  /** The machine slept: one request looks first what has become of the window. */
  slept (ms: number): void {
    if (this.#window === undefined) return
    this.#window.age(ms)
    this.#probesNext = true
  }

  /**
   * When a request could go at the earliest, after those ahead of it, as far as that is known: for those who wait, and those who'd wait in vain.
   * @param ahead how many go before it
   */
  opensAtMs (lane: Lane, ahead: number, nowMs: number): number {
    const window = this.#window
    if (window === undefined || this.#learning !== undefined) return nowMs
    const left = this.#leftOf(window) - ahead
    if (left > 0) return lane === 'write' ? nowMs : Math.max(nowMs, meltsAtMs(window, this.#reserve, left))
    const before = ahead - Math.max(this.#leftOf(window), 0)
    return window.endsAtMs + Math.floor(before / Math.max(window.limit, 1)) * WINDOW_MS
  }

  /** When to look again, if nothing happens before. */
  wakesAtMs (lane: Lane, nowMs: number): number {
    if (this.#learning?.hasPlace === false) return this.#learning.untilMs
    const window = this.#window
    if (window === undefined) return nowMs
    const left = this.#leftOf(window)
    return left <= 0 || lane === 'write' ? window.endsAtMs : Math.max(meltsAtMs(window, this.#reserve, left), nowMs)
  }

  /** The first answer of all is waited for: the quota is not spent. */
  learnsByMs (lane: Lane, nowMs: number): number {
    return this.#window === undefined ? this.wakesAtMs(lane, nowMs) : 0
  }

  #leftOf (window: WindowCount): number {
    return window.leftOf(this.#transit.size)
  }

  #open (options: Omit<WindowOptions, 'openedAtTurn'>): void {
    this.#window = new WindowCount({ ...options, openedAtTurn: this.#transit.turns })
    this.#windows++
  }

  /** The window of now follows by the clock on one that ended. */
  #assume ({ resetsAtMs, limit, endsAtMs }: Pick<WindowOptions, 'resetsAtMs' | 'limit' | 'endsAtMs'>, nowMs: number): void {
    const windowsLater = Math.floor((nowMs - endsAtMs) / WINDOW_MS) + 1
    this.#open({ resetsAtMs, limit, endsAtMs: endsAtMs + windowsLater * WINDOW_MS, sent: this.#transit.unseen(nowMs, 0) })
  }

  #forget (): void {
    this.#window = undefined
    this.#learning = new Learning(FIRST_PLACES, this.#transit.turns)
  }

  #learn (reading: QuotaReading, lastsMs: number, nowMs: number): void {
    const endsAtMs = nowMs + Math.min(lastsMs, WINDOW_MS)
    const { resetsAtMs, limit, remaining } = reading
    const window = this.#window
    const isConfirmed = window?.isAssumed === true && resetsAtMs > window.resetsAtMs
    if (window !== undefined && (window.resetsAtMs === resetsAtMs || isConfirmed)) window.hear(reading, endsAtMs)
    else this.#open({ resetsAtMs, limit, remaining, endsAtMs, sent: this.#transit.unseen(nowMs, 1) })
  }

  /** The answer came when its window was over. */
  #learnLate (reading: QuotaReading, lastsMs: number, nowMs: number): void {
    if (this.#window !== undefined) this.#window.hearOfEarlier(reading)
    else this.#assume({ resetsAtMs: reading.resetsAtMs, limit: reading.limit, endsAtMs: nowMs + lastsMs }, nowMs)
  }

  /** Others spent what was left, or our clock was ahead. */
  #refused ({ resetsAtMs, limit }: QuotaReading, lastsMs: number, nowMs: number): boolean {
    const isPast = lastsMs <= 0
    const window = this.#window
    const isEarly = isPast || (window?.isAssumed === true && resetsAtMs <= window.resetsAtMs)
    const endsAtMs = nowMs + (isPast ? PROBE_PAUSE_MS : Math.min(lastsMs, WINDOW_MS))
    this.#probesNext ||= isEarly || lastsMs > WINDOW_MS
    if (window === undefined || window.isAssumed || window.resetsAtMs !== resetsAtMs) {
      this.#open({ resetsAtMs, limit, remaining: 0, endsAtMs, sent: limit })
    } else {
      window.end(isPast ? endsAtMs : Math.min(window.endsAtMs, endsAtMs))
    }
    return isEarly
  }
}
