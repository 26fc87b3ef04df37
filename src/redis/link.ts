import { within, type Clock, type Timer } from '../clock.ts'
import { loadRedis, openRedis, type RedisConnection } from './connection.ts'
import { REDIS_LIMITS_MS } from './limit.ts'
import { evaluate, redisScript } from './script.ts'
import type { RedisSource } from './source.ts'
import { troubleOf, type RedisTrouble } from './trouble.ts'

export interface RedisState {
  /** `slow`: it answers, but later than a request of an app may wait. */
  readonly level: 'starting' | 'up' | 'slow' | 'away'
  /** Epoch milliseconds. */
  readonly sinceMs: number
  /** Undefined while `starting` or `up`. */
  readonly trouble: RedisTrouble | undefined
}

export interface RedisLinkOptions {
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly source: RedisSource
  /** Told of each change, and of each new reason while it is away. */
  readonly onChange?: (state: RedisState, before: RedisState) => void
}

/** All keys begin with it: the braces keep them on one node of a cluster, so that the probe speaks for all of them. */
export const REDIS_PREFIX = '{bookable-sidecar}'

/** Writes, by a script: a Redis that is full, read-only, or runs no scripts still answers a PING. */
const PROBE = redisScript("return redis.call('SET', KEYS[1], '1', 'PX', 60000)")

/** For the TCP and TLS handshakes, sentinels included. */
const CONNECT_LIMIT_MS = 3_000
const SLOW: RedisTrouble = { reason: 'slow', detail: `answers take more than ${REDIS_LIMITS_MS.quick} ms` }
/** How long until the next probe. */
const LOOK_MS = { up: 5_000, slow: 1_000 } as const
/** A connection that is lost sooner has not served: the next one is not opened at once. */
const MIN_SERVICE_MS = 1_000
const RETRY = { firstMs: 100, capMs: 3_000 } as const

