// Shows what an app that does not read costs: 600 MiB come from the API, and nobody takes them.
//   npm run build && node bench/slow-reader.mjs
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startRig } from './rig.mjs'

const ANSWER_BYTES = 600 * 1024 * 1024
const MAX_GROWTH_BYTES = 30 * 1024 * 1024
const WATCHED_MS = 10_000

const { sidecar, stop } = await startRig('slow-reader', (_req, res) => {
  const chunk = Buffer.alloc(64 * 1024)
  let left = ANSWER_BYTES
  res.writeHead(200, { 'Content-Length': String(left) })
  const write = () => { while (left > 0 && res.write(chunk)) left -= chunk.length }
  res.on('drain', write)
  write()
})
await delay(1_000)
const before = sidecar.running.residentBytes()
const app = connect(sidecar.port, '127.0.0.1').pause()
app.write('GET /venues HTTP/1.1\r\nHost: localhost\r\n\r\n')
let most = before
for (let waitedMs = 0; waitedMs < WATCHED_MS; waitedMs += 100) {
  await delay(100)
  most = Math.max(most, sidecar.running.residentBytes())
}
const mib = (/** @type {number} */ bytes) => (bytes / 1024 / 1024).toFixed(1)
console.log(`before ${mib(before)} MiB, at most ${mib(most)} MiB while ${mib(ANSWER_BYTES)} MiB wait unread: grew by ${mib(most - before)} MiB`)
app.destroy()
await stop()
process.exitCode = most - before < MAX_GROWTH_BYTES ? 0 : 1
