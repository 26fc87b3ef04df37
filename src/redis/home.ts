import { within } from '../clock.ts'
import type { RedisConnection } from './connection.ts'
import { REDIS_LIMITS_MS, type RedisPatience } from './limit.ts'
import { RedisLink, type RedisLinkOptions, type RedisState } from './link.ts'
import { evaluate, type RedisScript } from './script.ts'
import { RedisAway } from './trouble.ts'

/**
 * The one home of Redis: owns the connection, its time limits, and the knowledge whether it can be used. Those who ask it for something go on
 * alone where it can't; nobody waits for one that is known to be away.
 */
export class RedisHome {
  readonly #options: RedisLinkOptions
  readonly #link: RedisLink

  constructor (options: RedisLinkOptions) {
    this.#options = options
    this.#link = new RedisLink(options)
  }

  /** Connects, for as long as it takes, and keeps looking whether it is still there. */
  start (): void {
    this.#link.start()
  }

  stop (): void {
    this.#link.stop()
  }

  /** For operators. */
  get state (): RedisState {
    return this.#link.state
  }

  /** Whether one who is not patient may ask it now; costs a comparison. */
  get isUp (): boolean {
    return this.#link.isUp
  }

  /**
   * Runs a script. After RedisAway it may have run, or may run yet.
   * @throws RedisAway at once where it is known to be away (for the quick also where it is slow or in doubt), and when its limit is over; else what
   * is wrong with this one script
   */
  async run (script: RedisScript, keys: readonly string[], args: ReadonlyArray<string | number>, patience: RedisPatience = 'quick'): Promise<unknown> {
    const { clock, source } = this.#options
    if (patience === 'start') await this.#link.loaded
    const untilMs = clock.monotonicMs() + REDIS_LIMITS_MS[patience]
    const connection = await this.#connection(patience, untilMs)
    const answer = await within(clock, untilMs - clock.monotonicMs(), evaluate(connection, script, keys, args)).catch((thrown: unknown) => {
      const trouble = this.#link.troubleIn(thrown)
      // Not the error itself: ioredis puts what was sent into it.
      if (trouble === undefined) throw new Error(source.masked(thrown))
      this.#link.doubt(connection)
      throw new RedisAway(`${trouble.reason}: ${trouble.detail}`)
    })
    if (!answer.isLate) return answer.value
    this.#link.doubt(connection)
    throw new RedisAway(`slow: no answer in ${REDIS_LIMITS_MS[patience]} ms`)
  }

  /** The patient wait for one that is being opened, unless it is known to be away. */
  async #connection (patience: RedisPatience, untilMs: number): Promise<RedisConnection> {
    const { clock } = this.#options
    for (;;) {
      const { state: { level }, isUp, connection } = this.#link
      if (level === 'away' || (patience === 'quick' && !isUp)) throw new RedisAway(level === 'up' ? 'in doubt' : level)
      if (connection !== undefined) return connection
      if ((await within(clock, untilMs - clock.monotonicMs(), this.#link.change())).isLate) throw new RedisAway('not connected in time')
    }
  }
}
