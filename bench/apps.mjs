import { Agent, request } from 'node:http'

/** Of twenty requests of a worker, in an order of its own: 60 % lists of which half repeat, 30 % availability, 10 % bookings. */
const DECK = /** @type {const} */ ([
  ...Array(6).fill('popular list'), ...Array(6).fill('list of its own'), ...Array(6).fill('availability'), ...Array(2).fill('booking')
])

/** Lists that everybody asks for, the first most often: each as often as its place in the list says (Zipf), as it is with what people look for. */
const POPULAR = [
  '/venues', '/venues?page=2', '/venues?pageSize=50', '/venues?features=romantic', '/venues?features=dog_friendly', '/venues?features=vegetarian,wifi',
  '/venues?venueGroupName=dishoom', '/venues?venueName=parrot'
]

const DAY_MS = 24 * 60 * 60_000
/** A common limit of HTTP clients. */
export const APP_TIMEOUT_MS = 10_000
const TRIES = 3
const PAUSE_MS = 1_000

/**
 * A request that an app makes.
 * @typedef {object} Plan
 * @property {number} worker
 * @property {number} atMs
 * @property {string} kind
 * @property {'GET' | 'POST'} method
 * @property {string} target
 * @property {string} [body]
 * @property {string} [email] of a booking, unique: who is in the book twice was booked twice
 */

/**
 * What became of it.
 * @typedef {Plan & { status: number | 'no answer', waitMs: number, refusals: number }} Outcome `refusals`: 429s that the app saw
 */

/**
 * All requests of all workers, the same in each run: they come whether or not earlier ones were answered.
 * @param {{ workers: number, requests: number, durationMs: number, startMs: number, offers: readonly string[], seed: number }} options
 * @returns {Plan[]}
 */
export function planRequests ({ workers, requests, durationMs, startMs, offers, seed }) {
  const random = randomOf(seed)
  const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
  const dayOf = (/** @type {number} */ days) => new Date(startMs + days * DAY_MS).toISOString().slice(0, 10)
  const shares = POPULAR.map((_, place) => 1 / (place + 1))
  const popular = () => {
    let mark = random() * shares.reduce((sum, share) => sum + share, 0)
    return POPULAR[shares.findIndex(share => (mark -= share) < 0)] ?? ''
  }
  const meanGapMs = durationMs / requests * workers
  let serial = 0

  /** @returns {Omit<Plan, 'worker' | 'atMs' | 'kind'>} */
  const targetOf = (/** @type {string} */ kind) => {
    serial++
    const venue = `/venues/${encodeURIComponent(offers[below(offers.length)] ?? '')}`
    if (kind === 'popular list') return { method: 'GET', target: popular() }
    if (kind === 'list of its own') return { method: 'GET', target: `/venues?venueName=guest-${serial}` }
    if (kind === 'availability') return { method: 'GET', target: `${venue}/availability?date=${dayOf(1 + below(60))}&partySize=${2 + below(5)}` }
    const email = `guest-${serial}@example.com`
    return {
      method: 'POST',
      target: `${venue}/booking`,
      email,
      // A day of its own: nobody takes anybody's table.
      body: JSON.stringify({ firstName: 'Ada', lastName: 'Lovelace', email, phone: '+44 20 7946 0000', partySize: 2, date: dayOf(61 + serial), time: '19:00', type: 'book' })
    }
  }

  /** @type {Plan[]} */
  const plans = []
  for (let worker = 0; worker < workers; worker++) {
    let atMs = below(meanGapMs)
    for (let deck = shuffled(DECK, below); atMs < durationMs; atMs += meanGapMs * (0.5 + random())) {
      const kind = deck.pop() ?? ''
      plans.push({ worker, atMs, kind, ...targetOf(kind) })
      if (deck.length === 0) deck = shuffled(DECK, below)
    }
  }
  return plans
}

/**
 * Old applications: each worker sends its requests at their times; one that `retries` sends again whatever failed.
 * @param {{ clock: import('./virtual-clock.mjs').VirtualClock, url: string, plans: readonly Plan[], retries: boolean }} options
 */
export function startApps ({ clock, url, plans, retries }) {
  /** @type {Map<number, Agent>} */
  const agents = new Map()
  /** @type {Outcome[]} */
  const outcomes = []
  for (const plan of plans) {
    const agent = agents.get(plan.worker) ?? new Agent({ keepAlive: true })
    agents.set(plan.worker, agent)
    clock.setTimer(() => { void run(plan, agent) }, plan.atMs)
  }

  /**
   * @param {Plan} plan
   * @param {Agent} agent
   */
  async function run (plan, agent) {
    const startedAtMs = clock.monotonicMs()
    let refusals = 0
    for (let tries = 1; ; tries++) {
      const { status, retryAfterS } = await attempt(plan, agent)
      if (status === 429) refusals++
      const isFailed = status === 'no answer' || status === 429 || status >= 500
      if (!isFailed || !retries || tries === TRIES) {
        outcomes.push({ ...plan, status, refusals, waitMs: clock.monotonicMs() - startedAtMs })
        return
      }
      await new Promise(resolve => clock.setTimer(() => resolve(undefined), retryAfterS === undefined ? PAUSE_MS : retryAfterS * 1000))
    }
  }

  /**
   * @param {Plan} plan
   * @param {Agent} agent
   * @returns {Promise<{ status: number | 'no answer', retryAfterS: number | undefined }>}
   */
  function attempt ({ method, target, body }, agent) {
    return new Promise(resolve => {
      const done = (/** @type {number | 'no answer'} */ status, retryAfterS = undefined) => {
        limit.cancel()
        resolve({ status, retryAfterS })
      }
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const req = request(url + target, { method, agent, headers }, res => {
        const { 'retry-after': retryAfter } = res.headers
        res.resume().on('error', () => done('no answer')).on('end', () => done(res.statusCode ?? 0, retryAfter === undefined ? undefined : Number(retryAfter)))
      })
      const limit = clock.setTimer(() => req.destroy(new Error('no answer in time')), APP_TIMEOUT_MS)
      req.on('error', () => done('no answer'))
      req.end(body)
    })
  }

  return { outcomes, stop () { for (const agent of agents.values()) agent.destroy() } }
}

/**
 * Numbers from 0 to 1, the same in each run (mulberry32).
 * @param {number} seed
 */
export function randomOf (seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0
    let mixed = Math.imul(seed ^ seed >>> 15, seed | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }
}

/**
 * @template T
 * @param {readonly T[]} values
 * @param {(limit: number) => number} below
 */
function shuffled (values, below) {
  const rest = [...values]
  return values.map(() => rest.splice(below(rest.length), 1)[0])
}
