// Ten workers want four times the quota, over ten simulated windows: what their guests get from plain forwarding, from plain forwarding to
// apps that try again, and from the sidecar.
//   node bench/quota.mjs [--seed 1] [--reserve 10,45] [--windows] [--only sidecar] [--shared 60] [--skew-ms 90000]
import { Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { APP_TIMEOUT_MS, planRequests, randomOf, startApps } from './apps.mjs'
import { startPlainForwarder } from './plain-forwarder.mjs'
import { importSources } from './sources.mjs'
import { table } from './table.mjs'
import { VirtualClock } from './virtual-clock.mjs'

const QUOTA = 200
const WINDOW_MS = 60_000
const WINDOWS = 10
const OFFERED = 4
const WORKERS = 10

/** What an answer of the API takes. */
const LATENCY_MS = 60
/** In the second run, early in each window, the API acts and answers later than any app waits. */
const HICCUP = { fromMs: 1_000, untilMs: 3_000, latencyMs: 12_000 }
/** After the last request, for those that are held. */
const REST_MS = 40_000
/** A whole minute: where a window begins. */
const START_MS = Date.parse('2026-06-01T12:00:00Z')

const GOALS = { bookingWaitMs: 1_000, servedPerUpstream: 2, quotaUse: 0.97 }

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    reserve: { type: 'string', default: '10,45' },
    windows: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    shared: { type: 'string', default: '0' },
    'skew-ms': { type: 'string', default: '0' }
  }
})
const SHARED = Number(options.shared)

const { startSimulator, createVenues, startSidecar, loadConfig, SETTING_NAMES, pino } = await importSources(`
  export { startSimulator } from './src/simulator/simulator.ts'
  export { createVenues } from './src/simulator/venue-data.ts'
  export { startSidecar } from './src/sidecar.ts'
  export { loadConfig } from './src/config/load.ts'
  export { SETTING_NAMES } from './src/config/settings.ts'
  export { pino } from 'pino'
`)

/** Open every day, and serve a table for two at 19:00 at once. */
const offers = createVenues()
  .filter((/** @type {any} */ { openingHours }) => openingHours.length === 7)
  .flatMap((/** @type {any} */ { products }) => products)
  .filter((/** @type {any} */ { isPreorderRequired, instantUpTo, servedUntil }) => !isPreorderRequired && instantUpTo >= 2 && servedUntil > '21:00')
  .map((/** @type {any} */ { compositeId }) => compositeId)

const plans = planRequests({ workers: WORKERS, requests: OFFERED * QUOTA * WINDOWS, durationMs: WINDOWS * WINDOW_MS, startMs: START_MS, offers, seed: Number(options.seed) })

/** @typedef {{ url: string, stop: () => unknown }} Started */
/** @typedef {Awaited<ReturnType<typeof measure>>} Result */
/** @typedef {{ name: string, retries: boolean, start: (clock: VirtualClock, simulator: any) => Promise<Started> }} Contender */

const hasGovernor = SETTING_NAMES.includes('QUOTA_RESERVE')
/** @type {Contender[]} */
const contenders = [
  { name: 'plain forwarding', retries: false, start: (_clock, simulator) => startPlainForwarder(simulator) },
  { name: 'plain, apps try again', retries: true, start: (_clock, simulator) => startPlainForwarder(simulator) },
  ...(hasGovernor ? options.reserve.split(',') : ['none']).map(reserve => ({
    name: hasGovernor ? `sidecar, QUOTA_RESERVE=${reserve}` : 'sidecar (without a governor)',
    retries: false,
    start: (/** @type {VirtualClock} */ clock, /** @type {any} */ simulator) => startQuietSidecar(clock, simulator, { CACHE_TTL_SECONDS: '60', ...(hasGovernor && { QUOTA_RESERVE: reserve }) })
  }))
]

const startedAtMs = performance.now()
const chosen = contenders.filter(({ name }) => name.includes(options.only))
/** @type {Result[]} */
const steady = []
/** @type {Result[]} */
const unsteady = []
for (const contender of chosen) steady.push(await measure(contender, false))
for (const contender of chosen) unsteady.push(await measure(contender, true))
process.stdout.write(report())
process.exit()

/**
 * @param {VirtualClock} clock
 * @param {any} simulator
 * @param {Record<string, string>} settings
 * @returns {Promise<Started>}
 */
