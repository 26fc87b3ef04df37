// What 100,000 remembered bookings take: memory, and the time of a look-up.
//   node --expose-gc bench/repeats.mjs    # some seconds
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { build } from 'esbuild'

const BOOKINGS = 100_000
const LOOK_UPS = 200_000
const TTL_MS = 86_400_000

const out = mkdtempSync(join(tmpdir(), 'repeats-'))
await build({
  entryPoints: ['memory-store', 'fingerprint'].map(name => join(import.meta.dirname, `../src/repeats/${name}.ts`)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm'
})
const { MemoryStore } = await import(join(out, 'memory-store.mjs'))
const { fingerprintOf } = await import(join(out, 'fingerprint.mjs'))
rmSync(out, { recursive: true })

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now(), setTimer: () => ({ cancel () {} }) }

/** A booking as an app sends it, and the answer as the simulator gives it, each in buffers of its own as they come from the network. */
function booking (/** @type {number} */ i) {
  const id = randomUUID()
  const body = Buffer.from(JSON.stringify({ firstName: 'Ada', lastName: 'Lovelace', email: `ada${i}@example.com`, phone: '+44 20 7946 0000', partySize: 2, date: '2030-05-17', time: '19:30', type: 'book' }))
  const answer = Buffer.from(JSON.stringify({ id, status: 'Confirmed', venueName: 'Dishoom Covent Garden', ...JSON.parse(body.toString()), notes: 'x'.repeat(330) }))
  const slab = Buffer.alloc(1_400)
  return {
    request: { method: 'POST', target: '/venues/29%7CCO%7C7aeee54ab859a7133be1b74fb70a5754/booking', headers: ['Host', 'localhost', 'X-Partner-Reference', 'P'], body },
    answer: {
      status: 201,
      statusText: 'Created',
      headers: [
        'Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(answer.length), 'Date', new Date().toUTCString(),
        'X-RateLimit-Limit', '200', 'X-RateLimit-Remaining', String(i % 200), 'X-RateLimit-Reset', '1795250760', 'Cache-Control', 'no-store', 'X-Request-Id', randomUUID()
      ],
      chunks: [slab.subarray(0, answer.copy(slab))]
    }
  }
}

const collect = globalThis.gc ?? (() => { throw new Error('start it with --expose-gc') })
const used = () => {
  // What a first collection lets go of, a second one takes.
  for (let i = 0; i < 3; i++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const store = new MemoryStore({ clock, maxRecords: BOOKINGS, maxBytes: 1024 * 1024 * 1024 })
/** @type {string[]} */
const ids = []
const before = used()
let spentMs = 0
for (let i = 0; i < BOOKINGS; i++) {
  const { request, answer } = booking(i)
  const startedAtMs = performance.now()
  const fingerprint = fingerprintOf(request)
  // From the network a key comes in one piece; a UUID of Node's is a tree of many.
  const id = `key ${Buffer.from(randomUUID()).toString('latin1')}`
  store.claim({ id, fingerprint, ttlMs: TTL_MS })
  store.finish(id, { state: 'answered', answer })
  spentMs += performance.now() - startedAtMs
  ids.push(id)
}
const idBytes = ids.length * 8
const taken = used() - before - idBytes
const mib = (/** @type {number} */ bytes) => (bytes / 1024 / 1024).toFixed(1)
const micros = (/** @type {number} */ ms, /** @type {number} */ times) => (ms * 1000 / times).toFixed(2)

const lookUps = Float64Array.from({ length: LOOK_UPS }, () => {
  const id = ids[Math.floor(Math.random() * ids.length)]
  const startedAtMs = performance.now()
  const found = store.claim({ id, fingerprint: '', ttlMs: TTL_MS })
  const tookMs = performance.now() - startedAtMs
  if (typeof found !== 'object') throw new Error('forgotten')
  return tookMs
}).sort()
const at = (/** @type {number} */ share) => micros(lookUps[Math.floor(lookUps.length * share)] ?? NaN, 1)

const { request } = booking(0)
const hashedAtMs = performance.now()
for (let i = 0; i < LOOK_UPS; i++) fingerprintOf(request)
const hashMs = performance.now() - hashedAtMs

console.log(`${store.records} bookings of ${booking(0).answer.chunks[0]?.length} bytes are remembered`)
console.log(`memory: ${mib(taken)} MiB, ${Math.round(taken / BOOKINGS)} bytes each; counted as ${mib(store.bytes)} MiB, ${Math.round(store.bytes / BOOKINGS)} each`)
console.log(`look-up: p50 ${at(0.5)} us, p99 ${at(0.99)} us; fingerprint: ${micros(hashMs, LOOK_UPS)} us; to remember one, all in: ${micros(spentMs, BOOKINGS)} us`)
store.stop()
