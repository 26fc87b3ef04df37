// Shows what 5,000 requests at once cost while the API hangs, and that all is as before when it comes back.
//   npm run build && node bench/flood.mjs
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startRig } from './rig.mjs'

const REQUESTS = 5_000
const MAX_IN_FLIGHT = 1_024
const ROUNDS = 15

/** @type {Array<() => void>} */
const held = []
const { sidecar, stop } = await startRig('flood', (_req, res) => { held.push(() => res.end('ok')) })

/** @returns {Promise<number>} the status */
function ask () {
  return new Promise((resolve, reject) => {
    const app = connect(sidecar.port, '127.0.0.1', () => app.write('GET /venues HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    app.on('error', reject).once('data', head => {
      app.destroy()
      resolve(Number(String(head).slice(9, 12)))
    })
  })
}

const mib = (/** @type {number} */ bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
let isGood = true
console.log(`at rest ${mib(sidecar.running.residentBytes())}`)
for (let round = 1; round <= ROUNDS; round++) {
  /** @type {number[]} */
  const statuses = []
  const startedAtMs = performance.now()
  const all = Array.from({ length: REQUESTS }, async () => { statuses.push(await ask()) })
  while (statuses.length < REQUESTS - MAX_IN_FLIGHT) await delay(5)
  const refusedMs = performance.now() - startedAtMs
  const memory = sidecar.running.residentBytes()
  // The API comes back, and answers at once from now on.
  const answering = setInterval(() => { held.splice(0).forEach(finish => finish()) }, 1)
  await Promise.all(all)
  clearInterval(answering)
  const [served, refused] = [200, 503].map(status => statuses.filter(each => each === status).length)
  isGood &&= served === MAX_IN_FLIGHT && refused === REQUESTS - MAX_IN_FLIGHT
  console.log(`round ${round}: ${refused} refused within ${refusedMs.toFixed(0)} ms, ${served} served when the API came back; ${mib(memory)} meanwhile`)
}
await delay(2_000)
console.log(`${mib(sidecar.running.residentBytes())} after`)
await stop()
process.exitCode = isGood ? 0 : 1
