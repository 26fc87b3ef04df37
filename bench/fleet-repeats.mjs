// What IDEMPOTENCY_STORE=redis adds to a booking: the built sidecar with and without it, one booking after another, in turn, before an API that answers at once.
//   npm run build && node bench/fleet-repeats.mjs    # under a minute; needs redis-server
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { freePort } from './sidecar.mjs'
import { startRig } from './rig.mjs'
import { median, table } from './table.mjs'

const ROUNDS = 5
const BOOKINGS = 200
const BODY = JSON.stringify({ firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', partySize: 2, date: '2030-05-17', time: '19:30', type: 'book' })

const redisPort = await freePort()
const redis = spawn('redis-server', ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'inherit'] })
process.once('exit', () => redis.kill())
await new Promise(resolve => redis.stdout.on('data', text => { if (String(text).includes('Ready to accept')) resolve(undefined) }))

/** @type {import('node:http').RequestListener} */
const answer = (req, res) => {
  req.resume().on('end', () => { res.writeHead(201, { 'Content-Type': 'application/json' }).end(BODY) })
}

/**
 * @param {Agent} agent
 * @param {number} port
 * @returns {Promise<number>} milliseconds until the whole answer is there
 */
function book (agent, port) {
  const startedAtMs = performance.now()
  return new Promise((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, method: 'POST', path: '/venues/1/booking', headers: { 'Idempotency-Key': randomUUID(), 'Content-Length': BODY.length } }, res => {
      if (res.statusCode !== 201) reject(new Error(`HTTP ${res.statusCode}`))
      res.resume().on('end', () => resolve(performance.now() - startedAtMs))
    }).on('error', reject).end(BODY)
  })
}

const stores = await Promise.all([
  { name: 'memory', env: {} },
  { name: 'redis', env: { IDEMPOTENCY_STORE: 'redis', REDIS_URL: `redis://127.0.0.1:${redisPort}` } },
  { name: 'memory again', env: {} }
].map(async ({ name, env }) => {
  const rig = await startRig(`fleet-repeats-${name.replace(' ', '-')}`, answer, { env })
  return { name, rig, agent: new Agent({ keepAlive: true, maxSockets: 1 }), p50: /** @type {number[]} */ ([]), p99: /** @type {number[]} */ ([]) }
}))

// The first round warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const { rig, agent, p50, p99 } of stores) {
    const ms = new Float64Array(BOOKINGS)
    for (let i = 0; i < BOOKINGS; i++) ms[i] = await book(agent, rig.sidecar.port)
    ms.sort()
    if (round === 0) continue
    p50.push(ms[Math.floor(BOOKINGS * 0.5)] ?? NaN)
    p99.push(ms[Math.floor(BOOKINGS * 0.99)] ?? NaN)
  }
}

const [memory] = stores
const rows = stores.map(({ name, p50, p99 }) => [p50, p99].reduce((/** @type {string[]} */ row, values, which) => {
  const base = (which === 0 ? memory?.p50 : memory?.p99) ?? []
  // Of the same round: another one had other neighbours.
  const added = median(values.map((ms, i) => ms - (base[i] ?? NaN)))
  const ratio = median(values.map((ms, i) => ms / (base[i] ?? NaN)))
  return [...row, median(values).toFixed(2), added.toFixed(2), ratio.toFixed(2)]
}, [name]))
console.log(table(['IDEMPOTENCY_STORE', 'p50 ms', 'added ms', 'ratio', 'p99 ms', 'added ms', 'ratio'], rows))

for (const { agent } of stores) agent.destroy()
await Promise.all(stores.map(async ({ rig }) => rig.stop()))
redis.kill()
