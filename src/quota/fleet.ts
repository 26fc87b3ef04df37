import type { Clock, Timer } from '../clock.ts'
import type { Allotment } from './allotment.ts'
import { areOfOneWindow, Block, shareOf } from './block.ts'
import { Denials } from './denials.ts'
import { FleetTalk } from './fleet-talk.ts'
import type { Lane } from './lanes.ts'
import { Ledger } from './ledger.ts'
import type { Grant, Purpose, QuotaStore } from './stores/store.ts'
import type { QuotaReading } from './window.ts'

export interface FleetAllotmentOptions {
  readonly clock: Clock
  readonly store: QuotaStore
  /** The part of each window, 0 to 1, that is kept for writes. */
  readonly reserve: number
  /** From 0 to 1. */
  readonly random: () => number
}

/** What operators are told. */
export interface FleetStatus {
  /** How many processes share the quota, this one too, as far as it was heard. */
  readonly pods: number
  /** The fleet can't be asked, and this one lives on its share. */
  readonly isAlone: boolean
}

/** What was not used for so long may be of use to others. */
const IDLE_MS = 2_000

/** While we are alone: whether the store is back, for those who wait. */
const ALONE_LOOK_MS = 1_000

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
  readonly #talk: FleetTalk
  readonly #denials: Denials
  #block: Block | undefined
  #turns = 0
  #lastTurnAtMs = -Infinity
  #idleTimer: Timer | undefined
  #tellNews = (): void => {}

  constructor (options: FleetAllotmentOptions) {
    const { clock, store, reserve, random } = options
    this.#options = options
    this.#ledger = new Ledger(reserve)
    this.#denials = new Denials(reserve, random)
    this.#talk = new FleetTalk({
      clock, store, random, ledger: this.#ledger, unspent: () => this.#granted?.unspent ?? 0, onAnswer: (purpose, grant) => this.#hear(purpose, grant)
    })
  }

  onNews (hear: () => void): void {
    this.#tellNews = hear
  }

  start (): void {
    this.#talk.start()
  }

  async stop (): Promise<void> {
    const block = this.#granted
    this.#drop()
    await this.#talk.stop(block?.id ?? '', block?.unspent ?? 0)
  }

  get status (): FleetStatus {
    const { clock, store } = this.#options
    const isOnShare = this.#share?.isOver(this.#ledger.windows, clock.monotonicMs()) === false
    return { pods: this.#talk.heard?.pods ?? 1, isAlone: !store.isUp || isOnShare }
  }

  get windows (): number {
    return this.#ledger.windows
  }

  get left (): number | undefined {
    return this.#ledger.left
  }

  get known (): Allotment['known'] {
    const known = this.#ledger.known
    return known === undefined || this.#denials.of('write', this.#options.clock.monotonicMs()) === undefined ? known : { ...known, left: 0 }
  }

  mayGo (lane: Lane, nowMs: number): boolean {
    // What is kept for writes the fleet counts, not each of its processes.
    if (!this.#ledger.mayGo('write', nowMs)) return false
    if (this.#ledger.left === undefined) return true
    if (this.#has(lane, nowMs)) {
      if (this.#granted === undefined) this.#ask(purposeOf(lane), nowMs)
      return true
    }
    if (this.#talk.answersByMs !== undefined || this.#talk.canAsk(nowMs)) {
      this.#ask(purposeOf(lane), nowMs)
      return false
    }
    this.#goAlone()
    return this.#has(lane, nowMs)
  }

  take (nowMs: number, lane: Lane): number {
    this.#lastTurnAtMs = nowMs
    this.#block?.take(lane)
    if (this.#granted === undefined) this.#talk.sentUngranted()
    else if (this.#granted.isHalfSpent) this.#ask('other', nowMs)
    this.#turns = this.#ledger.take(nowMs)
    return this.#turns
  }

  giveBack (turn: number, wasSent: boolean): void {
    this.#ledger.giveBack(turn, wasSent)
    if (!wasSent) this.#block?.giveBack(turn)
  }

  answer (turn: number, status: number, reading: QuotaReading | undefined, lastsMs: number, nowMs: number): boolean {
    const wasEarly = this.#ledger.answer(turn, status, reading, lastsMs, nowMs)
    // It was granted for the window that is still to come.
    if (wasEarly) this.#block?.giveBack(turn)
    return wasEarly
  }

  roll (nowMs: number): void {
    this.#ledger.roll(nowMs)
  }

  slept (ms: number): void {
    this.#ledger.slept(ms)
    this.#drop()
    this.#denials.clear()
  }

  opensAtMs (lane: Lane, ahead: number, nowMs: number): number {
    const opensAtMs = this.#ledger.opensAtMs('write', ahead, nowMs)
    const share = this.#share
    // While the fleet is asked again, what it has for us is unknown, not nothing.
    if (share?.unspent === 0 && this.#talk.answersByMs === undefined) return Math.max(opensAtMs, share.endsAtMs)
    const denial = this.#denials.of(purposeOf(lane), nowMs)
    return denial === undefined ? opensAtMs : Math.max(opensAtMs, denial.opensAtMs)
  }

  wakesAtMs (lane: Lane, nowMs: number): number {
    const left = this.#ledger.left
    if (left === undefined) return this.#ledger.wakesAtMs('write', nowMs)
    if (left <= 0 || !this.#ledger.mayGo('write', nowMs)) return this.#ledger.wakesAtMs('write', nowMs) + this.#talk.spreadMs
    // Then there are news.
    if (this.#talk.answersByMs !== undefined) return Infinity
    const denial = this.#denials.of(purposeOf(lane), nowMs)
    return denial === undefined ? nowMs + ALONE_LOOK_MS : denial.againAtMs + this.#talk.spreadMs
  }

  learnsByMs (lane: Lane, nowMs: number): number {
    return Math.max(this.#ledger.learnsByMs(lane, nowMs), this.#talk.answersByMs ?? 0)
  }

  /** What the fleet granted; else we live on our share, if anything. */
  get #granted (): Block | undefined {
    return this.#block?.id === undefined ? undefined : this.#block
  }

  get #share (): Block | undefined {
    return this.#granted === undefined ? this.#block : undefined
  }

  #has (lane: Lane, nowMs: number): boolean {
    if (this.#block?.isOver(this.#ledger.windows, nowMs) === true) this.#drop()
    return this.#block?.has(lane, nowMs) ?? false
  }

  #drop (): void {
    this.#block = undefined
    this.#idleTimer?.cancel()
  }

  #goAlone (): void {
    const known = this.#ledger.known
    if (known === undefined || this.#share !== undefined) return
    this.#denials.clear()
    const { windows: ledgerWindow } = this.#ledger
    this.#block = new Block({ id: undefined, ledgerWindow, sinceTurn: this.#turns, endsAtMs: known.endsAtMs, left: shareOf(known, this.#talk.heard), reserve: this.#options.reserve })
  }

  #ask (purpose: Purpose, nowMs: number): void {
    if (this.#denials.of(purpose, nowMs) === undefined) this.#talk.ask(purpose, nowMs)
  }

  #hear (purpose: Purpose, grant: Grant | undefined): void {
    if (grant?.window !== undefined) this.#fill(purpose, grant, grant.window)
    this.#tellNews()
  }

  #fill (purpose: Purpose, { granted, isKept, pods }: Grant, window: NonNullable<Grant['window']>): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (granted === 0) {
      this.#denials.deny({ window, pods }, nowMs)
      // Our share was of the time without the fleet, which now says that nothing is left.
      if (this.#granted === undefined) this.#drop()
      return
    }
    this.#denials.lift(purpose)
    const endsAtMs = this.#earliestEndMs(nowMs + window.endsInMs)
    if (this.#block?.id !== window.id) this.#block = new Block({ id: window.id, sinceTurn: this.#turns, endsAtMs })
    this.#block.fill(granted, isKept, endsAtMs)
    this.#watchIdle(IDLE_MS)
  }

  /** The fleet's window may end later than it does by what the API told us, by the time that the answer took. */
  #earliestEndMs (fleetEndsAtMs: number): number {
    const known = this.#ledger.known
    return known !== undefined && areOfOneWindow(known.endsAtMs, fleetEndsAtMs) ? Math.min(known.endsAtMs, fleetEndsAtMs) : fleetEndsAtMs
  }

  #watchIdle (ms: number): void {
    this.#idleTimer?.cancel()
    this.#idleTimer = this.#options.clock.setTimer(() => this.#lookIfIdle(), ms)
  }

  #lookIfIdle (): void {
    const nowMs = this.#options.clock.monotonicMs()
    const block = this.#granted
    if (block?.id === undefined || block.unspent === 0 || block.isOver(this.#ledger.windows, nowMs)) return
    const idleForMs = nowMs - this.#lastTurnAtMs
    if (idleForMs < IDLE_MS) this.#watchIdle(IDLE_MS - idleForMs)
    else void this.#lend(block, block.id)
  }

  /** Gives the block back. It is kept where that fails. */
  async #lend (block: Block, id: string): Promise<void> {
    const lent = block.lend()
    if (await this.#options.store.giveBack(id, lent.left + lent.kept)) return
    // Meanwhile we may live on our share.
    if (this.#block === undefined || !areOfOneWindow(this.#block.endsAtMs, block.endsAtMs)) return
    this.#block.takeBack(lent)
    this.#watchIdle(IDLE_MS)
  }
}
