import { createHash, randomUUID } from 'node:crypto'
import type { RedisHome } from '../../redis/home.ts'
import { REDIS_LIMITS_MS } from '../../redis/limit.ts'
import { REDIS_PREFIX } from '../../redis/link.ts'
import { refusalOf } from '../../redis/trouble.ts'
import type { Secret } from '../../secret.ts'
import { GIVE_BACK, TAKE } from './redis-scripts.ts'
import type { Grant, QuotaStore, Report } from './store.ts'

/** Of what is stored; another one is another name. */
const FORMAT = 1

export interface RedisQuotaStoreOptions {
  readonly redis: Pick<RedisHome, 'isUp' | 'run'>
  /** Whose quota it is: a client of one API. As it is now, and cheap to ask: each call does. */
  readonly readClientId: () => Secret
  readonly apiUrl: URL
  /** The part of each window, 0 to 1, that is kept for writes. */
  readonly reserve: number
  /** Told what Redis refused that is not the trouble of Redis itself. */
  readonly onRefused: (reason: string) => void
}

/** The count of the fleet in Redis. A rotated secret is still the same client, and so the same count. */
export class RedisQuotaStore implements QuotaStore {
  readonly limitMs = REDIS_LIMITS_MS.quick
  readonly #options: RedisQuotaStoreOptions
  readonly #pod = randomUUID()
  #toldReason = ''
  #named: { readonly clientId: Secret, readonly key: string } | undefined

  constructor (options: RedisQuotaStoreOptions) {
    this.#options = options
  }

  get isUp (): boolean {
    return this.#options.redis.isUp
  }

  async take ({ want, told, lastsMs, unspent, ungranted }: Report): Promise<Grant | undefined> {
    const window = told === undefined
      ? ['', '', '', 0, 0]
      : [told.resetsAtMs / 1000, told.limit, told.used, Math.ceil(lastsMs), told.isAssumed ? 1 : 0]
    const answer = await this.#run(TAKE, [this.#pod, want, this.#options.reserve, unspent, ungranted, ...window], want === 'look' ? 'patient' : 'quick')
    return grantIn(answer)
  }

  async giveBack (windowId: string, n: number): Promise<boolean> {
    return await this.#run(GIVE_BACK, [this.#pod, windowId, n, 0], 'patient') !== undefined
  }

  async leave (windowId: string, n: number): Promise<void> {
    await this.#run(GIVE_BACK, [this.#pod, windowId, n, 1], 'patient')
  }

  async #run (script: Parameters<RedisHome['run']>[0], args: ReadonlyArray<string | number>, patience: 'quick' | 'patient'): Promise<unknown> {
    const { redis, onRefused } = this.#options
    const count = this.#key()
    try {
      return await redis.run(script, [count, `${count}:pods`], args, patience)
    } catch (error) {
      // What its home does not tell of.
      const reason = refusalOf(error) ?? ''
      if (reason !== '' && reason !== this.#toldReason) onRefused(reason)
      this.#toldReason = reason
      return undefined
    }
  }

  #key (): string {
    const { readClientId, apiUrl } = this.#options
    const clientId = readClientId()
    if (this.#named?.clientId !== clientId) {
      const id = createHash('sha256').update(JSON.stringify([FORMAT, clientId.reveal(), apiUrl.origin])).digest('base64url').slice(0, 22)
      this.#named = { clientId, key: `${REDIS_PREFIX}:quota:${FORMAT}:${id}` }
    }
    return this.#named.key
  }
}

function grantIn (answer: unknown): Grant | undefined {
  if (!Array.isArray(answer)) return undefined
  const [granted = 0, isKept = 0, pods = 1, , limit, left = 0, endsInMs = 0] = answer.map(Number)
  const window = limit === undefined ? undefined : { id: String(answer[3]), limit, left, endsInMs }
  return { granted, isKept: isKept === 1, window, pods: Math.max(pods, 1) }
}
