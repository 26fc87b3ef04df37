import type { Clock, Timer } from '../clock.ts'
import type { Allotment } from './allotment.ts'
import type { Lane } from './lanes.ts'
import { Ledger, WINDOW_MS } from './ledger.ts'
import type { Grant, QuotaStore, Want } from './stores/store.ts'
import type { QuotaReading } from './window.ts'

export interface FleetAllotmentOptions {
  readonly clock: Clock
  readonly store: QuotaStore
  /** The part of each window, 0 to 1, that is kept for writes. */
  readonly reserve: number
}

/** A live process is heard of at least three times in the minute after which it counts as gone. */
const BEAT_MS = 20_000
/** What was not used for so long may be of use to others. */
const IDLE_MS = 2_000
/** Something may be given back after all: we ask again at half of what is left of the window, and so a few times a window. */
const MIN_PAUSE_MS = 1_000
/** While we are alone: whether the store is back, for those who wait. */
const ALONE_LOOK_MS = 1_000

/** After an answer of no use, or none. */
const FAILURE_PAUSE_MS = 1_000

/** What is ours to send, of one window. */
interface Block {
  /** Undefined: our share while the fleet can't be asked. */
  readonly id: string | undefined
  /** Turns up to this one are not of it. */
  readonly sinceTurn: number
  /** Of which window of ours, where it is our share. */
  readonly windows: number
  endsAtMs: number
  /** How many were here when it was filled last. */
  size: number
  left: number
  /** Besides: for writes alone. */
  kept: number
}

/** The fleet had nothing for us. */
interface Denial {
  readonly againAtMs: number
  readonly opensAtMs: number
}

type Purpose = Exclude<Want, 'look'>

const NO_DENIALS: Readonly<Record<Purpose, Denial | undefined>> = { write: undefined, other: undefined }

const purposeOf = (lane: Lane): Purpose => lane === 'write' ? 'write' : 'other'

/**
 * Our part of a quota that a fleet shares: small blocks of one count, so that most requests cost a comparison. The next block is asked for at half of
 * the last; blocks of one, at the end of a window, when they are needed. What the API itself told us, the ledger knows, and both must agree.
 *
 * Where the count can't be asked, our share is what was left, and then the limit, by the last known number of processes.
 */
export class FleetAllotment implements Allotment {
  readonly #options: FleetAllotmentOptions
  readonly #ledger: Ledger
  #block: Block | undefined
  #denials = NO_DENIALS
  /** The last word of the fleet. */
  #fleet: { readonly pods: number, readonly left: number, readonly endsAtMs: number } | undefined
  #askedUntilMs: number | undefined
  #pausesUntilMs = -Infinity
  /** Sent in this window without a grant: before the limit was known, or alone. The fleet has still to hear of them. */
  #ungranted = { n: 0, windows: 1 }
  #turns = 0
  #lastTurnAtMs = -Infinity
  #idleTimer: Timer | undefined
  #beatTimer: Timer | undefined
  #isStopped = false
  #tellNews = (): void => {}

  constructor (options: FleetAllotmentOptions) {
    this.#options = options
    this.#ledger = new Ledger(options.reserve)
  }

  onNews (hear: () => void): void {
    this.#tellNews = hear
  }

  /** From now on the fleet knows of us. */
  start (): void {
    void this.#beat()
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    this.#beatTimer?.cancel()
    this.#idleTimer?.cancel()
    const block = this.#block
    this.#block = undefined
    await this.#options.store.leave(block?.id ?? '', (block?.left ?? 0) + (block?.kept ?? 0))
  }

  /** How many processes share the quota, as far as it was heard. */
  get pods (): number {
    return this.#fleet?.pods ?? 1
  }

  get windows (): number {
    return this.#ledger.windows
  }

  get left (): number | undefined {
    return this.#ledger.left
  }

  get known (): Allotment['known'] {
    const known = this.#ledger.known
    return known === undefined || this.#denial('write') === undefined ? known : { ...known, left: 0 }
  }

