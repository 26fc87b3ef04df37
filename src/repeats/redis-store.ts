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
  /** What this process knows by itself, and all it has while Redis is away. */
  readonly memory: MemoryStore
  /** Made of the credentials in use. */
  readonly readSeal: () => RecordSeal
  /** Told why Redis refused something, or why something in it was not used. */
  readonly onRefused: (reason: string) => void
}

/** A crashed sidecar's requests are unknown after this. */
const LEASE_MS = 5_000
const RENEW_MS = 1_000

/** How long a claim may hang in a connection that was cut, and still arrive. */
const GRACE_MS = 60_000

/** A claim without an answer may have been recorded: it is asked for again, until RedisHome knows whether Redis is away. */
const MAX_ASKS = 3

/** What Redis did not take is written again for a while: through a failover, not through a night. */
const REWRITE = { forMs: 60_000, pauseMs: 1_000, maxCharacters: 16 * 1024 * 1024 } as const

const RUNNING = { state: 'running' } as const
const LOST = { state: 'unknown', why: 'lost' } as const

/** A request that this process has claimed, until it ends. */
interface Holding {
  readonly id: string
  readonly owner: string
  readonly key: string
  readonly name: string
  readonly seal: RecordSeal
  readonly print: string
  readonly ttlMs: number
  /** The earliest end of its lease; undefined while Redis is not known to have it. */
  until: Moment | undefined
  /** Another sidecar has it, or was told that its outcome is unknown. */
  isLost: boolean
  timer: Timer | undefined
}

/**
 * Remembers for a whole fleet. Before a request is sent, Redis has its record, with a lease that its owner renews: once that has lapsed, the
 * outcome is unknown. What this process knows is in memory too, and while Redis is known to be away, memory alone counts.
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

  /** Not after its lease may have lapsed, unless Redis is known to be away, or was when it was claimed. */
  mayBeSent (id: string): boolean {
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

  /** Claims in Redis what is claimed in memory already. */
  async #claim ({ id, fingerprint, ttlMs, isAgain = false }: Claim): Promise<Claimed> {
    const seal = this.#options.readSeal()
    const name = seal.nameOf(id)
    const holding: Holding = {
      id, owner: randomUUID(), key: `${REDIS_PREFIX}:repeat:${name}`, name, seal, print: seal.sealPrint(name, fingerprint), ttlMs, until: undefined, isLost: false, timer: undefined
    }
    this.#holdings.set(id, holding)
    const mayBeAsked = this.#options.redis.state.level !== 'away'
    const [state, print = '', box = ''] = await this.#ask(holding)
    // It has ended meanwhile, and Redis was told.
    if (this.#holdings.get(id) !== holding) return 'mine'
    // No answer: goes on alone, unless another sidecar had it when it was claimed last.
    if (state === undefined && isAgain) {
      // Redis may have recorded the claim, or may do so yet.
      if (mayBeAsked) this.#write(LEAVE, holding.key, [holding.owner, GRACE_MS])
      return this.#met(holding, { fingerprint, outcome: RUNNING })
    }
    if (state === 'mine' || state === undefined) {
      this.#renewLater(holding)
      return 'mine'
    }
    return this.#met(holding, this.#read(holding, fingerprint, state, print, box))
  }

  /** Lets go of a claim that another sidecar has. */
  #met ({ id }: Holding, claimed: Claimed): Claimed {
    this.#holdings.delete(id)
    this.#options.memory.forget(id)
    return claimed
  }

  /** A record that can't be read counts as unknown: its request was probably sent. */
  #read ({ name, seal }: Holding, own: string, state: string, print: string, box: string): Claimed {
    const fingerprint = seal.openPrint(name, print)
    const outcome = state === 'ended' ? seal.openOutcome(name, box) : state === 'running' ? RUNNING : LOST
    if (fingerprint === undefined || outcome === undefined) this.#options.onRefused('what Redis holds of a request is torn, or was changed; its repeat is told that nobody knows')
    return { fingerprint: fingerprint ?? own, outcome: outcome ?? LOST }
  }

  /** @returns an empty list where Redis is known to be away, or refuses */
  async #ask (holding: Holding): Promise<string[]> {
    const { clock, redis, onRefused } = this.#options
    for (let asks = 0; asks < MAX_ASKS && redis.state.level !== 'away'; asks++) {
      try {
        const answer = await this.#askOnce(holding)
        // Not where this process was held up until the lease had lapsed: others may have been told that it is unknown.
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

  /** Also where Redis was away when the request was claimed: once it is back, it learns what runs. */
  #renewLater (holding: Holding): void {
    if (this.#isStopped) return
    holding.timer = this.#options.clock.setTimer(() => {
      // RedisHome has seen the failure, if any.
      void this.#askOnce(holding).catch(() => {})
      this.#renewLater(holding)
    }, RENEW_MS)
  }

  #release (id: string): Holding | undefined {
    const holding = this.#holdings.get(id)
    if (holding === undefined) return undefined
    this.#holdings.delete(id)
    holding.timer?.cancel()
    return holding
  }

  /** Writes, again and again for a while where Redis does not take it. */
  #write (script: RedisScript, key: string, args: ReadonlyArray<string | number>): void {
    const { clock } = this.#options
    const untilMs = clock.monotonicMs() + REWRITE.forMs
    const characters = args.reduce<number>((sum, arg) => sum + String(arg).length, key.length)
    const tryOnce = (): void => {
      const writing = this.#send(script, key, args).then(isDone => {
        this.#writing.delete(writing)
        if (isDone || this.#isStopped || clock.monotonicMs() > untilMs || this.#lateCharacters + characters > REWRITE.maxCharacters) return
        this.#lateCharacters += characters
        const timer = clock.setTimer(() => {
          this.#late.delete(timer)
          this.#lateCharacters -= characters
          tryOnce()
        }, REWRITE.pauseMs)
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
