import type { Allotment } from './allotment.ts'
import type { Lane } from './lanes.ts'
import { meltsAtMs, reservedOf } from './reserve.ts'
import { WINDOW_MS, type QuotaReading } from './window.ts'

/** Before the first answer of a process nobody knows what is left: a burst at the start goes in small pieces, but not for long. */
const FIRST_PLACES = 4
const MAX_LEARNING_MS = 1_000

/** After a refusal that is past its own reset nobody knows when the window turns: one request asks again after this time. */
const PROBE_PAUSE_MS = 250

/** What was sent longer ago has reached the API, whether it is answered or not. */
const MAX_TRAVEL_MS = 1_000

/** A window of the quota, as far as it is known. */
interface Window {
  /** X-RateLimit-Reset of the last window that the API told of. */
  resetsAtMs: number
  limit: number
  /** On the monotonic clock. */
  endsAtMs: number
  /** The API has not told of it yet: it follows by the clock on one that ended. */
  isAssumed: boolean
  /** Answers to turns up to this one may be of an earlier window. */
  openedAtTurn: number
  /** Turns of ours in it, in flight or not. */
  sent: number
  /** What the API has counted beyond those. */
  foreign: number
  /** The least that the API said was left. */
  told: number
}

/** A window as the API tells of it. */
export interface ToldWindow extends Pick<Window, 'resetsAtMs' | 'limit' | 'endsAtMs' | 'isAssumed'> {
  /** The most that the API said was used. */
  readonly used: number
}

/** Some requests go first, and the others wait for what they learn. */
interface Learning {
  places: number
  readonly sinceTurn: number
  /** From the first of them on. */
  untilMs: number
}

