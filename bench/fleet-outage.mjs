// Redis is killed under a fleet that works: what apps notice, and when all use it again.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from './redis.mjs'
import { startFleet } from './sidecars.mjs'
import { startSimulator } from './simulator.mjs'
import { median, table } from './table.mjs'

const SIDECARS = 20
const ROUNDS = 5
/** Each sidecar is asked so often. */
const GAP_MS = 100
/** Long enough for all tokens to end meanwhile, and for the tries to connect to be as rare as they get. */
const TOKEN_LIFETIME_S = 8
const OUTAGE_MS = 12_000
const CALM_MS = 5_000
/** Within this all have noticed. */
const NOTICE_MS = 1_000
const QUOTA = 1_000_000_000

/** No request but a booking waits longer than 50 ms for Redis; a round is noisy, the median of them less so. */
const GOALS = { addedMs: 50, backMs: 5_000 }
const BACK_TIMEOUT_MS = 30_000

/**
 * @param {import('./processes.mjs').Processes} processes
 * @param {string} dir for logs
 */
export async function measureOutages (processes, dir) {
  const redis = await Redis.start(processes, join(dir, 'redis.log'))
  const simulator = await startSimulator({ tokenLifetimeS: TOKEN_LIFETIME_S, quotaLimit: QUOTA })
  const env = { TOKEN_STORE: 'redis', QUOTA_STORE: 'redis', REDIS_URL: redis.url, TOKEN_EXPIRY_BUFFER_SECONDS: '1' }
  const sidecars = await startFleet(processes, SIDECARS, { env, simulator, logPrefix: join(dir, 'outage') })
  /** @type {Array<{ atMs: number, ms: number, status: number }>} */
  const answers = []
  let asked = 0
  const timers = sidecars.map(sidecar => setInterval(async () => {
    const atMs = Date.now()
    const { status, ms } = await sidecar.get(`/venues?venueName=guest-${asked++}`)
    answers.push({ atMs, ms, status })
  }, GAP_MS))
  const between = (/** @type {number} */ fromMs, /** @type {number} */ untilMs) => answers.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)

  // The first requests of a process are slow ones.
  await delay(CALM_MS)
  const rounds = []
  for (let round = 1; round <= ROUNDS; round++) {
    await delay(CALM_MS)
    const killedAtMs = redis.kill()
    await delay(OUTAGE_MS)
    const startedAtMs = await redis.start()
    const backAtMs = await untilBack(sidecars, round)
    rounds.push({
      aloneMs: Math.max(...momentsOf(sidecars, 'redis cannot be used, going on alone', round)) - killedAtMs,
      backMs: backAtMs - startedAtMs,
      calm: between(killedAtMs - NOTICE_MS - GAP_MS, killedAtMs - GAP_MS),
      // Those on their way when it was killed, too.
      noticing: between(killedAtMs - GAP_MS, killedAtMs + NOTICE_MS),
      outage: between(killedAtMs - GAP_MS, startedAtMs),
      back: between(startedAtMs, backAtMs)
    })
  }
  for (const timer of timers) clearInterval(timer)
  for (const sidecar of sidecars) sidecar.stop()
  await simulator.close()
  redis.kill()
  return report(rounds)
}

/**
 * When each sidecar wrote this message for the nth time.
 * @param {readonly import('./sidecars.mjs').FleetSidecar[]} sidecars
 * @param {string} message
 * @param {number} nth
 */
function momentsOf (sidecars, message, nth) {
  return sidecars.map(sidecar => new Date(sidecar.lines(message)[nth - 1]?.time ?? NaN).getTime())
}

/**
 * @param {readonly import('./sidecars.mjs').FleetSidecar[]} sidecars
 * @param {number} round
 */
async function untilBack (sidecars, round) {
  for (const untilMs = Date.now() + BACK_TIMEOUT_MS; Date.now() < untilMs; await delay(500)) {
    const backAtMs = Math.max(...momentsOf(sidecars, 'redis is there', round + 1))
    if (!Number.isNaN(backAtMs)) return backAtMs
  }
  throw new Error(`not all sidecars used Redis again within ${BACK_TIMEOUT_MS} ms`)
}

/** @typedef {ReadonlyArray<{ ms: number, status: number }>} Answers */

/** @param {ReadonlyArray<{ aloneMs: number, backMs: number } & Record<'calm' | 'noticing' | 'outage' | 'back', Answers>>} rounds */
function report (rounds) {
  const failed = (/** @type {Answers} */ some) => some.filter(({ status }) => status !== 200).length
  const longest = (/** @type {Answers} */ some) => Math.max(...some.map(({ ms }) => ms))
  const failures = rounds.reduce((sum, { outage, back }) => sum + failed(outage) + failed(back), 0)
  const addedMs = median(rounds.map(({ calm, noticing }) => longest(noticing) - longest(calm)))
  const backMs = Math.max(...rounds.map(({ backMs }) => backMs))
  return {
    text: [
      `${SIDECARS} processes, each asked every ${GAP_MS} ms; tokens of ${TOKEN_LIFETIME_S} s; Redis is killed (SIGKILL), and started again after ${OUTAGE_MS / 1000} s.\n`,
      'Longest requests, in ms: of the second before the kill, of that after it, of the whole outage, and until all were back\n\n',
      table(
        ['round', 'longest before', 'after the kill', 'all alone after ms', 'requests without Redis', 'failed', 'longest', 'all use it again after ms', 'failed', 'longest'],
        rounds.map(({ aloneMs, backMs, calm, noticing, outage, back }, i) => [
          i + 1, longest(calm).toFixed(0), longest(noticing).toFixed(0), aloneMs, outage.length, failed(outage), longest(outage).toFixed(0), backMs, failed(back), longest(back).toFixed(0)
        ].map(String))
      ),
      '\n'
    ].join(''),
    goals: [
      { isHeld: failures === 0, text: `no request fails: ${failures}` },
      { isHeld: addedMs <= GOALS.addedMs, text: `the kill makes the longest request at most ${GOALS.addedMs} ms longer (median of the rounds): ${addedMs.toFixed(0)}` },
      { isHeld: backMs <= GOALS.backMs, text: `all use Redis again within ${GOALS.backMs} ms: ${backMs}` }
    ]
  }
}
