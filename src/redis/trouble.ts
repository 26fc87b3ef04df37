import { messageOf } from '../cause.ts'
import { printableWithout, type Masks } from '../printable.ts'

/** Why Redis can't be used: `down` and `failing-over` heal by themselves; for the others somebody must act. */
export type RedisReason = 'down' | 'slow' | 'full' | 'read-only' | 'refused' | 'untrusted' | 'failing-over'

export interface RedisTrouble {
  readonly reason: RedisReason
  /** In the words of Redis or of the network, without our password, fit for a log. */
  readonly detail: string
}

/** By the code with which an error reply begins (RESP, simple errors); some of Redis 5 have no code. */
const REPLIES: ReadonlyArray<readonly [RegExp, RedisReason]> = [
  [/^OOM\b/, 'full'],
  [/^(READONLY|MISCONF|NOREPLICAS)\b/, 'read-only'],
  [/^(WRONGPASS|NOAUTH|NOPERM|DENIED|MOVED|ERR (AUTH|invalid (password|username)|DB index|Client sent AUTH))\b/, 'refused'],
  [/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|ASK|UNKILLABLE)\b/, 'failing-over'],
  [/^BUSY\b/, 'slow']
]

/** What ioredis puts before the words of the last sentinel. */
const NO_SENTINEL = /^All sentinels are unreachable.* Last error: /

const TLS_CODE = /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL|^EPROTO$/

/**
 * What a failed command or connection says of Redis. Pure.
 * @param masks for the passwords: Redis 5 repeats what it does not understand
 * @returns undefined for an error of this one command, which says nothing of Redis
 */
export function troubleOf (thrown: unknown, masks: Masks): RedisTrouble | undefined {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const message = messageOf(error)
  const detail = printableWithout(masks, message.replace(NO_SENTINEL, 'no sentinel can be asked: '))
  const told = REPLIES.find(([pattern]) => pattern.test(message.replace(NO_SENTINEL, '')))
  if (told !== undefined) return { reason: told[1], detail }
  // The name that ioredis gives to what Redis itself answered, as opposed to what broke on the way.
  if (error.name === 'ReplyError') return undefined
  const code = 'code' in error ? String(error.code) : ''
  return { reason: TLS_CODE.test(code) ? 'untrusted' : code === 'ETIMEDOUT' ? 'slow' : 'down', detail: code === '' || message.includes(code) ? detail : `${code}: ${detail}` }
}

/** Redis is known to be unusable, or did not answer in time. What was sent may still be carried out. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway'
}

/** What a store reports of a command that failed; undefined where Redis is away, which RedisHome has reported already. */
export function refusalOf (thrown: unknown): string | undefined {
  return thrown instanceof RedisAway ? undefined : `Redis refused it: ${(thrown as Error).message}`
}
