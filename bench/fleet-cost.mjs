// What the count in Redis adds to a request while there is quota left: most pay no round trip.
import { join } from 'node:path'
import { Redis } from './redis.mjs'
import { ANSWER, startRig } from './rig.mjs'
import { median, table } from './table.mjs'

const ROUNDS = 15
const REQUESTS = 1_500
const WARM_UP_REQUESTS = 5_000
/** One request at a time: with more, each waits for the others, and any cost counts many times. */
const CONNECTIONS = 1
const LIMIT = 1_000_000_000
const WINDOW_S = 60

const GOAL_P50_MS = 0.1

/**
 * @param {import('./processes.mjs').Processes} processes
 * @param {string} dir for logs
 */
export async function measureCost (processes, dir) {
  const redis = await Redis.start(processes, join(dir, 'redis.log'))
  const env = { QUOTA_STORE: 'redis', REDIS_URL: redis.url }
  const peers = []
  for (const { name, env: its } of [{ name: 'QUOTA_STORE=memory', env: {} }, { name: 'the same again', env: {} }, { name: 'QUOTA_STORE=redis', env }]) {
    let counted = 0
    const rig = await startRig(`fleet-cost-${peers.length}`, (_req, res) => {
      const nowS = Math.floor(Date.now() / 1000)
      res.writeHead(200, { 'Content-Length': ANSWER.length, 'X-RateLimit-Limit': LIMIT, 'X-RateLimit-Remaining': LIMIT - ++counted, 'X-RateLimit-Reset': nowS - nowS % WINDOW_S + WINDOW_S })
      res.end(ANSWER)
    }, { env: its })
    peers.push({ name, rig, load: rig.startLoad(), p50Ms: /** @type {number[]} */ ([]), p99Ms: /** @type {number[]} */ ([]) })
  }
  const jobOf = (/** @type {typeof peers[number]} */ { rig }, /** @type {number} */ requests) => ({ port: rig.sidecar.port, connections: CONNECTIONS, requests })
  for (const peer of peers) await peer.load.ask(jobOf(peer, WARM_UP_REQUESTS))
  await redis.ask('CONFIG', 'RESETSTAT')
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const peer = peers[(round + turn) % peers.length]
      const { p50Ms, p99Ms } = await peer.load.ask(jobOf(peer, REQUESTS))
      peer.p50Ms.push(p50Ms)
      peer.p99Ms.push(p99Ms)
    }
  }
  const takes = (await redis.commandStats()).get('zadd')?.calls ?? 0
  for (const { rig } of peers) await rig.stop()
  redis.kill()

  const [memory, , shared] = peers
  // The median of each round's own: what disturbs the machine for seconds disturbs both.
  const added = (/** @type {readonly number[]} */ values, /** @type {readonly number[]} */ base) => median(values.map((value, round) => value - base[round]))
  const ratio = (/** @type {readonly number[]} */ values, /** @type {readonly number[]} */ base) => median(values.map((value, round) => value / base[round]))
  const signed = (/** @type {number} */ ms) => `${ms < 0 ? '' : '+'}${ms.toFixed(3)}`
  const p50Ms = added(shared.p50Ms, memory.p50Ms)
  return {
    text: [
      `${ROUNDS} rounds of ${REQUESTS} GETs in turn, one at a time; quota enough for all\n\n`,
      table(['', 'p50 ms', 'added', 'ratio', 'p99 ms', 'added', 'ratio'], peers.map(({ name, p50Ms, p99Ms }) => [
        name,
        ...[[p50Ms, memory.p50Ms], [p99Ms, memory.p99Ms]].flatMap(([values, base]) => [median(values).toFixed(3), signed(added(values, base)), ratio(values, base).toFixed(3)])
      ])),
      `\nRedis was asked for ${takes} blocks for ${ROUNDS * REQUESTS} requests: one for ${(ROUNDS * REQUESTS / takes).toFixed(1)}\n\n`
    ].join(''),
    goals: [{ isHeld: p50Ms < GOAL_P50_MS, text: `the redis quota store adds less than ${GOAL_P50_MS} ms at the median: ${signed(p50Ms)}` }]
  }
}
