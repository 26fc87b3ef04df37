// Shows what 2,000 connections that never send a whole request cost the proper ones, and that they are cut at their limits.
//   npm run build && node bench/half-open.mjs
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startRig } from './rig.mjs'
import { median, table } from './table.mjs'

const CONNECTIONS = 2_000

/** Without and with them, in turn: a noisy neighbour meets both. */
const ROUNDS = 7
const REQUESTS = 4_000
const WARM_UP_REQUESTS = 20_000
const BUSY_CONNECTIONS = 16

const MAX_RATIO = 2

/** They are looked for once a second; a machine that is busy may be late by some more. */
const TOLERANCE_MS = 3_000

/** One that is never cut would be waited for without end. */
const TIMEOUT_MS = 180_000

const HEAD = 'POST /venues/1/booking HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n'

/** What they send, and how long they may be silent then. */
const KINDS = /** @type {const} */ ([
  { what: 'nothing', sent: '', limitMs: 10_000 },
  { what: 'half a head', sent: HEAD.slice(0, 40), limitMs: 10_000 },
  { what: 'half a body', sent: `${HEAD}\r\n${'x'.repeat(500)}`, limitMs: 30_000 }
])

// Each is a file descriptor here, and one there. Node has raised the soft limit to the hard one already.
const { userLimits } = /** @type {{ userLimits: Record<string, { soft: number | 'unlimited' }> }} */ (process.report.getReport())
const files = userLimits.open_files?.soft
if (typeof files === 'number' && files < CONNECTIONS + 500) throw new Error(`ulimit -n is ${files}: raise it above ${CONNECTIONS + 500}`)

setTimeout(() => { throw new Error(`not done in ${TIMEOUT_MS / 1000} s`) }, TIMEOUT_MS).unref()
const { sidecar, startLoad, stop } = await startRig('half-open')
const load = startLoad()

/** @returns {Promise<{ p50Ms: number, p99Ms: number }>} */
const measure = (requests = REQUESTS) => load.ask({ port: sidecar.port, connections: BUSY_CONNECTIONS, requests })

/** One of them, once the sidecar has accepted it; and, when it is cut, after how long, and with which answer. */
async function open (/** @type {number} */ i) {
  const kind = KINDS[i % KINDS.length] ?? KINDS[0]
  const socket = connect(sidecar.port, '127.0.0.1')
  let answer = ''
  socket.on('error', () => {}).on('data', data => { answer += String(data) })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  if (kind.sent !== '') await new Promise(resolve => socket.write(kind.sent, resolve))
  const openedAtMs = performance.now()
  const cut = new Promise(resolve => socket.once('close', () => resolve(undefined))).then(() => ({ kind, afterMs: performance.now() - openedAtMs, status: answer.slice(9, 12) }))
  return { socket, cut }
}

async function closeAll (/** @type {Awaited<ReturnType<typeof open>>[]} */ held) {
  held.forEach(({ socket }) => socket.destroy())
  await Promise.all(held.map(({ cut }) => cut))
}

const openAll = () => Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => open(i)))

await measure(WARM_UP_REQUESTS)
// While it has never held so many: memory that was needed once is not given back.
await delay(1_000)
const restingBytes = sidecar.running.residentBytes()
const first = await openAll()
await delay(1_000)
const bytesEach = (sidecar.running.residentBytes() - restingBytes) / CONNECTIONS
await closeAll(first)

const rounds = []
for (let round = 0; round < ROUNDS; round++) {
  // Each time the other way round.
  const before = round % 2 === 0 ? await measure() : undefined
  const held = await openAll()
  const meanwhile = await measure()
  await closeAll(held)
  rounds.push({ before: before ?? await measure(), meanwhile })
}

const cuts = await Promise.all((await openAll()).map(({ cut }) => cut))

const ms = (/** @type {number} */ value) => value.toFixed(2)
let isGood = true
console.log(table(['GET', 'without, ms', `with ${CONNECTIONS}, ms`, 'ratio'], (/** @type {const} */ (['p50Ms', 'p99Ms'])).map(name => {
  const [before, meanwhile] = [median(rounds.map(({ before }) => before[name])), median(rounds.map(({ meanwhile }) => meanwhile[name]))]
  if (name === 'p50Ms') isGood &&= meanwhile / before <= MAX_RATIO
  return [name.slice(0, 3), ms(before), ms(meanwhile), ms(meanwhile / before)]
})))
console.log(table(['sent', 'connections', 'limit, s', 'cut after, s', 'answer'], KINDS.map(kind => {
  const own = cuts.filter(cut => cut.kind === kind)
  const [earliest, latest] = [Math.min(...own.map(({ afterMs }) => afterMs)), Math.max(...own.map(({ afterMs }) => afterMs))]
  const statuses = [...new Set(own.map(({ status }) => status))].join()
  isGood &&= earliest >= kind.limitMs - TOLERANCE_MS && latest <= kind.limitMs + TOLERANCE_MS && statuses === '408'
  return [kind.what, String(own.length), String(kind.limitMs / 1000), `${(earliest / 1000).toFixed(1)} to ${(latest / 1000).toFixed(1)}`, statuses]
})))
console.log(`${(bytesEach / 1024).toFixed(1)} KiB of memory for each of them`)
await stop()
process.exitCode = isGood ? 0 : 1
