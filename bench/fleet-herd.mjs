// A thousand sidecars, all with requests that wait, ask for a block at one moment, as they do when a window turns: how long Redis is at it.
import { join } from 'node:path'
import { Redis } from './redis.mjs'
import { importSources } from './sources.mjs'
import { table } from './table.mjs'

const FLEETS = [20, 100, 1_000]
const ROUNDS = 5
const QUOTA = 200
const WINDOW_MS = 60_000
/** Connections that are opened at once. */
const BATCH = 100

/** REDIS_LIMITS_MS.quick */
const LIMIT_MS = 50

/**
 * @param {import('./processes.mjs').Processes} processes
 * @param {string} dir for logs
 */
export async function measureHerd (processes, dir) {
  const { TAKE, openRedis, parseRedisUrl } = await importSources(`
    export { TAKE } from './src/quota/stores/redis-scripts.ts'
    export { openRedis } from './src/redis/connection.ts'
    export { parseRedisUrl } from './src/config/redis-url.ts'
  `)
  const redis = await Redis.start(processes, join(dir, 'redis.log'))
  const rows = []
  for (const pods of FLEETS) {
    await redis.ask('FLUSHALL')
    const connections = []
    while (connections.length < pods) {
      connections.push(...await Promise.all(Array.from({ length: Math.min(BATCH, pods - connections.length) }, () => (
        openRedis(parseRedisUrl(redis.url), { onLost () {}, signal: new AbortController().signal })
      ))))
    }
    const resetsAtS = Math.floor(Date.now() / WINDOW_MS + 1) * WINDOW_MS / 1000
    const ask = (/** @type {any} */ connection, /** @type {number} */ pod) => (
      connection.send('EVAL', [TAKE.lua, 2, 'count', 'count:pods', `sidecar-${pod}`, 'other', 0.1, 0, 0, resetsAtS, QUOTA, 0, WINDOW_MS, 0])
    )
    // From then on Redis knows all of them, and the script.
    await Promise.all(connections.map(ask))
    await redis.ask('CONFIG', 'RESETSTAT')
    for (let round = 0; round < ROUNDS; round++) await Promise.all(connections.map(ask))
    const { calls = 0, microseconds = 0 } = (await redis.commandStats()).get('eval') ?? {}
    rows.push({ pods, perScript: microseconds / calls, allMs: microseconds / ROUNDS / 1000 })
    for (const connection of connections) connection.close()
  }
  redis.kill()
  return {
    text: [
      table(['sidecars that ask at once', 'µs of Redis for one', 'ms for all'], rows.map(({ pods, perScript, allMs }) => [String(pods), perScript.toFixed(0), allMs.toFixed(1)])),
      `\nWhoever has no answer within ${LIMIT_MS} ms looks whether Redis is slow, and goes on alone if it is\n\n`
    ].join(''),
    goals: []
  }
}