async function startQuietSidecar (clock, simulator, settings) {
  const config = loadConfig({
    BOOKABLE_API_URL: simulator.origin,
    BOOKABLE_TOKEN_URL: simulator.tokenUrl,
    BOOKABLE_CLIENT_ID: simulator.clientId,
    BOOKABLE_CLIENT_SECRET: simulator.clientSecret,
    HOST: '127.0.0.1',
    ADMIN_HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_PORT: '0',
    ...settings
  })
  const itsClock = {
    nowMs: () => clock.nowMs() + Number(options['skew-ms']),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (/** @type {() => void} */ callback, /** @type {number} */ delayMs) => clock.setTimer(callback, delayMs)
  }
  const nowhere = new Writable({ write (_chunk, _encoding, done) { done() } })
  const sidecar = await startSidecar({ config, clock: itsClock, logger: pino({ level: 'warn' }, nowhere), random: randomOf(1), nodeVersion: process.version })
  return { url: sidecar.url, stop: () => clock.runFor(sidecar.drain()) }
}

/**
 * @param {Contender} contender
 * @param {boolean} hasHiccups
 */
async function measure ({ name, retries, start }, hasHiccups) {
  const clock = new VirtualClock(START_MS)
  const faultsOf = (/** @type {number} */ latencyMs) => ({ 'api-slow': latencyMs, 'api-shared': SHARED })
  const simulator = await startSimulator({ clock, quotaLimit: QUOTA, faults: faultsOf(LATENCY_MS) })
  const started = await start(clock, simulator)
  await clock.runUntil(0)

  const unsteadyWindows = hasHiccups ? WINDOWS : 0
  for (let window = 0; window < unsteadyWindows; window++) {
    clock.setTimer(() => simulator.setFaults(faultsOf(HICCUP.latencyMs)), window * WINDOW_MS + HICCUP.fromMs)
    clock.setTimer(() => simulator.setFaults(faultsOf(LATENCY_MS)), window * WINDOW_MS + HICCUP.untilMs)
  }
  const edges = [{ ...simulator.counts }]
  for (let window = 1; window <= WINDOWS; window++) clock.setTimer(() => edges.push({ ...simulator.counts }), window * WINDOW_MS)
  const apps = startApps({ clock, url: started.url, plans, retries })
  await clock.runUntil(WINDOWS * WINDOW_MS + REST_MS)
  if (apps.outcomes.length !== plans.length) throw new Error(`${name}: ${plans.length - apps.outcomes.length} requests came to no end`)

  apps.stop()
  await started.stop()
  const { bookings, counts: { apiRequests } } = simulator
  await simulator.close()
  return { name, ...judge(apps.outcomes, bookings, apiRequests), windows: windowsOf(apps.outcomes, edges) }
}

/**
 * @param {readonly import('./apps.mjs').Outcome[]} outcomes
 * @param {ReadonlyArray<{ email: string }>} bookings
 * @param {number} apiRequests
 */
function judge (outcomes, bookings, apiRequests) {
  /** @type {Map<string, number>} */
  const made = new Map()
  for (const { email } of bookings) made.set(email, (made.get(email) ?? 0) + 1)
  const asked = outcomes.filter(({ kind }) => kind === 'booking')
  const timesMade = (/** @type {import('./apps.mjs').Outcome} */ { email = '' }) => made.get(email) ?? 0
  const refusalsOf = (/** @type {typeof outcomes} */ some) => some.reduce((sum, { refusals }) => sum + refusals, 0)
  const waitsMs = asked.filter(isServed).map(({ waitMs }) => waitMs).sort((a, b) => a - b)
  return {
    served: outcomes.filter(isServed).length,
    apiRequests,
    refusals: refusalsOf(outcomes),
    refusedBookings: refusalsOf(asked),
    lost: asked.filter(outcome => !isServed(outcome) && timesMade(outcome) === 0).length,
    doubled: asked.filter(outcome => timesMade(outcome) > 1).length,
    untold: asked.filter(outcome => !isServed(outcome) && timesMade(outcome) > 0).length,
    p50Ms: percentile(waitsMs, 0.5),
    p99Ms: percentile(waitsMs, 0.99)
  }
}

/**
 * @param {readonly import('./apps.mjs').Outcome[]} outcomes
 * @param {ReadonlyArray<{ apiRequests: number, overQuota: number }>} edges
 */
