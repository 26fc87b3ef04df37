// What the governor costs while there is quota left: CPU of the built sidecar before an API that names a limit no one reaches, and before one that names none.
//   npm run build && node bench/quota-cost.mjs [--before OTHER.cjs]    a bundle to compare with, as of before a change
import { parseArgs } from 'node:util'
import { ANSWER, startRig } from './rig.mjs'
import { median, table } from './table.mjs'

const ROUNDS = 25
const REQUESTS = 8_000
const WARM_UP_REQUESTS = 20_000
const CONNECTIONS = 64
const LIMIT = 1_000_000_000
const WINDOW_S = 60
/** Medians of two that are the same differ by less. */
const NOISE = 0.03

const { values: options } = parseArgs({ options: { before: { type: 'string' } } })

let counted = 0
/** @param {import('node:http').ServerResponse} res */
const withLimit = res => {
  const nowS = Math.floor(Date.now() / 1000)
  answer(res, ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'], [LIMIT, LIMIT - ++counted, nowS - nowS % WINDOW_S + WINDOW_S])
}
/** As many headers, as long: what they cost on their way is not the governor's. @param {import('node:http').ServerResponse} res */
const withoutLimit = res => answer(res, ['X-Whatever-Limits', 'X-Whatever-Remaining-', 'X-Whatever-Resets'], [LIMIT, LIMIT - ++counted, Math.floor(Date.now() / 1000)])

/**
 * @param {import('node:http').ServerResponse} res
 * @param {readonly string[]} names
 * @param {readonly number[]} values
 */
function answer (res, names, values) {
  names.forEach((name, i) => res.setHeader(name, String(values[i])))
  res.end(ANSWER)
}

const peers = await Promise.all([
  { name: 'an API that names no limit', answer: withoutLimit },
  { name: 'a limit, and quota left', answer: withLimit },
  { name: 'the same again', answer: withLimit },
  { name: 'the same, COALESCE=false', answer: withLimit, env: { COALESCE: 'false' } },
  ...(options.before === undefined ? [] : [{ name: `a limit, ${options.before}`, answer: withLimit, bundle: options.before }])
].map(async ({ name, answer, ...options }, i) => {
  const rig = await startRig(`quota-cost-${i}`, (_req, res) => answer(res), options)
  return { name, rig, load: rig.startLoad(), cpu: /** @type {number[]} */ ([]), p50Ms: /** @type {number[]} */ ([]) }
}))

for (const { rig, load } of peers) await load.ask({ port: rig.sidecar.port, connections: CONNECTIONS, requests: WARM_UP_REQUESTS })
for (let round = 0; round < ROUNDS; round++) {
  for (let turn = 0; turn < peers.length; turn++) {
    const peer = peers[(round + turn) % peers.length]
    if (peer === undefined) continue
    const { rig: { sidecar: { running, port } }, load, cpu, p50Ms } = peer
    const before = running.cpuMicroseconds()
    p50Ms.push((await load.ask({ port, connections: CONNECTIONS, requests: REQUESTS })).p50Ms)
    cpu.push((running.cpuMicroseconds() - before) / REQUESTS)
  }
}

const [none] = peers
/** The median of each round's own ratio: what disturbs the machine for seconds disturbs both. @param {readonly number[]} cpu */
const ratio = cpu => median(cpu.map((value, round) => value / (none?.cpu[round] ?? NaN)))
console.log(table(['', 'CPU µs/GET', 'range', 'ratio', 'p50 ms'], peers.map(({ name, cpu, p50Ms }) => [
  name, median(cpu).toFixed(1), `${Math.min(...cpu).toFixed(0)}-${Math.max(...cpu).toFixed(0)}`, ratio(cpu).toFixed(3), median(p50Ms).toFixed(2)
])))
const cost = ratio(peers[1]?.cpu ?? [])
console.log(`${cost < 1 + NOISE ? 'held    ' : 'NOT HELD'} the governor costs nothing that can be told from noise: ratio ${cost.toFixed(3)}`)
for (const { rig } of peers) await rig.stop()
process.exit()
