import type { Clock } from '../clock.ts'
import type { Problem } from '../problem.ts'
import { Alarm } from './alarm.ts'
import type { Allotment } from './allotment.ts'
import { knownQuotaOf, type KnownQuota } from './known-quota.ts'
import { Lanes, LANES, type Lane, type Waiter } from './lanes.ts'
import { Ledger } from './ledger.ts'
import { quotaSpent } from './quota-spent.ts'
import { ServerClock } from './server-clock.ts'
import { Shortages, type Shortage } from './shortages.ts'
import { SleepWatch } from './sleep-watch.ts'
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
  #isPumping = false
  readonly #alarm: Alarm
  readonly #shortages: Shortages
  readonly #serverClock = new ServerClock()
  readonly #sleepWatch = new SleepWatch()

  constructor (options: GovernorOptions) {
    this.#options = options
    this.#allotment = options.allotment ?? new Ledger(options.reserve)
    this.#alarm = new Alarm(options.clock, () => this.#pump())
    this.#shortages = new Shortages(options.onShortage)
    this.#allotment.onNews?.(() => this.#hear())
  }

  /** Undefined until the API told one. */
  get status (): KnownQuota | undefined {
    const { clock } = this.#options
    const nowMs = clock.monotonicMs()
    this.#allotment.roll(nowMs)
    const known = this.#allotment.known
    return known === undefined ? undefined : knownQuotaOf(known, clock.nowMs(), nowMs)
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
    const { clock } = this.#options
    const nowMs = clock.monotonicMs()
    this.#noticeSleep(clock.nowMs(), nowMs)
    return this.#allotment.mayGo(lane, nowMs) ? this.#allotment.take(nowMs, lane) : 0
  }

  /**
   * Holds a request until its turn, or refuses it with RATE-R-001: at once where the wait can't succeed.
   * @param sinceMs when it was held first, on the monotonic clock: its whole wait is limited
   * @param isSentBack the API had it already: it goes before those of its lane who never went
   */
  wait (lane: Lane, { sinceMs, isSentBack }: { readonly sinceMs: number, readonly isSentBack: boolean }, { go, refuse }: Pick<Waiter, 'go' | 'refuse'>): Waiter | undefined {
    const { clock, maxWaitMs } = this.#options
    const nowMs = clock.monotonicMs()
    this.#noticeSleep(clock.nowMs(), nowMs)
    this.#shortages.noticeWindow(this.#allotment)
    const opensAtMs = this.#allotment.opensAtMs(lane, isSentBack ? 0 : this.#lanes.ahead(lane), nowMs)
    const deadlineMs = Math.max(sinceMs + maxWaitMs, this.#allotment.learnsByMs(lane, nowMs))
    if (opensAtMs > deadlineMs || deadlineMs <= nowMs) {
      refuse(this.#refusal(opensAtMs - nowMs))
      return undefined
    }
    const timer = clock.setTimer(() => this.#expire(waiter), Math.ceil(deadlineMs - nowMs))
    const waiter: Waiter = { lane, sinceMs: nowMs, deadlineMs, timer, go, refuse }
    this.#lanes.add(waiter, isSentBack)
    this.#shortages.held(lane)
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
    this.#noticeSleep(wallMs, nowMs)
    const reading = readQuota(headers)
    const lastsMs = reading === undefined ? 0 : reading.resetsAtMs - wallMs - this.#serverClock.skewMs(reading.date, wallMs, nowMs)
    if (this.#allotment.answer(turn, status, reading, lastsMs, nowMs)) this.#serverClock.provedBehind()
    this.#shortages.noticeWindow(this.#allotment)
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

  #noticeSleep (wallMs: number, nowMs: number): void {
    const sleptMs = this.#sleepWatch.look(wallMs, nowMs)
    if (sleptMs > 0) this.#allotment.slept(sleptMs)
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
    if (this.#lanes.size === 0) this.#alarm.cancel()
    this.#options.onWaited?.(waiter.lane, this.#options.clock.monotonicMs() - waiter.sinceMs)
    tell()
  }

  #arm (): void {
    const lane = LANES.find(lane => this.#lanes.first(lane) !== undefined)
    if (lane === undefined) return
    const nowMs = this.#options.clock.monotonicMs()
    // Behind writes that wait, what is kept for them is of no use to others.
    this.#alarm.set(this.#allotment.wakesAtMs(lane, nowMs), nowMs)
  }

  #refusal (opensInMs: number): Problem {
    this.#shortages.refused()
    return quotaSpent(this.status, opensInMs)
  }
}
