// Ten minutes of lists, availability and bookings while faults come and go: nothing may be lost, doubled or hung, and memory stays flat.
//   npm run build && node bench/soak.mjs [--minutes 10] [--rate 50]
import { randomInt, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Processes } from './processes.mjs'
import { startSidecar } from './sidecar.mjs'
import { startSimulator } from './simulator.mjs'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, rate: { type: 'string', default: '50' } } })
const DURATION_MS = Number(values.minutes) * 60_000
const RATE_PER_S = Number(values.rate)

/** Above the sidecar's own limits: two waits for a token, three attempts of UPSTREAM_TIMEOUT_MS. */
const UPSTREAM_TIMEOUT_MS = 3_000
const HUNG_MS = 2 * 5_000 + 3 * UPSTREAM_TIMEOUT_MS + 5_000

/** Tokens live this long, so that many are refreshed while something is broken. */
const TOKEN_LIFETIME_S = 20

/** After half of the time everything that is kept is there; then memory may grow by this much. */
const MAX_GROWTH_BYTES = 15 * 1024 * 1024

const FAULTS = /** @type {const} */ ([
  {}, {}, { 'token-down': true }, { 'token-slow': 1_500 }, { 'token-hang': true }, { 'token-reset': true }, { 'token-garbage': true }, { 'token-rate-limit': 2 },
  { 'api-down': true }, { 'api-slow': 1_000 }, { 'api-hang': true }, { 'api-error': true }, { 'api-401': true }, { 'api-429': true }, { 'api-break': 100 },
  { 'api-break': 0 }, { 'token-down': true, 'api-401': true }
])

const simulator = await startSimulator({ tokenLifetimeS: TOKEN_LIFETIME_S, quotaLimit: 1_000_000 })
const processes = new Processes()
const { running, port } = await startSidecar(processes, {
  BOOKABLE_API_URL: simulator.origin,
  BOOKABLE_TOKEN_URL: simulator.tokenUrl,
  BOOKABLE_CLIENT_ID: simulator.clientId,
  BOOKABLE_CLIENT_SECRET: simulator.clientSecret,
  UPSTREAM_TIMEOUT_MS: String(UPSTREAM_TIMEOUT_MS),
  TOKEN_TIMEOUT_MS: '2000'
}, join(tmpdir(), 'bookable-soak.log'))
const { compositeId } = simulator.example
const venue = `/venues/${encodeURIComponent(compositeId)}`

/** @type {Map<string, number>} */
const outcomes = new Map()
/** What each booking's app was told, by the booking's unique address. @type {Map<string, string>} */
const told = new Map()
const state = { inFlight: 0, hung: 0, isOver: false }

/**
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 * @returns {Promise<string>} the status and code, `broken`, or `hung`
 */
function ask (method, path, body) {
  return new Promise(resolve => {
    const limit = setTimeout(() => {
      resolve('hung')
      req.destroy()
    }, HUNG_MS)
    const done = (/** @type {string} */ outcome) => {
      clearTimeout(limit)
      resolve(outcome)
    }
    const req = request({ host: '127.0.0.1', port, method, path, headers: body === undefined ? {} : { 'content-type': 'application/json' } }, res => {
      let text = ''
      res.setEncoding('utf8').on('data', chunk => { text += chunk })
      res.on('end', () => done([res.statusCode, /"code":"([^"]+)"/.exec(text)?.[1]].filter(Boolean).join(' ')))
      res.on('error', () => done('broken'))
    })
    req.on('error', () => done('broken'))
    // One app in fifty gives up early.
    if (randomInt(50) === 0) setTimeout(() => { req.destroy() }, randomInt(200)).unref()
    req.end(body)
  })
}

function someDate () {
  return new Date(Date.now() + randomInt(2, 700) * 86_400_000).toISOString().slice(0, 10)
}

async function act () {
  const dice = randomInt(10)
  state.inFlight++
  if (dice < 6) {
    count(await ask('GET', '/venues?page=1'))
  } else if (dice < 8) {
    count(await ask('GET', `${venue}/availability?date=${someDate()}&partySize=2`))
  } else {
    const email = `${randomUUID()}@example.com`
    const outcome = await ask('POST', `${venue}/booking`, JSON.stringify({
      firstName: 'So', lastName: 'Ak', email, phone: '+44 20 7946 0000', partySize: 2, date: someDate(), time: '19:00', type: 'book'
    }))
    told.set(email, outcome)
    count(`booking: ${outcome}`)
  }
  state.inFlight--
}

/** @param {string} outcome */
function count (outcome) {
  if (outcome.endsWith('hung')) state.hung++
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}

const breaking = (async () => {
  while (!state.isOver) {
    simulator.setFaults(/** @type {any} */ (FAULTS[randomInt(FAULTS.length)]))
    await delay(randomInt(1_000, 6_000))
    simulator.setFaults({})
    await delay(randomInt(500, 3_000))
  }
  simulator.setFaults({})
})()

const startedAtMs = Date.now()
/** @type {number[]} */
const memory = []
let sent = 0
while (Date.now() - startedAtMs < DURATION_MS) {
  const due = Math.floor((Date.now() - startedAtMs) / 1000 * RATE_PER_S)
  for (; sent < due; sent++) void act()
  if (Date.now() - startedAtMs > memory.length * DURATION_MS / 100) memory.push(running.residentBytes())
  await delay(10)
}
state.isOver = true
await breaking
while (state.inFlight > 0) await delay(100)

/** @type {Map<string, number>} */
const made = new Map()
for (const { email } of simulator.bookings) made.set(email, (made.get(email) ?? 0) + 1)
const doubled = [...made].filter(([, times]) => times > 1)
// Told that it was made, and it was not; or told that nothing was done, and it was.
const lost = [...told].filter(([email, outcome]) => outcome.startsWith('201') && !made.has(email))
const secret = [...told].filter(([email, outcome]) => /^(4|5)/.test(outcome) && !outcome.includes('UPSTR-N-001') && made.has(email))

const mib = (/** @type {number} */ bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
const settled = memory.slice(50)
const [early, late] = [settled.slice(0, 10), settled.slice(-10)].map(part => part.reduce((sum, bytes) => sum + bytes, 0) / part.length)
const growth = (late ?? 0) - (early ?? 0)
console.log(`${sent} requests in ${values.minutes} min, ${simulator.counts.tokenRequests} token requests, ${simulator.bookings.length} bookings`)
for (const [outcome, times] of [...outcomes].sort(([, a], [, b]) => b - a)) console.log(`${String(times).padStart(8)}  ${outcome}`)
console.log(`hung ${state.hung}, doubled ${doubled.length}, lost ${lost.length}, made though told otherwise ${secret.length}`)
console.log(`memory ${mib(early ?? 0)} at half-time, ${mib(late ?? 0)} at the end, at most ${mib(Math.max(...memory))}`)
const isGood = state.hung + doubled.length + lost.length + secret.length === 0 && growth < MAX_GROWTH_BYTES
console.log(isGood ? 'good' : 'NOT GOOD', lost.slice(0, 3), secret.slice(0, 3))
await processes.stop()
await simulator.close()
process.exitCode = isGood ? 0 : 1