/**
 * Keeps one connection, and knows whether it can be used. A late answer, one that tells trouble, or a lost connection casts doubt on it, and the
 * probe decides. While Redis is away each try is a new connection, since the host or the password may have changed.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions
  #state: RedisState
  #connection: RedisConnection | undefined
  #opening: AbortController | undefined
  #loaded: Promise<unknown> = Promise.resolve()
  #isDoubtful = true
  #isStopped = false
  #failures = 0
  /** When the connection was opened; Infinity before that. */
  #openedAtMs = Infinity
  #timer: Timer | undefined
  #waiting: Array<() => void> = []
  readonly #toldReasons = new Set<string>()

  constructor (options: RedisLinkOptions) {
    this.#options = options
    this.#state = { level: 'starting', sinceMs: options.clock.nowMs(), trouble: undefined }
  }

  start (): void {
    // The time it takes to load ioredis says nothing of Redis.
    this.#loaded = loadRedis()
    void this.#connect()
  }

  /** Resolves when ioredis is loaded: the time before counts in no limit. */
  get loaded (): Promise<unknown> {
    return this.#loaded
  }

  stop (): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#opening?.abort()
    this.#connection?.close()
    this.#connection = undefined
    this.#become('away', { reason: 'down', detail: 'stopped' })
  }

  get state (): RedisState {
    return this.#state
  }

  get isUp (): boolean {
    return this.#state.level === 'up' && !this.#isDoubtful
  }

  /** Also while it is in doubt. */
  get connection (): RedisConnection | undefined {
    return this.#connection
  }

  /** Resolves when any of the above may have changed. */
  change (): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Something went wrong on this connection: probes it, unless it is in doubt already. */
  doubt (connection: RedisConnection): void {
    if (connection !== this.#connection || this.#isDoubtful) return
    this.#isDoubtful = true
    void this.#look()
  }

  /** What a failed command says of Redis; undefined where only that command was wrong. */
  troubleIn (thrown: unknown): RedisTrouble | undefined {
    return troubleOf(thrown, this.#options.source.masks)
  }

  async #connect (): Promise<void> {
    const { clock, source } = this.#options
    this.#isDoubtful = true
    const opening = this.#opening = new AbortController()
    try {
      await this.#loaded
      const opened = await within(clock, CONNECT_LIMIT_MS, openRedis(source.read(), { onLost: connection => this.#lost(connection), signal: opening.signal }))
      if (opened.isLate) throw Object.assign(new Error(`no connection in ${CONNECT_LIMIT_MS} ms`), { code: 'ETIMEDOUT' })
      if (this.#isStopped) return opened.value.close()
      this.#connection = opened.value
      this.#openedAtMs = clock.monotonicMs()
      this.#wake()
      this.#settle(opened.value, await this.#judge(opened.value))
    } catch (thrown) {
      opening.abort()
      this.#fail(this.#refusal(thrown))
    }
  }

  /** Where the connection had served for a while, the next is opened at once: it may have been a failover, over already. */
  #lost (connection: RedisConnection): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    if (this.#isDoubtful || !this.#hasServed) return this.#fail({ reason: 'down', detail: 'the connection was closed' })
    this.#timer?.cancel()
    void this.#connect()
  }

  get #hasServed (): boolean {
    return this.#options.clock.monotonicMs() - this.#openedAtMs >= MIN_SERVICE_MS
  }

  async #look (): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    this.#timer?.cancel()
    if (!this.#options.source.hasChanged()) return this.#settle(connection, await this.#judge(connection))
    this.#connection = undefined
    connection.close()
    return this.#connect()
  }

  /** Probes, and once more where the first answer is slow: one hiccup does not count. Never rejects. */
  async #judge (connection: RedisConnection): Promise<RedisTrouble | undefined> {
    const { clock } = this.#options
    const limitMs = REDIS_LIMITS_MS[this.#state.level === 'starting' ? 'start' : 'patient']
    for (let probes = 0; probes < 2; probes++) {
      const startedAtMs = clock.monotonicMs()
      try {
        const { isLate } = await within(clock, limitMs, evaluate(connection, PROBE, [`${REDIS_PREFIX}:probe`], []))
        if (isLate) return { reason: 'slow', detail: `no answer in ${limitMs} ms` }
      } catch (thrown) {
        return this.#refusal(thrown)
      }
      if (clock.monotonicMs() - startedAtMs <= REDIS_LIMITS_MS.quick) return undefined
    }
    return SLOW
  }

  /** Any error of the probe is trouble: what it is refused, every command would be. */
  #refusal (thrown: unknown): RedisTrouble {
    return this.troubleIn(thrown) ?? { reason: 'refused', detail: this.#options.source.masked(thrown) }
  }

  #settle (connection: RedisConnection, trouble: RedisTrouble | undefined): void {
    if (connection !== this.#connection) return
    if (trouble !== undefined && trouble !== SLOW) return this.#fail(trouble)
    const level = trouble === undefined ? 'up' : 'slow'
    this.#isDoubtful = false
    this.#become(level, trouble)
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimer(() => { void this.#look() }, LOOK_MS[level])
  }

  /** Redis can't be used: gives the connection up, and tries a new one later. */
  #fail (trouble: RedisTrouble): void {
    this.#connection?.close()
    this.#connection = undefined
    if (this.#isStopped) return
    const { clock, random } = this.#options
    if (this.#hasServed) this.#failures = 0
    this.#openedAtMs = Infinity
    this.#become('away', trouble)
    const ceilingMs = Math.min(RETRY.firstMs * 2 ** this.#failures++, RETRY.capMs)
    this.#timer?.cancel()
    this.#timer = clock.setTimer(() => { void this.#connect() }, ceilingMs * (0.5 + random() / 2))
  }

  #become (level: RedisState['level'], trouble: RedisTrouble | undefined): void {
    const before = this.#state
    const hasChanged = before.level !== level
    this.#state = { level, sinceMs: hasChanged ? this.#options.clock.nowMs() : before.sinceMs, trouble }
    this.#wake()
    if (hasChanged) this.#toldReasons.clear()
    const isNews = hasChanged || (trouble !== undefined && !this.#toldReasons.has(trouble.reason))
    if (trouble !== undefined) this.#toldReasons.add(trouble.reason)
    if (isNews && !this.#isStopped) this.#options.onChange?.(this.#state, before)
  }

  #wake (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
