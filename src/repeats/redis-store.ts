import { randomUUID } from 'node:crypto'
import { isPast, later, momentOf, type Clock, type Moment, type Timer } from '../clock.ts'
import type { RedisHome } from '../redis/home.ts'
import { REDIS_PREFIX } from '../redis/link.ts'
import type { RedisScript } from '../redis/script.ts'
import { refusalOf } from '../redis/trouble.ts'
import type { MemoryStore } from './memory-store.ts'
import type { Outcome } from './outcome.ts'
import type { RecordSeal } from './record-seal.ts'
import { CLAIM, FINISH, LEAVE } from './redis-scripts.ts'
import type { Claim, Claimed, RepeatStore } from './store.ts'

export interface RedisRepeatStoreOptions {
  readonly clock: Clock
  readonly redis: Pick<RedisHome, 'run' | 'state'>
  /** What this process knows, also while Redis is away. */
  readonly memory: MemoryStore
  /** By the credentials as they are now. */
  readonly readSeal: () => RecordSeal
  /** Told what Redis refused, or holds that was not used. */
  readonly onRefused: (reason: string) => void
}

/** What a crashed sidecar had under way is unknown after this. */
const LEASE_MS = 5_000
const RENEW_MS = 1_000

/** A claim that came late, from a connection that was cut, comes within this. */
const GRACE_MS = 60_000

/** The first to meet a Redis that hangs asks again, until its home knows whether it is there: what was not heard may have been done. */
const MAX_ASKS = 3

/** What Redis did not take is kept for it: through a failover, not through a night. */
const LATE = { forMs: 60_000, pauseMs: 1_000, maxCharacters: 16 * 1024 * 1024 } as const

/** One request that this process has claimed, until Redis knows how it ended. */
interface Holding {
  readonly id: string
  readonly owner: string
  readonly key: string
  readonly name: string
  readonly seal: RecordSeal
  readonly print: string
  readonly ttlMs: number
  /** Until when Redis keeps it for us at least, whatever happens to this process; undefined while Redis does not know of it. */
  until: Moment | undefined
  /** Others have it, or were told that nobody knows. */
  isLost: boolean
  /** Redis was told, or may have been. */
  isEnded: boolean
  timer: Timer | undefined
}

/**
 * Remembers for a whole fleet. A record is there before a request leaves, as a lease that its owner renews: where it lapsed nobody knows what
 * became of it. What this process itself knows it keeps in memory too, and where Redis is known to be away it goes on with that alone.
 */
export class RedisRepeatStore implements RepeatStore {
  readonly #options: RedisRepeatStoreOptions
  readonly #holdings = new Map<string, Holding>()
  readonly #writing = new Set<Promise<void>>()
  readonly #late = new Set<Timer>()
  #lateCharacters = 0
  #isStopped = false

  constructor (options: RedisRepeatStoreOptions) {
    this.#options = options
  }

  get records (): number {
    return this.#options.memory.records
  }

  get bytes (): number {
    return this.#options.memory.bytes
  }

  claim (claim: Claim): Claimed | Promise<Claimed> {
    const known = this.#options.memory.claim(claim)
    return known === 'mine' ? this.#claim(claim) : known
  }

