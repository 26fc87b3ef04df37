import { createHash } from 'node:crypto'
import type { RedisConnection } from './connection.ts'

/** Lua that Redis runs as one step. It keeps the text under its hash, so that the text is sent once. */
export interface RedisScript {
  readonly lua: string
  readonly sha1: string
}

/** @param lua must name its keys by KEYS alone, or no cluster would run it */
export function redisScript (lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') }
}

/** Runs a script by its hash, and by its text where Redis does not have it (yet, or after a restart). */
export async function evaluate (connection: RedisConnection, { lua, sha1 }: RedisScript, keys: readonly string[], args: ReadonlyArray<string | number>): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args]
  try {
    return await connection.send('EVALSHA', [sha1, ...rest])
  } catch (error) {
    // After NOSCRIPT it may be sent again: it did not run.
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return connection.send('EVAL', [lua, ...rest])
  }
}
