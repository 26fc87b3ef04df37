import { within } from '../clock.ts'
import type { RedisConnection } from './connection.ts'
import { REDIS_LIMITS_MS, type RedisPatience } from './limit.ts'
import { RedisLink, type RedisLinkOptions, type RedisState } from './link.ts'
import { evaluate, type RedisScript } from './script.ts'
import { RedisAway } from './trouble.ts'

/**
 * The one way to Redis: owns the connection, the time limits, and the knowledge whether Redis can be used. Where it cannot, each store goes on
 * without it; nobody waits for a Redis that is known to be away.
 */
export class RedisHome {
  readonly #options: RedisLinkOptions
  readonly #link: RedisLink

  constructor (options: RedisLinkOptions) {
    this.#options = options
    this.#link = new RedisLink(options)
  }

  /** Connects, however often it has to try, and from then on watches whether Redis can be used. */
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

  /** Whether a quick call may be made now; costs a comparison. */
  get isUp (): boolean {
    return this.#link.isUp
  }

  /**
   * Runs a script. After RedisAway the script may have run, or may still run.
   * @throws RedisAway at once where Redis is known to be away (a quick call also where it is slow or in doubt), and when the limit has passed; else
   * an Error with what is wrong with this one script
   */
  async run (script: RedisScript, keys: readonly string[], args: ReadonlyArray<string | number>, patience: RedisPatience = 'quick'): Promise<unknown> {
    const { clock, source } = this.#options
    if (patience === 'start') await this.#link.loaded
    const untilMs = clock.monotonicMs() + REDIS_LIMITS_MS[patience]
    const connection = await this.#connection(patience, untilMs)
    const answer = await within(clock, untilMs - clock.monotonicMs(), evaluate(connection, script, keys, args)).catch((thrown: unknown) => {
      const trouble = this.#link.troubleIn(thrown)
      // Not as a cause: ioredis puts the command with all its arguments into its errors.
      if (trouble === undefined) throw new Error(source.masked(thrown))
      this.#link.doubt(connection)
      throw new RedisAway(`${trouble.reason}: ${trouble.detail}`)
    })
    if (!answer.isLate) return answer.value
    this.#link.doubt(connection)
    throw new RedisAway(`slow: no answer in ${REDIS_LIMITS_MS[patience]} ms`)
  }

  /** All but quick calls wait for a connection that is being opened. */
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
