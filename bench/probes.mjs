// Shows what a thousand probes a second and a scrape of the metrics cost the requests of apps.
//   npm run build && node bench/probes.mjs
import { Agent, get } from 'node:http'
import { startRig } from './rig.mjs'
import { median, table } from './table.mjs'

const PROBES_A_SECOND = 1_000
const TICK_MS = 10
const ROUNDS = 7
const REQUESTS = 4_000
const WARM_UP_REQUESTS = 20_000
const CONNECTIONS = 16
const SCRAPES = 200
const MAX_SCRAPE_MS = 5

const { sidecar, startLoad, stop } = await startRig('probes')
const load = startLoad()

/** @returns {Promise<{ p50Ms: number, p99Ms: number, cpuMs: number }>} of the requests; and of the sidecar's CPU, while they ran */
async function measure (requests = REQUESTS) {
  const before = sidecar.running.cpuMicroseconds()
  const { p50Ms, p99Ms } = await load.ask({ port: sidecar.port, connections: CONNECTIONS, requests })
  return { p50Ms, p99Ms, cpuMs: (sidecar.running.cpuMicroseconds() - before) / 1000 }
}

const agent = new Agent({ keepAlive: true })
/** @returns {Promise<number>} how long it took, in ms */
const ask = (/** @type {string} */ path) => new Promise((resolve, reject) => {
  const startedAtMs = performance.now()
  get({ host: '127.0.0.1', port: sidecar.adminPort, path, agent }, res => res.resume().on('end', () => resolve(performance.now() - startedAtMs))).on('error', reject)
})

let probes = 0
function startProbing () {
  const timer = setInterval(() => {
    for (let i = 0; i < PROBES_A_SECOND * TICK_MS / 1000; i++) void ask(i % 2 === 0 ? '/livez' : '/readyz').then(() => { probes++ })
  }, TICK_MS)
  return () => clearInterval(timer)
}

await measure(WARM_UP_REQUESTS)
const rounds = []
for (let round = 0; round < ROUNDS; round++) {
  const without = await measure()
  const stopProbing = startProbing()
  const withProbes = await measure()
  stopProbing()
  rounds.push({ without, withProbes })
}
const scrapesMs = []
for (let i = 0; i < SCRAPES; i++) scrapesMs.push(await ask('/metrics'))

console.log(table(['GET', 'without', `with ${PROBES_A_SECOND} probes/s`, 'ratio'], (/** @type {const} */ (['p50Ms', 'p99Ms', 'cpuMs'])).map(name => {
  const [without, withProbes] = [median(rounds.map(({ without }) => without[name])), median(rounds.map(({ withProbes }) => withProbes[name]))]
  return [name, without.toFixed(2), withProbes.toFixed(2), (withProbes / without).toFixed(2)]
})))
console.log(`${probes} probes answered; a scrape takes ${median(scrapesMs).toFixed(2)} ms (median of ${SCRAPES})`)
agent.destroy()
await stop()
process.exitCode = median(scrapesMs) < MAX_SCRAPE_MS ? 0 : 1
