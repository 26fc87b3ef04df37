import type { Clock, Timer } from '../clock.ts'
import { Problem } from '../problem.ts'
import type { Allotment } from './allotment.ts'
import { Lanes, LANES, type Lane, type Waiter } from './lanes.ts'
import { Ledger } from './ledger.ts'
import { ServerClock } from './server-clock.ts'
import { readQuota } from './window.ts'

export interface GovernorOptions {
  readonly clock: Clock
  /** How long a request is held; 0 refuses at once. */
  readonly maxWaitMs: number
  /** The part of each window, 0 to 1, that is kept for writes. */
  readonly reserve: number
  /** What of the quota is ours, in a fleet; else all of it is. */
  readonly allotment?: Allotment | undefined
  /** Told of each request that was held, at the end of its wait. */
  readonly onWaited?: (lane: Lane, waitedMs: number) => void
  /** Told of each window in which requests were held or refused, when the next one is there. */
  readonly onShortage?: (shortage: Shortage) => void
}

/** Less is drift, or somebody who sets a clock. */
const MIN_SLEEP_MS = 2_000

/** What operators are told. */
export interface QuotaStatus {
  readonly limit: number
  readonly remaining: number
  /** In epoch milliseconds of our clock. */
  readonly resetsAtMs: number
}

/** A window that was not enough for all. */
export interface Shortage {
  readonly limit: number | undefined
  /** How many had to wait, by lane. */
  readonly held: Readonly<Record<Lane, number>>
  /** How many of all were refused with RATE-R-001. */
  readonly refused: number
}

/** What becomes of a request that must wait. */
export type Verdict = Pick<Waiter, 'go' | 'refuse'>

/**
 * Spends the API's quota: who goes now, who waits, and who is refused since a wait can't succeed.
 *
 * A request takes a turn before it is sent; each turn ends with `answered` or `giveBack`. While there is quota left, a turn costs a comparison.
 */
export class Governor {
  readonly #options: GovernorOptions
  readonly #allotment: Allotment
  readonly #lanes = new Lanes()
  /** Lanes that have had nothing of this window yet: the oldest of each goes before all others, so that none starves for longer than a window. */
  readonly #owed = new Set<Lane>()
  #owedWindow = 0
  #sweptWindow = 0
  #held = { write: 0, read: 0, list: 0 }
  #refused = 0
  #shortWindow = 0
  #isPumping = false
  #alarm: Timer | undefined
  #alarmAtMs = Infinity
  readonly #serverClock = new ServerClock()
  /** How far our wall clock was ahead of the monotonic one when it was looked at last. */
  #wallAheadMs = NaN

  constructor (options: GovernorOptions) {
    this.#options = options
    this.#allotment = options.allotment ?? new Ledger(options.reserve)
    this.#allotment.onNews?.(() => this.#hear())
  }

  /** Undefined until the API told one. */
  get status (): QuotaStatus | undefined {
    const { clock } = this.#options
    const nowMs = clock.monotonicMs()
    this.#allotment.roll(nowMs)
    const known = this.#allotment.known
    if (known === undefined) return undefined
    // Windows turn at whole seconds.
    return { limit: known.limit, remaining: known.left, resetsAtMs: Math.round((clock.nowMs() + known.endsAtMs - nowMs) / 1000) * 1000 }
  }

  /** Undefined until the API told a limit. */
  get left (): number | undefined {
    return this.#allotment.left
  }

  /** How many are held. */
  get waiting (): Readonly<Record<Lane, number>> {
    return this.#lanes.sizes
  }

