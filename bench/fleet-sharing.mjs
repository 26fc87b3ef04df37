// Token requests and the quota of a fleet, with shared stores and without, at the same time and before an API each.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { randomOf } from './apps.mjs'
import { Redis } from './redis.mjs'
import { startFleet } from './sidecars.mjs'
import { startSimulator } from './simulator.mjs'
import { table } from './table.mjs'

const SIDECARS = 20
const QUOTA = 200
/** Requests asked for in a window, against its quota. */
const OFFERED = 4
/** As the simulator has it, and Bookable: it turns at the whole minute. */
const WINDOW_MS = 60_000
const WINDOWS = 3
const LIFETIMES = 10
const TOKEN_LIFETIME_S = WINDOWS * WINDOW_MS / LIFETIMES / 1000
/** What an answer of the API takes. */
const LATENCY_MS = 60

/** Before a window turns: its quota is spent then, and a machine that is late by less still counts this window alone. */
const EDGE_MS = 1_000

const GOALS = { tokenRequests: [10, 12], quotaUse: 0.95 }

/**
 * @param {import('./processes.mjs').Processes} processes
 * @param {string} dir for logs
 * @param {string} maxWaitMs how long the sidecars hold a request
 */
export async function measureSharing (processes, dir, maxWaitMs) {
  const redis = await Redis.start(processes, join(dir, 'redis.log'))
  const base = { QUOTA_MAX_WAIT_MS: maxWaitMs, TOKEN_EXPIRY_BUFFER_SECONDS: '1' }
  const fleets = []
  for (const { name, env } of [
    { name: 'redis', env: { ...base, TOKEN_STORE: 'redis', QUOTA_STORE: 'redis', REDIS_URL: redis.url } },
    { name: 'memory', env: base }
  ]) {
    const simulator = await startSimulator({ tokenLifetimeS: TOKEN_LIFETIME_S, quotaLimit: QUOTA, faults: { 'api-slow': LATENCY_MS } })
    const sidecars = await startFleet(processes, SIDECARS, { env, simulator, logPrefix: join(dir, `sharing-${name}`) })
    fleets.push({ name, simulator, sidecars, tokensAtStart: simulator.counts.tokenRequests })
  }
  await delay(WINDOW_MS - Date.now() % WINDOW_MS)

  await redis.ask('CONFIG', 'RESETSTAT')
  const results = await Promise.all(fleets.map(measureFleet))
  const stats = await redis.commandStats()
  for (const { simulator, sidecars } of fleets) {
    for (const sidecar of sidecars) sidecar.stop()
    await simulator.close()
  }
  redis.kill()
  return report(results, stats, maxWaitMs)
}

/** @param {{ name: string, simulator: import('../src/simulator/simulator.ts').Simulator, sidecars: import('./sidecars.mjs').FleetSidecar[], tokensAtStart: number }} fleet */
async function measureFleet ({ name, simulator, sidecars, tokensAtStart }) {
  const random = randomOf(1)
  const startedAtMs = Date.now()
  const before = { ...simulator.counts }
  const seen = { asked: 0, served: 0, refusedByApi: 0, refusedBySidecar: 0, other: 0 }
  const state = { isOver: false }
  const ask = async () => {
    const { status, code } = await (sidecars[Math.floor(random() * sidecars.length)]?.get(`/venues?venueName=guest-${seen.asked++}`) ?? {})
    if (state.isOver) return
    if (status === 200) seen.served++
    else if (status === 429 && code === 'RATE-R-001') seen.refusedBySidecar++
    else if (status === 429) seen.refusedByApi++
    else seen.other++
  }
  const gapMs = WINDOW_MS / (OFFERED * QUOTA)
  // By what was served: the API's own count has some that are on their way.
  const servedBy = [0]
  while (servedBy.length <= WINDOWS) {
    const elapsedMs = Date.now() - startedAtMs
    if (elapsedMs >= servedBy.length * WINDOW_MS - EDGE_MS) servedBy.push(seen.served)
    while (seen.asked * gapMs <= elapsedMs) void ask()
    await delay(gapMs / 2)
  }
  state.isOver = true
  const { tokenRequests, apiRequests, overQuota } = simulator.counts
  return {
    name,
    ...seen,
    tokensAtStart,
    tokens: tokenRequests - before.tokenRequests,
    apiRequests: apiRequests - before.apiRequests,
    overQuota: overQuota - before.overQuota,
    uses: servedBy.slice(1).map((served, i) => (served - (servedBy[i] ?? 0)) / QUOTA)
  }
}