function windowsOf (outcomes, edges) {
  return edges.slice(1).map(({ apiRequests, overQuota }, window) => {
    const { apiRequests: requestsBefore = 0, overQuota: overBefore = 0 } = edges[window] ?? {}
    const asked = outcomes.filter(({ atMs }) => Math.floor(atMs / WINDOW_MS) === window)
    const servedOf = (/** @type {string} */ kind) => asked.filter(outcome => outcome.kind === kind && isServed(outcome)).length
    return {
      use: (apiRequests - requestsBefore - (overQuota - overBefore)) / QUOTA,
      overQuota: overQuota - overBefore,
      offered: asked.length,
      bookings: asked.filter(({ kind }) => kind === 'booking').length,
      served: ['booking', 'availability', 'popular list', 'list of its own'].map(servedOf),
      refusedBookings: asked.filter(({ kind, refusals }) => kind === 'booking' && refusals > 0).length
    }
  })
}

/** @param {import('./apps.mjs').Outcome} outcome */
function isServed ({ status }) {
  return typeof status === 'number' && status < 300
}

/**
 * @param {readonly number[]} sorted
 * @param {number} share
 */
function percentile (sorted, share) {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? NaN
}

function report () {
  const bookings = plans.filter(({ kind }) => kind === 'booking').length
  const hiccupS = (HICCUP.untilMs - HICCUP.fromMs) / 1000
  return [
    `${plans.length} requests of ${WORKERS} workers in ${WINDOWS} windows of ${QUOTA}, ${bookings} of them bookings; seed ${options.seed}, ${Math.round((performance.now() - startedAtMs) / 1000)} s\n\n`,
    `The API answers in ${LATENCY_MS} ms\n\n`,
    resultTable(steady),
    `\nThe same, but for ${hiccupS} s of each window it answers after ${HICCUP.latencyMs / 1000} s, and apps give up after ${APP_TIMEOUT_MS / 1000} s\n\n`,
    resultTable(unsteady),
    '\n',
    ...(options.windows ? steady.map(windowTable) : []),
    ...steady.flatMap((result, i) => result.name.startsWith('sidecar') ? [goals(result, unsteady[i])] : [])
  ].join('')
}

/** @param {readonly Result[]} results */
function resultTable (results) {
  return table(
    ['', 'served', 'upstream', 'served/upstream', '429s', 'on bookings', 'bookings lost', 'doubled', 'made, app not told', 'wait p50 ms', 'p99 ms', 'quota used'],
    results.map(result => [
      result.name, ...[result.served, result.apiRequests].map(String), (result.served / result.apiRequests).toFixed(2),
      ...[result.refusals, result.refusedBookings, result.lost, result.doubled, result.untold].map(String),
      result.p50Ms.toFixed(0), result.p99Ms.toFixed(0), `${(leastUse(result) * 100).toFixed(1)} %`
    ])
  )
}

/** @param {Result} result */
function windowTable ({ name, windows }) {
  return `${name}\n\n${table(
    ['window', 'offered', 'quota used', '429 of the API', 'bookings', 'served', 'refused', 'availability served', 'popular lists', 'lists of its own'],
    windows.map(({ offered, use, overQuota, bookings, refusedBookings, served: [booked, availability, popular, own] }, window) => [
      window + 1, offered, `${(use * 100).toFixed(1)} %`, overQuota, bookings, booked, refusedBookings, availability, popular, own
    ].map(String))
  )}\n`
}

/**
 * @param {Result} result
 * @param {Result | undefined} unsteady
 */
function goals (result, unsteady) {
  const { name, refusedBookings, p99Ms, served, apiRequests } = result
  const doubled = result.doubled + (unsteady?.doubled ?? 0)
  const goal = (/** @type {boolean} */ isHeld, /** @type {string} */ text) => `  ${isHeld ? 'held    ' : 'NOT HELD'} ${text}\n`
  return [
    `${name}\n`,
    goal(refusedBookings === 0, `no 429 on a booking: ${refusedBookings}`),
    goal(doubled === 0, `no booking doubled: ${doubled}`),
    goal(p99Ms < GOALS.bookingWaitMs, `a booking waits under ${GOALS.bookingWaitMs} ms (p99): ${p99Ms.toFixed(0)}`),
    goal(served / apiRequests >= GOALS.servedPerUpstream, `${GOALS.servedPerUpstream} requests served for one upstream: ${(served / apiRequests).toFixed(2)}`),
    goal(leastUse(result) >= GOALS.quotaUse, `${GOALS.quotaUse * 100} % of the quota used in each window: ${(leastUse(result) * 100).toFixed(1)}`),
    '\n'
  ].join('')
}

/** @param {Result} result */
function leastUse ({ windows }) {
  return Math.min(...windows.map(({ use }) => use))
}
