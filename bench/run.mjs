// `npm run bench`: what the sidecar costs, beside its peers, in one run on one machine. README.md says how it is measured.
import { readFileSync, truncateSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { PEERS, sidecar, stock } from './peers.mjs'
import { Processes } from './processes.mjs'
import { Bench } from './site.mjs'
import { countLines } from './source-lines.mjs'
import { median, table } from './table.mjs'

const CONNECTIONS = 64

/** Many short rounds, since a noisy neighbour stays for seconds; not so short that /proc's ticks of 10 ms show. */
const FULL = { rounds: 25, requests: 4_000, warmUpRequests: 20_000, starts: 10, restingStarts: 3, timeoutMs: 240_000 }
const QUICK = { rounds: 7, requests: 2_000, warmUpRequests: 8_000, starts: 3, restingStarts: 1, timeoutMs: 90_000 }

/** How long a peer has had nothing to do when its memory is read. */
const REST_MS = 1_000

const SRC = join(import.meta.dirname, '../src')

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const plan = options.quick ? QUICK : FULL
const startedAt = new Date()
const [loadBefore = 0] = loadavg()

setTimeout(() => { throw new Error(`not done in ${plan.timeoutMs / 1000} s`) }, plan.timeoutMs)
const processes = new Processes()
const bench = await Bench.open(processes)
const peers = PEERS.filter(peer => peer.isInstalled())
if (!peers.includes(sidecar)) throw new Error('there is no dist/bookable-sidecar.cjs: npm run build')

const starts = await measureStarts()
const load = await measureLoad()
process.stdout.write(report())
await processes.stop()
process.exit()

/** Fresh processes, one at a time, in turn. */
async function measureStarts () {
  const samples = new Map(peers.map(peer => [peer, { firstAnswerMs: /** @type {number[]} */ ([]), residentBytes: /** @type {number[]} */ ([]) }]))
  for (let i = 0; i < plan.starts; i++) {
    for (const [peer, { firstAnswerMs, residentBytes }] of samples) {
      const started = await bench.start(peer)
      firstAnswerMs.push(started.firstAnswerMs)
      if (i < plan.restingStarts) {
        await delay(REST_MS)
        residentBytes.push(started.running.residentBytes())
      }
      await started.running.stop()
    }
  }
  return samples
}

/** All peers run side by side and take turns under the load, each time another one first. */
async function measureLoad () {
  const started = []
  for (const peer of peers) started.push(await bench.start(peer))
  for (const { port } of started) await bench.apply({ port, connections: CONNECTIONS, requests: plan.warmUpRequests })
  const samples = new Map(peers.map(peer => [peer, /** @type {Awaited<ReturnType<typeof measureRound>>[]} */ ([])]))
  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < started.length; turn++) {
      const next = started[(round + turn) % started.length]
      if (next !== undefined) samples.get(next.peer)?.push(await measureRound(next))
    }
  }
  return samples
}

/** @param {import('./site.mjs').StartedPeer} started */
async function measureRound ({ port, running, logPath }) {
  truncateSync(logPath)
  const cpuBefore = running.cpuMicroseconds()
  const upstreamCpuBefore = bench.upstream.cpuMicroseconds()
  const outcome = await bench.apply({ port, connections: CONNECTIONS, requests: plan.requests })
  return {
    cpu: (running.cpuMicroseconds() - cpuBefore) / plan.requests,
    upstreamCpu: (bench.upstream.cpuMicroseconds() - upstreamCpuBefore) / plan.requests,
    loadCpu: outcome.cpuMicroseconds / plan.requests,
    perSecond: plan.requests / outcome.durationMs * 1000,
    p50Ms: outcome.p50Ms,
    p99Ms: outcome.p99Ms,
    logLines: countNewlines(logPath) / plan.requests
  }
}

/** @param {string} path */
function countNewlines (path) {
  return readFileSync(path).reduce((count, byte) => byte === 0x0a ? count + 1 : count, 0)
}

function report () {
  const tookS = Math.round((Date.now() - startedAt.getTime()) / 1000)
  const [processor] = cpus()
  const rounds = [...load.values()].flat()
  return [
    `${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${tookS} s; Node ${process.versions.node}, Linux ${release()} ${arch()}, `,
    `${cpus().length} cores (${processor?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, `,
    `load average before ${loadBefore.toFixed(1)}\n\n`,
    `GET of 1.5 KB over TLS, ${CONNECTIONS} connections, unique queries; medians of ${plan.rounds} interleaved rounds of ${plan.requests} requests\n\n`,
    loadTable(),
    `\nThe load itself cost ${median(rounds.map(({ loadCpu }) => loadCpu)).toFixed(0)} µs a request and the upstream `,
    `${median(rounds.map(({ upstreamCpu }) => upstreamCpu)).toFixed(0)} µs, on the same cores.\n\n`,
    `Start and rest; medians of ${plan.starts} starts, of ${plan.restingStarts} for memory\n\n`,
    startTable(),
    '\nSource\n\n',
    sourceTable()
  ].join('')
}

function loadTable () {
  return table(
    ['', 'CPU µs/GET', 'range', 'of stock', 'GET/s', 'p50 ms', 'p99 ms', 'log lines/GET'],
    [...load].map(([peer, rounds]) => {
      const cpu = rounds.map(round => round.cpu)
      return [
        peer.name,
        median(cpu).toFixed(1),
        `${Math.min(...cpu).toFixed(0)}-${Math.max(...cpu).toFixed(0)}`,
        ofStock(cpu, load.get(stock)?.map(round => round.cpu)),
        median(rounds.map(round => round.perSecond)).toFixed(0),
        median(rounds.map(round => round.p50Ms)).toFixed(1),
        median(rounds.map(round => round.p99Ms)).toFixed(1),
        median(rounds.map(round => round.logLines)).toFixed(1)
      ]
    })
  )
}

function startTable () {
  const stocks = starts.get(stock)
  return table(
    ['', 'first answer ms', 'of stock', 'resident MB', 'of stock'],
    [...starts].map(([peer, { firstAnswerMs, residentBytes }]) => [
      peer.name,
      median(firstAnswerMs).toFixed(0),
      ofStock(firstAnswerMs, stocks?.firstAnswerMs),
      (median(residentBytes) / 1e6).toFixed(1),
      ofStock(residentBytes, stocks?.residentBytes)
    ])
  )
}

/**
 * The median of each round's own ratio: what disturbs the machine for seconds disturbs both.
 * @param {readonly number[]} values
 * @param {readonly number[]} [stocks]
 */
function ofStock (values, stocks = []) {
  return median(values.map((value, round) => value / (stocks[round] ?? NaN))).toFixed(2)
}

function sourceTable () {
  const all = countLines(SRC)
  const simulator = countLines(join(SRC, 'simulator'))
  return table(['', 'lines', 'without blank and comment lines'], [
    ['src', String(all.total), String(all.code)],
    ['src without simulator', String(all.total - simulator.total), String(all.code - simulator.code)]
  ])
}