/**
 * @param {ReadonlyArray<Awaited<ReturnType<typeof measureFleet>>>} results
 * @param {Map<string, { calls: number, microseconds: number }>} stats
 * @param {string} maxWaitMs
 */
function report (results, stats, maxWaitMs) {
  const [shared] = results
  if (shared === undefined) throw new Error('nothing was measured')
  const least = Math.min(...shared.uses)
  const [fewest = 0, most = 0] = GOALS.tokenRequests
  const percent = (/** @type {number} */ part) => `${(part * 100).toFixed(1)} %`
  const text = [
    `${SIDECARS} processes, ${LIFETIMES} lifetimes of a token of ${TOKEN_LIFETIME_S} s (refreshed 1 s before its end)\n\n`,
    table(['TOKEN_STORE', 'token requests', 'at the start'], results.map(({ name, tokens, tokensAtStart }) => [name, tokens, tokensAtStart].map(String))),
    `\n${OFFERED * QUOTA} requests a minute over the fleet, quota ${QUOTA}, ${WINDOWS} windows, QUOTA_MAX_WAIT_MS=${maxWaitMs}\n\n`,
    table(
      ['QUOTA_STORE', 'asked', 'served', '429 of the API to apps', 'RATE-R-001', 'other', 'held at the end', 'sent to the API', 'refused by it', 'quota used', 'least'],
      results.map(({ name, asked, served, refusedByApi, refusedBySidecar, other, apiRequests, overQuota, uses }) => [
        name, ...[asked, served, refusedByApi, refusedBySidecar, other, asked - served - refusedByApi - refusedBySidecar - other, apiRequests, overQuota].map(String),
        percent(uses.reduce((sum, use) => sum + use, 0) / uses.length), percent(Math.min(...uses))
      ])
    ),
    `\nWhat Redis did in these ${WINDOWS * WINDOW_MS / 1000} s\n\n`,
    commandTable(stats),
    '\n'
  ].join('')
  return {
    text,
    goals: [
      { isHeld: shared.tokens >= fewest && shared.tokens <= most, text: `${fewest} to ${most} token requests in ${LIFETIMES} lifetimes: ${shared.tokens}` },
      { isHeld: shared.refusedByApi + shared.refusedBySidecar === 0, text: `no 429 seen by apps: ${shared.refusedByApi + shared.refusedBySidecar}` },
      { isHeld: least >= GOALS.quotaUse, text: `${percent(GOALS.quotaUse)} of the quota used in each window: ${percent(least)}` }
    ]
  }
}

/** @param {Map<string, { calls: number, microseconds: number }>} stats */
function commandTable (stats) {
  const calls = (/** @type {string} */ name) => stats.get(name)?.calls ?? 0
  const seconds = WINDOWS * WINDOW_MS / 1000
  const { microseconds = 0 } = stats.get('evalsha') ?? {}
  // Told apart by a command that only the one script has, or has more often.
  const rows = /** @type {const} */ ([
    ['scripts', calls('evalsha') + calls('eval')],
    ['quota: blocks asked for, and beats', calls('zadd')],
    ['token: looks and locks', calls('hmget') - calls('zadd')],
    ['token: kept, renewed or left', calls('get')],
    ['probes', calls('set') - calls('incr')]
  ])
  return table(['', 'n', 'a second', 'a minute and sidecar'], [
    ...rows.map(([name, n]) => [name, String(n), (n / seconds).toFixed(2), (n / seconds * 60 / SIDECARS).toFixed(2)])
  ]) + `\n${(microseconds / Math.max(calls('evalsha'), 1)).toFixed(0)} µs of Redis for a script\n`
}