  /** Not once its lease may have lapsed, unless Redis is known to be away, or was when it was claimed. */
  isHeld (id: string): boolean {
    const holding = this.#holdings.get(id)
    if (holding === undefined) return true
    return !holding.isLost && (holding.until === undefined || !isPast(holding.until, this.#options.clock) || this.#options.redis.state.level === 'away')
  }

  finish (id: string, outcome: Outcome): void {
    this.#options.memory.finish(id, outcome)
    const holding = this.#release(id)
    if (holding === undefined) return
    const { key, owner, print, name, seal, ttlMs } = holding
    this.#write(FINISH, key, [owner, print, seal.sealOutcome(name, outcome), ttlMs])
  }

  forget (id: string): void {
    this.#options.memory.forget(id)
    const holding = this.#release(id)
    if (holding !== undefined) this.#write(LEAVE, holding.key, [holding.owner, GRACE_MS])
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#late) timer.cancel()
    for (const { timer } of this.#holdings.values()) timer?.cancel()
    this.#options.memory.stop()
    await Promise.all(this.#writing)
  }

  /** Claimed in memory already. */
  async #claim ({ id, fingerprint, ttlMs, isAgain = false }: Claim): Promise<Claimed> {
    const seal = this.#options.readSeal()
    const name = seal.nameOf(id)
    const holding: Holding = {
      id, owner: randomUUID(), key: `${REDIS_PREFIX}:repeat:${name}`, name, seal, print: seal.sealPrint(name, fingerprint), ttlMs, until: undefined, isLost: false, isEnded: false, timer: undefined
    }
    this.#holdings.set(id, holding)
    const mayBeAsked = this.#options.redis.state.level !== 'away'
    const [state, print = '', box = ''] = await this.#ask(holding)
    // Told meanwhile how it ended: Redis was told too.
    if (holding.isEnded) return 'mine'
    // Alone, unless it is known that another one has it.
    if (state === undefined && isAgain) {
      // It may have become ours unheard, or become it yet.
      if (mayBeAsked) this.#write(LEAVE, holding.key, [holding.owner, GRACE_MS])
      return this.#met(holding, { fingerprint, outcome: { state: 'running' } })
    }
    if (state === 'mine' || state === undefined) {
      this.#renewLater(holding)
      return 'mine'
    }
    return this.#met(holding, this.#read(holding, fingerprint, { state, print, box }))
  }

  /** Another one has it. */
  #met ({ id }: Holding, claimed: Claimed): Claimed {
    this.#holdings.delete(id)
    this.#options.memory.forget(id)
    return claimed
  }

  /** What can't be read, nobody knows: that it was sent is likely. */
  #read ({ name, seal }: Holding, own: string, { state, print, box }: { state: string, print: string, box: string }): Claimed {
    const fingerprint = seal.openPrint(name, print)
    const outcome = state === 'ended' ? seal.openOutcome(name, box) : undefined
    if (fingerprint === undefined || (state === 'ended' && outcome === undefined)) this.#options.onRefused('what Redis holds of a request is torn, or was changed; its repeat is told that nobody knows')
    if (state === 'running') return { fingerprint: fingerprint ?? own, outcome: { state: 'running' } }
    return { fingerprint: fingerprint ?? own, outcome: outcome ?? { state: 'unknown', why: 'lost' } }
  }

  /** @returns nothing where Redis is known to be away, or does not do it */
  async #ask (holding: Holding): Promise<string[]> {
    const { clock, redis, onRefused } = this.#options
    for (let asks = 0; asks < MAX_ASKS && redis.state.level !== 'away'; asks++) {
      try {
        const answer = await this.#askOnce(holding)
        // Heard too late where this process was held up: others may have been told.
        if (holding.until === undefined || !isPast(holding.until, clock)) return answer
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal === undefined) continue
        onRefused(refusal)
        return []
      }
    }
    return []
  }

  async #askOnce (holding: Holding): Promise<string[]> {
    const { clock, redis } = this.#options
    const { key, owner, print, ttlMs } = holding
    const until = later(momentOf(clock), LEASE_MS)
    const answer = await redis.run(CLAIM, [key], [owner, print, LEASE_MS, ttlMs], 'patient')
    const parts = Array.isArray(answer) ? answer.map(part => part === null ? '' : String(part)) : []
    if (parts[0] === 'mine') holding.until = until
    else holding.isLost = true
    return parts
  }

  /** Also where Redis was away when it was claimed: back, it learns what runs. */
  #renewLater (holding: Holding): void {
    if (this.#isStopped) return
    holding.timer = this.#options.clock.setTimer(() => {
      // What it says of Redis, its home has heard.
      void this.#askOnce(holding).catch(() => {})
      this.#renewLater(holding)
    }, RENEW_MS)
  }

  #release (id: string): Holding | undefined {
    const holding = this.#holdings.get(id)
    if (holding === undefined) return undefined
    this.#holdings.delete(id)
    holding.isEnded = true
    holding.timer?.cancel()
    return holding
  }

  #write (script: RedisScript, key: string, args: ReadonlyArray<string | number>): void {
    const { clock } = this.#options
    const untilMs = clock.monotonicMs() + LATE.forMs
    const characters = args.reduce<number>((sum, arg) => sum + String(arg).length, key.length)
    const tryOnce = (): void => {
      const writing = this.#send(script, key, args).then(isDone => {
        this.#writing.delete(writing)
        if (isDone || this.#isStopped || clock.monotonicMs() > untilMs || this.#lateCharacters + characters > LATE.maxCharacters) return
        this.#lateCharacters += characters
        const timer = clock.setTimer(() => {
          this.#late.delete(timer)
          this.#lateCharacters -= characters
          tryOnce()
        }, LATE.pauseMs)
        this.#late.add(timer)
      })
      this.#writing.add(writing)
    }
    tryOnce()
  }

  /** @returns whether it need not be sent again */
  async #send (script: RedisScript, key: string, args: ReadonlyArray<string | number>): Promise<boolean> {
    try {
      await this.#options.redis.run(script, [key], args, 'patient')
      return true
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) return false
      this.#options.onRefused(refusal)
      return true
    }
  }
}