/** What is known of the quota, and whom that lets go. All times on the monotonic clock; nothing here waits. */
export class Ledger implements Allotment {
  readonly #reserve: number
  #window: Window | undefined
  #learning: Learning | undefined = { places: FIRST_PLACES, sinceTurn: 0, untilMs: Infinity }
  #probesNext = false
  #inFlight = 0
  #turns = 0
  #windows = 0
  /** Turns that were sent and ended without a word on the quota. */
  #untold = 0
  /** How many there were at two moments, a second or more apart. */
  #mark = { turns: 0, untold: 0, atMs: -Infinity }
  #olderMark = this.#mark
  #lastTurnAtMs = -Infinity

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
    const window = this.#window
    return window === undefined ? undefined : { ...window, used: window.limit - window.told }
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
    const left = this.#leftOf(window)
    return left > 0 && (lane === 'write' || left > reservedOf(window.limit, this.#reserve, window.endsAtMs - nowMs))
  }

  /** A request goes. @returns its turn, from 1 up */
  take (nowMs: number): number {
    const learning = this.#learning
    if (learning !== undefined) {
      learning.places--
      if (learning.untilMs === Infinity) learning.untilMs = nowMs + MAX_LEARNING_MS
    }
    if (nowMs - this.#mark.atMs >= MAX_TRAVEL_MS) {
      this.#olderMark = this.#mark
      this.#mark = { turns: this.#turns, untold: this.#untold, atMs: nowMs }
    }
    this.#lastTurnAtMs = nowMs
    if (this.#window !== undefined) this.#window.sent++
    this.#inFlight++
    return ++this.#turns
  }

  /** A request ended without an answer. What was sent is counted all the same. */
  giveBack (turn: number, wasSent: boolean): void {
    this.#inFlight--
    const [learning, window] = [this.#learning, this.#window]
    if (wasSent) {
      this.#untold++
      return
    }
    if (learning !== undefined && turn > learning.sinceTurn) learning.places++
    if (window !== undefined && turn > window.openedAtTurn) window.sent--
  }

  /**
   * The API answered.
   * @param lastsMs how long the window still lasts, by the API's clock
   * @returns whether it refused what our clock had already seen in the next window
   */
  answer (turn: number, status: number, reading: QuotaReading | undefined, lastsMs: number, nowMs: number): boolean {
    this.#inFlight--
    this.roll(nowMs)
    const [window, learning] = [this.#window, this.#learning]
    if (learning !== undefined && turn > learning.sinceTurn) this.#learning = undefined
    if (reading === undefined) {
      this.#untold++
      const isServed = status >= 200 && status < 300
      // It names a limit no more; something before it may have answered, though, which knows of none.
      if (isServed && window?.isAssumed === true && turn > window.openedAtTurn) this.#forget()
      return false
    }
    const isLate = window !== undefined && turn <= window.openedAtTurn && reading.resetsAtMs <= window.resetsAtMs
    if (isLate && (window.isAssumed || reading.resetsAtMs < window.resetsAtMs)) return false
    if (status === 429) return this.#refused(reading, lastsMs, nowMs)
    if (lastsMs > 0) this.#learn(reading, lastsMs, nowMs)
    else this.#learnLimit(reading, lastsMs, nowMs)
    return false
  }

  /** The clock may have brought a new window. */
  roll (nowMs: number): void {
    const window = this.#window
    if (window === undefined || nowMs < window.endsAtMs) return
    this.#assume(window, nowMs)
    if (this.#probesNext) this.#learning = { places: 1, sinceTurn: this.#turns, untilMs: Infinity }
    this.#probesNext = false
  }

  /** The machine slept: the window is that much older. One request looks first what has become of it. */
  slept (ms: number): void {
    if (this.#window === undefined) return
    this.#window.endsAtMs -= ms
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
    if (this.#learning !== undefined) return this.#learning.untilMs
    const window = this.#window
    if (window === undefined) return nowMs
    const left = this.#leftOf(window)
    return left <= 0 || lane === 'write' ? window.endsAtMs : Math.max(meltsAtMs(window, this.#reserve, left), nowMs)
  }

  /** The first answer of all is waited for: the quota is not spent. */
  learnsByMs (lane: Lane, nowMs: number): number {
    return this.#window === undefined ? this.wakesAtMs(lane, nowMs) : 0
  }

  /**
   * The limit, without what we sent and without what others spent: so what is in flight counts once, whether or not the API has counted it. At the
   * edge of a window it may have counted it in the one before: then it is what the API told, without what is in flight.
   */
  #leftOf ({ limit, foreign, sent, told }: Window): number {
    const toldLess = told - this.#inFlight - (this.#untold - this.#olderMark.untold)
    return Math.min(told, Math.max(limit - foreign - sent, toldLess))
  }

  /**
   * How many were sent so lately, and not answered, that the API may count them in a window that begins now.
   * @param answered besides
   */
  #unseen (nowMs: number, answered: number): number {
    if (nowMs - this.#lastTurnAtMs >= MAX_TRAVEL_MS) return 0
    const mark = nowMs - this.#mark.atMs >= MAX_TRAVEL_MS ? this.#mark : this.#olderMark
    return Math.min(this.#turns - mark.turns, this.#inFlight + this.#untold - mark.untold + answered)
  }

  #open (window: Omit<Window, 'openedAtTurn'>): void {
    this.#window = { ...window, openedAtTurn: this.#turns }
    this.#windows++
  }

  /** The window of now follows by the clock on one that ended. */
  #assume ({ resetsAtMs, limit, endsAtMs }: Pick<Window, 'resetsAtMs' | 'limit' | 'endsAtMs'>, nowMs: number): void {
    const windowsLater = Math.floor((nowMs - endsAtMs) / WINDOW_MS) + 1
    this.#open({ resetsAtMs, ...untouched(limit), endsAtMs: endsAtMs + windowsLater * WINDOW_MS, isAssumed: true, sent: this.#unseen(nowMs, 0) })
  }

  #forget (): void {
    this.#window = undefined
    this.#learning = { places: FIRST_PLACES, sinceTurn: this.#turns, untilMs: Infinity }
  }

  /** The answer came when its window was over. What was left of that is of no use; the limit is, where it is the newest that was told. */
  #learnLimit ({ resetsAtMs, limit }: QuotaReading, lastsMs: number, nowMs: number): void {
    const window = this.#window
    if (window === undefined) this.#assume({ resetsAtMs, limit, endsAtMs: nowMs + lastsMs }, nowMs)
    else if (window.isAssumed && resetsAtMs > window.resetsAtMs) Object.assign(window, { resetsAtMs, ...untouched(limit) })
  }

  #learn ({ resetsAtMs, limit, remaining }: QuotaReading, lastsMs: number, nowMs: number): void {
    const endsAtMs = nowMs + Math.min(lastsMs, WINDOW_MS)
    const counted = limit - remaining
    const window = this.#window
    const isConfirmed = window?.isAssumed === true && resetsAtMs > window.resetsAtMs
    if (window === undefined || (window.resetsAtMs !== resetsAtMs && !isConfirmed)) {
      const sent = this.#unseen(nowMs, 1)
      this.#open({ resetsAtMs, limit, endsAtMs, isAssumed: false, sent, foreign: Math.max(counted - sent, 0), told: remaining })
      return
    }
    const isSame = window.limit === limit && !window.isAssumed
    // Within one window what is left only falls, whatever the order of the answers; unless the limit itself was changed.
    window.foreign = Math.max(counted - window.sent, isSame ? window.foreign : 0)
    window.told = isSame ? Math.min(window.told, remaining) : remaining
    // Each answer tells the latest possible end; the least of them is the closest.
    window.endsAtMs = window.isAssumed ? endsAtMs : Math.min(window.endsAtMs, endsAtMs)
    Object.assign(window, { resetsAtMs, limit, isAssumed: false })
  }

  /** Others spent what was left, or our clock was ahead. */
  #refused ({ resetsAtMs, limit }: QuotaReading, lastsMs: number, nowMs: number): boolean {
    const isPast = lastsMs <= 0
    const window = this.#window
    const isEarly = isPast || (window?.isAssumed === true && resetsAtMs <= window.resetsAtMs)
    const endsAtMs = nowMs + (isPast ? PROBE_PAUSE_MS : Math.min(lastsMs, WINDOW_MS))
    this.#probesNext ||= isEarly || lastsMs > WINDOW_MS
    if (window === undefined || window.isAssumed || window.resetsAtMs !== resetsAtMs) {
      this.#open({ resetsAtMs, limit, endsAtMs, isAssumed: false, sent: limit, foreign: 0, told: 0 })
    } else {
      window.told = 0
      window.endsAtMs = isPast ? endsAtMs : Math.min(window.endsAtMs, endsAtMs)
    }
    return isEarly
  }
}

/** A limit of 0 too is worth a request in each window: else nobody would learn that it was raised. */
function untouched (limit: number): Pick<Window, 'limit' | 'foreign' | 'told'> {
  return { limit, foreign: Math.min(limit - 1, 0), told: Math.max(limit, 1) }
}