  mayGo (lane: Lane, nowMs: number): boolean {
    // What is kept for writes the fleet counts, not each of its processes.
    if (!this.#ledger.mayGo('write', nowMs)) return false
    if (this.#ledger.left === undefined) return true
    if (this.#has(lane, nowMs)) {
      if (this.#block?.id === undefined && this.#canAsk(nowMs)) this.#ask(purposeOf(lane), nowMs)
      return true
    }
    if (this.#askedUntilMs !== undefined || this.#canAsk(nowMs)) {
      this.#ask(purposeOf(lane), nowMs)
      return false
    }
    this.#goAlone()
    return this.#has(lane, nowMs)
  }

  take (nowMs: number, lane: Lane): number {
    this.#lastTurnAtMs = nowMs
    const block = this.#block
    if (block?.id === undefined) this.#countUngranted(1)
    if (block !== undefined) {
      if (lane === 'write' && block.kept > 0) block.kept--
      else if (block.left > 0) block.left--
      if (block.size > 1 && block.left * 2 <= block.size && block.id !== undefined) this.#ask('other', nowMs)
    }
    this.#turns = this.#ledger.take(nowMs)
    return this.#turns
  }

  giveBack (turn: number, wasSent: boolean): void {
    this.#ledger.giveBack(turn, wasSent)
    if (!wasSent) this.#return(turn)
  }

  answer (turn: number, status: number, reading: QuotaReading | undefined, lastsMs: number, nowMs: number): boolean {
    const wasEarly = this.#ledger.answer(turn, status, reading, lastsMs, nowMs)
    // It was granted for the window that is still to come.
    if (wasEarly) this.#return(turn)
    return wasEarly
  }

  roll (nowMs: number): void {
    this.#ledger.roll(nowMs)
  }

  slept (ms: number): void {
    this.#ledger.slept(ms)
    this.#drop()
    this.#denials = NO_DENIALS
  }

  opensAtMs (lane: Lane, ahead: number, nowMs: number): number {
    const opensAtMs = this.#ledger.opensAtMs('write', ahead, nowMs)
    const block = this.#block
    if (block !== undefined && block.id === undefined && block.left === 0) return Math.max(opensAtMs, block.endsAtMs)
    const denial = this.#denial(purposeOf(lane))
    return denial === undefined ? opensAtMs : Math.max(opensAtMs, denial.opensAtMs)
  }

  wakesAtMs (lane: Lane, nowMs: number): number {
    const left = this.#ledger.left
    if (left === undefined || left <= 0 || !this.#ledger.mayGo('write', nowMs)) return this.#ledger.wakesAtMs('write', nowMs)
    // Then there are news.
    if (this.#askedUntilMs !== undefined) return Infinity
    return this.#denial(purposeOf(lane))?.againAtMs ?? nowMs + ALONE_LOOK_MS
  }

  learnsByMs (lane: Lane, nowMs: number): number {
    return Math.max(this.#ledger.learnsByMs(lane, nowMs), this.#askedUntilMs ?? 0)
  }

  #has (lane: Lane, nowMs: number): boolean {
    const block = this.#block
    if (block === undefined) return false
    if (nowMs >= block.endsAtMs || (block.id === undefined && block.windows !== this.#ledger.windows)) {
      this.#drop()
      return false
    }
    if (lane === 'write') return block.left + block.kept > 0
    if (block.id !== undefined) return block.left > 0
    // Alone, the reserve is ours to keep.
    return block.left > Math.ceil(block.size * this.#options.reserve * Math.min((block.endsAtMs - nowMs) / WINDOW_MS, 1))
  }

  #denial (purpose: Purpose): Denial | undefined {
    const denial = this.#denials[purpose]
    return denial !== undefined && this.#options.clock.monotonicMs() < denial.againAtMs ? denial : undefined
  }

  #drop (): void {
    this.#block = undefined
    this.#idleTimer?.cancel()
  }

  #countUngranted (n: number): number {
    const windows = Math.max(this.#ledger.windows, 1)
    if (this.#ungranted.windows !== windows) this.#ungranted = { n: 0, windows }
    this.#ungranted.n += n
    return this.#ungranted.n
  }

  #return (turn: number): void {
    const block = this.#block
    if (block !== undefined && turn > block.sinceTurn) block.left++
  }

  /** Our share of what was left, where the fleet was heard in this window; else of all. */
  #goAlone (): void {
    const known = this.#ledger.known
    if (known === undefined || (this.#block !== undefined && this.#block.id === undefined)) return
    const fleet = this.#fleet
    // Two clocks told the ends: those of one window are close.
    const isOfThis = fleet !== undefined && Math.abs(fleet.endsAtMs - known.endsAtMs) < WINDOW_MS / 2
    const fleetLeft = isOfThis ? fleet.left : known.limit
    const share = Math.floor(Math.min(fleetLeft, known.left) / this.pods)
    const size = share === 0 && fleetLeft > 0 && known.left === known.limit ? 1 : share
    this.#denials = NO_DENIALS
    this.#block = { id: undefined, sinceTurn: this.#turns, windows: this.#ledger.windows, endsAtMs: known.endsAtMs, size, left: size, kept: 0 }
  }

  #canAsk (nowMs: number): boolean {
    return this.#options.store.isUp && nowMs >= this.#pausesUntilMs
  }

  #ask (want: Purpose, nowMs: number): void {
    if (this.#askedUntilMs !== undefined || this.#isStopped || this.#denial(want) !== undefined || !this.#canAsk(nowMs)) return
    this.#askedUntilMs = nowMs + this.#options.store.limitMs
    void this.#fetch(want)
  }

  async #fetch (want: Purpose): Promise<void> {
    const grant = await this.#report(want)
    this.#askedUntilMs = undefined
    if (grant?.window === undefined) this.#pausesUntilMs = this.#options.clock.monotonicMs() + FAILURE_PAUSE_MS
    else this.#granted(want, grant, grant.window)
    this.#tellNews()
  }

  async #report (want: Want): Promise<Grant | undefined> {
    const { clock, store } = this.#options
    this.#ledger.roll(clock.monotonicMs())
    const { told } = this.#ledger
    const block = this.#block
    const unspent = block?.id === undefined ? 0 : block.left + block.kept
    const ungranted = told === undefined ? 0 : this.#countUngranted(0)
    const grant = await store.take({ want, told, lastsMs: told === undefined ? 0 : told.endsAtMs - clock.monotonicMs(), unspent, ungranted })
    if (grant !== undefined) {
      this.#countUngranted(-Math.min(ungranted, this.#countUngranted(0)))
      this.#fleet = { pods: grant.pods, left: grant.window?.left ?? 0, endsAtMs: grant.window === undefined ? -Infinity : clock.monotonicMs() + grant.window.endsInMs }
    }
    return grant
  }

  #granted (want: Purpose, { granted, isKept }: Grant, window: NonNullable<Grant['window']>): void {
    const nowMs = this.#options.clock.monotonicMs()
    const endsAtMs = nowMs + window.endsInMs
    if (granted === 0) {
      const denial = this.#denialBy(window, nowMs)
      this.#denials = { write: window.left === 0 ? denial : this.#denials.write, other: denial }
      // Our share was of the time without the fleet, which now says that nothing is left.
      if (this.#block?.id === undefined) this.#drop()
      return
    }
    if (this.#denials[want] !== undefined) this.#denials = { ...this.#denials, [want]: undefined }
    const block = this.#block?.id === window.id ? this.#block : { id: window.id, sinceTurn: this.#turns, windows: 0, endsAtMs, size: 0, left: 0, kept: 0 }
    block.endsAtMs = endsAtMs
    if (isKept) block.kept += granted
    else block.left += granted
    block.size = block.left
    this.#block = block
    this.#watchIdle(nowMs)
  }

  #denialBy ({ limit, left, endsInMs }: NonNullable<Grant['window']>, nowMs: number): Denial {
    const { reserve } = this.#options
    const endsAtMs = nowMs + endsInMs
    const pauseMs = Math.min(Math.max(endsInMs / 2, MIN_PAUSE_MS), endsInMs)
    if (left === 0) return { againAtMs: nowMs + pauseMs, opensAtMs: endsAtMs }
    // What is left is kept for writes, and melts.
    const meltsAtMs = Math.max(endsAtMs - WINDOW_MS * (left - 1) / (limit * reserve) + 1, nowMs + 1)
    return { againAtMs: Math.min(meltsAtMs, endsAtMs), opensAtMs: Math.min(meltsAtMs, endsAtMs) }
  }

  #watchIdle (nowMs: number): void {
    this.#idleTimer?.cancel()
    const idleAtMs = Math.max(this.#lastTurnAtMs, nowMs) + IDLE_MS
    this.#idleTimer = this.#options.clock.setTimer(() => this.#lookIfIdle(), idleAtMs - nowMs)
  }

  #lookIfIdle (): void {
    const { clock } = this.#options
    const nowMs = clock.monotonicMs()
    const block = this.#block
    if (block?.id === undefined || block.left + block.kept === 0) return
    const idleForMs = nowMs - this.#lastTurnAtMs
    if (idleForMs >= IDLE_MS) void this.#giveBlockBack(block, block.id)
    else this.#idleTimer = clock.setTimer(() => this.#lookIfIdle(), IDLE_MS - idleForMs)
  }

  /** It is kept where that fails. */
  async #giveBlockBack (block: Block, id: string): Promise<void> {
    const { left, kept } = block
    block.left = block.kept = 0
    if (await this.#options.store.giveBack(id, left + kept)) return
    block.left += left
    block.kept += kept
  }

  async #beat (): Promise<void> {
    await this.#report('look')
    if (!this.#isStopped) this.#beatTimer = this.#options.clock.setTimer(() => { void this.#beat() }, BEAT_MS)
  }
}
