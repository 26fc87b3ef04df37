import { randomUUID } from 'node:crypto'
import { later, momentOf, type Clock } from '../../clock.ts'
import type { RedisHome } from '../../redis/home.ts'
import type { RedisPatience } from '../../redis/limit.ts'
import { REDIS_PREFIX } from '../../redis/link.ts'
import type { RedisScript } from '../../redis/script.ts'
import { refusalOf } from '../../redis/trouble.ts'
import { MIN_FORCED_REFRESH_INTERVAL_MS } from '../schedule.ts'
import type { RefreshReason, TokenNeed } from '../source.ts'
import { KEEP, LEAVE, RENEW, TAKE } from './redis-scripts.ts'
import { FORMAT, type TokenSeal } from './seal.ts'
import { ALONE, type Accept, type DatedToken, type Found, type TokenStore, type Turn } from './store.ts'

export interface RedisTokenStoreOptions {
  readonly clock: Clock
  readonly redis: RedisHome
  /** Made of the credentials in use. */
  readonly readSeal: () => TokenSeal
  /** Told what was not used, and why. */
  readonly onRefused: (reason: string) => void
}

/** A holder that crashed delays the fleet by this at most. */
const LOCK_MS = 3_000
const RENEW_MS = 1_000

/** No app waits for these: before the first token the sidecar is not ready, and while a refresh is due the old token serves. */
const PATIENCE: Partial<Record<RefreshReason, RedisPatience>> = { start: 'start', due: 'patient' }

/** A stored token may be refused; the next look passes over it, and finds the next one or none. */
const MAX_LOOKS = 3

interface Slot { readonly seal: TokenSeal, readonly record: string, readonly lock: string, readonly fence: string, readonly forced: string }

/**
 * Shares one token between all sidecars with the same credentials. How long it still lives is told by Redis alone, as the time to live of its
 * record: the clocks of two machines need not agree.
 */
export class RedisTokenStore implements TokenStore {
  readonly #options: RedisTokenStoreOptions
  /** The record that was looked at last, and the fence of the token in it: only another fence is news. */
  #seen = { record: '', fence: '' }

  constructor (options: RedisTokenStoreOptions) {
    this.#options = options
  }

  async take (need: TokenNeed, accept: Accept): Promise<Found> {
    const alone: Found = need.mayRequest ? { kind: 'turn', turn: ALONE } : { kind: 'none' }
    const slot = this.#slot()
    const owner = randomUUID()
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const [kind, fence = '', box = '', leftMs = '0'] = await this.#ask(slot, owner, need)
      if (kind === 'busy' || kind === 'none') return { kind }
      if (kind === 'turn') return { kind: 'turn', turn: holdTurn(this.#options, slot, owner, fence, () => { this.#seen = { record: slot.record, fence } }) }
      if (kind !== 'token') return alone
      const candidate = this.#open(slot, box, Number(leftMs))
      const token = candidate === undefined ? undefined : await accept(candidate)
      this.#seen = { record: slot.record, fence }
      if (token !== undefined) return { kind: 'token', token }
    }
    return alone
  }

  /** @returns an empty list where Redis can't be asked */
  async #ask ({ record, lock, fence, forced }: Slot, owner: string, { reason, mayRequest }: TokenNeed): Promise<string[]> {
    const { redis, onRefused } = this.#options
    const seen = this.#seen.record === record ? this.#seen.fence : ''
    const mode = !mayRequest ? 'look' : reason === 'rejected' ? 'force' : 'take'
    try {
      const answer = await redis.run(TAKE, [record, lock, fence, forced], [seen, owner, mode, LOCK_MS, MIN_FORCED_REFRESH_INTERVAL_MS], PATIENCE[reason])
      return Array.isArray(answer) ? answer.map(String) : []
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal !== undefined) onRefused(refusal)
      return []
    }
  }

  #open ({ seal }: Slot, box: string, leftMs: number): DatedToken | undefined {
    const { clock, onRefused } = this.#options
    try {
      const { token } = seal.open(box)
      if (!(leftMs > 0)) throw new Error('has no end')
      return { ...token, issuedAt: later(momentOf(clock), Math.min(leftMs - token.lifetimeMs, 0)), isStored: true }
    } catch (error) {
      onRefused(`what Redis holds ${(error as Error).message}; it will be replaced`)
      return undefined
    }
  }

  #slot (): Slot {
    const seal = this.#options.readSeal()
    const record = `${REDIS_PREFIX}:token:${FORMAT}:${seal.id}`
    return { seal, record, lock: `${record}:lock`, fence: `${record}:fence`, forced: `${record}:forced` }
  }
}

/** Holds the lock while this process lives and asks. Its fence goes with what it writes: after a pause another sidecar may have written first. */
function holdTurn ({ clock, redis }: RedisTokenStoreOptions, { seal, record, lock }: Slot, owner: string, fence: string, onKept: () => void): Turn {
  // Where Redis is away, the lock ends by itself.
  const run = async (script: RedisScript, keys: readonly string[], args: ReadonlyArray<string | number>): Promise<unknown> =>
    redis.run(script, keys, args, 'patient').catch(() => undefined)

  let timer = clock.setTimer(renew, RENEW_MS)
  function renew (): void {
    void run(RENEW, [lock], [owner, LOCK_MS])
    timer = clock.setTimer(renew, RENEW_MS)
  }

  async function leave (): Promise<void> {
    timer.cancel()
    await run(LEAVE, [lock], [owner])
  }

  async function keep (token: DatedToken): Promise<void> {
    const leftMs = Math.floor(token.issuedAt.monotonicMs + token.lifetimeMs - clock.monotonicMs())
    if (leftMs <= 0) return leave()
    timer.cancel()
    const isKept = await run(KEEP, [record, lock], [owner, fence, seal.seal(token, token.issuedAt.wallMs), leftMs])
    if (isKept === 1) onKept()
  }

  return { keep, leave }
}