  /** @returns the turn of a request that may go at once; 0 for one that must wait */
  take (lane: Lane): number {
    if (this.#lanes.size > 0 && (lane !== 'write' || this.#lanes.first('write') !== undefined)) return 0
    const nowMs = this.#options.clock.monotonicMs()
    this.#noticeSleep(nowMs)
    return this.#allotment.mayGo(lane, nowMs) ? this.#allotment.take(nowMs, lane) : 0
  }

  /**
   * Holds a request until its turn, or refuses it with RATE-R-001: at once where the wait can't succeed.
   * @param sinceMs when it was held first, on the monotonic clock: its whole wait is limited
   * @param isSentBack the API had it already: it goes before those of its lane who never went
   */
  wait (lane: Lane, { sinceMs, isSentBack }: { readonly sinceMs: number, readonly isSentBack: boolean }, { go, refuse }: Verdict): Waiter | undefined {
    const { clock, maxWaitMs } = this.#options
    const nowMs = clock.monotonicMs()
    this.#noticeSleep(nowMs)
    this.#noticeWindow()
    const opensAtMs = this.#allotment.opensAtMs(lane, isSentBack ? 0 : this.#lanes.ahead(lane), nowMs)
    const deadlineMs = Math.max(sinceMs + maxWaitMs, this.#allotment.learnsByMs(lane, nowMs))
    if (opensAtMs > deadlineMs || deadlineMs <= nowMs) {
      refuse(this.#refusal(opensAtMs - nowMs))
      return undefined
    }
    const timer = clock.setTimer(() => this.#expire(waiter), Math.ceil(deadlineMs - nowMs))
    const waiter: Waiter = { lane, sinceMs: nowMs, deadlineMs, timer, go, refuse }
    this.#lanes.add(waiter, isSentBack)
    this.#held[lane]++
    // The window may have turned while the API refused it.
    if (isSentBack) this.#pump()
    else this.#arm()
    return waiter
  }

  /** Its app hung up. */
  leave (waiter: Waiter): void {
    this.#end(waiter, () => {})
  }

  /**
   * The head of an answer came.
   * @param headers names and values in turn
   * @returns whether it tells of the quota: a 429 that does not is somebody else's
   */
  answered (turn: number, status: number, headers: readonly string[]): boolean {
    const { clock } = this.#options
    const wallMs = clock.nowMs()
    const nowMs = clock.monotonicMs()
    this.#noticeSleep(nowMs)
    const reading = readQuota(headers)
    const lastsMs = reading === undefined ? 0 : reading.resetsAtMs - wallMs - this.#serverClock.skewMs(reading.date, wallMs, nowMs)
    if (this.#allotment.answer(turn, status, reading, lastsMs, nowMs)) this.#serverClock.provedBehind()
    this.#noticeWindow()
    if (this.#lanes.size > 0) this.#pump()
    return reading !== undefined
  }

  /** A turn ended without an answer. */
  giveBack (turn: number, wasSent: boolean): void {
    this.#allotment.giveBack(turn, wasSent)
    if (this.#lanes.size > 0) this.#pump()
  }

  /** Whether a request that the API refused may still go within its time. */
  isWorthWaiting (lane: Lane, sinceMs: number): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    return this.#allotment.known !== undefined && this.#allotment.opensAtMs(lane, 0, nowMs) <= sinceMs + this.#options.maxWaitMs
  }

  /** While a machine sleeps its monotonic clock stands still, and windows pass. */
  #noticeSleep (nowMs: number): void {
    const wallAheadMs = this.#options.clock.nowMs() - nowMs
    const sleptMs = wallAheadMs - this.#wallAheadMs
    this.#wallAheadMs = wallAheadMs
    if (sleptMs > MIN_SLEEP_MS) this.#allotment.slept(sleptMs)
  }

  #noticeWindow (): void {
    const { windows } = this.#allotment
    if (windows === this.#shortWindow) return
    this.#shortWindow = windows
    const held = this.#held
    if (this.#refused === 0 && held.write + held.read + held.list === 0) return
    this.#options.onShortage?.({ limit: this.#allotment.known?.limit, held, refused: this.#refused })
    this.#held = { write: 0, read: 0, list: 0 }
    this.#refused = 0
  }

  /** The fleet answered: some may go, or learn that they wait in vain. */
  #hear (): void {
    if (this.#lanes.size === 0) return
    this.#pump()
    this.#sweep()
  }

  #pump (): void {
    // Whoever goes may fail at once, and so give its turn to the next: one loop for all.
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const { lane, go } = next
        this.#owed.delete(lane)
        const turn = this.#allotment.take(this.#options.clock.monotonicMs(), lane)
        this.#end(next, () => go(turn))
      }
    } finally {
      this.#isPumping = false
    }
    this.#refuseHopeless()
    this.#arm()
  }

  #next (): Waiter | undefined {
    const nowMs = this.#options.clock.monotonicMs()
    this.#allotment.roll(nowMs)
    if (this.#owedWindow !== this.#allotment.windows) {
      this.#owedWindow = this.#allotment.windows
      for (const lane of LANES) if (this.#lanes.first(lane) !== undefined) this.#owed.add(lane)
    }
    for (const lane of [...this.#owed, ...LANES]) {
      const first = this.#lanes.first(lane)
      if (first !== undefined && this.#allotment.mayGo(lane, nowMs)) return first
    }
    return undefined
  }

  /** The last of a window is gone: whoever can't wait for the next one is told now, and not at the end of a wait in vain. */
  #refuseHopeless (): void {
    if (this.#allotment.left !== 0 || this.#sweptWindow === this.#allotment.windows) return
    this.#sweptWindow = this.#allotment.windows
    this.#sweep()
  }

  #sweep (): void {
    const nowMs = this.#options.clock.monotonicMs()
    let ahead = 0
    for (const waiter of [...this.#lanes]) {
      const opensAtMs = this.#allotment.opensAtMs(waiter.lane, ahead, nowMs)
      if (opensAtMs > waiter.deadlineMs) this.#end(waiter, () => waiter.refuse(this.#refusal(opensAtMs - nowMs)))
      else ahead++
    }
  }

  #expire (waiter: Waiter): void {
    // The window may turn at this very moment.
    this.#pump()
    const nowMs = this.#options.clock.monotonicMs()
    this.#end(waiter, () => waiter.refuse(this.#refusal(this.#allotment.opensAtMs(waiter.lane, 0, nowMs) - nowMs)))
  }

  #end (waiter: Waiter, tell: () => void): void {
    if (!this.#lanes.delete(waiter)) return
    waiter.timer.cancel()
    if (this.#lanes.size === 0) this.#disarm()
    this.#options.onWaited?.(waiter.lane, this.#options.clock.monotonicMs() - waiter.sinceMs)
    tell()
  }

  #arm (): void {
    const lane = LANES.find(lane => this.#lanes.first(lane) !== undefined)
    if (lane === undefined) return
    const { clock } = this.#options
    const nowMs = clock.monotonicMs()
    // Behind writes that wait, what is kept for them is of no use to others.
    const atMs = this.#allotment.wakesAtMs(lane, nowMs)
    if (atMs === this.#alarmAtMs) return
    this.#disarm()
    this.#alarmAtMs = atMs
    if (atMs === Infinity) return
    this.#alarm = clock.setTimer(() => {
      this.#alarmAtMs = Infinity
      this.#pump()
    }, Math.ceil(atMs - nowMs))
  }

  #disarm (): void {
    this.#alarm?.cancel()
    this.#alarmAtMs = Infinity
  }

  #refusal (opensInMs: number): Problem {
    this.#refused++
    const { status } = this
    return new Problem('RATE-R-001', whyNot(status), { retryAfterMs: opensInMs, quota: status })
  }
}

function whyNot (status: QuotaStatus | undefined): string {
  if (status === undefined) return 'The quota of the API is not known yet.'
  const { limit, remaining } = status
  if (remaining > 0) return `Of the quota of ${limit} requests in a window ${remaining} are left, which are kept for writes.`
  return `The quota of ${limit} requests in a window is spent, and waiting for the next window would take too long.`
}
