import { createHash } from 'node:crypto'
import type { RedisConnection } from './connection.ts'

/** Lua that Redis runs atomically, and keeps by its hash, so that the text travels once. */
export interface RedisScript {
  readonly lua: string
  readonly sha1: string
}

/** @param lua uses no key but those in KEYS: a cluster asks for that */
export function redisScript (lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') }
}

/** By the hash; with the text where Redis does not know it yet, or was restarted. */
export async function evaluate (connection: RedisConnection, { lua, sha1 }: RedisScript, keys: readonly string[], args: ReadonlyArray<string | number>): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args]
  try {
    return await connection.send('EVALSHA', [sha1, ...rest])
  } catch (error) {
    // It did not run, so that it may be sent again.
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return connection.send('EVAL', [lua, ...rest])
  }
}
