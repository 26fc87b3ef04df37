// `npm run bench`: what the sidecar costs, beside its peers, in one run on one machine. README.md says how it is measured.
import { writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { chart } from './chart.mjs'
import { summarize } from './figures.mjs'
import { CHART, RESULTS } from './files.mjs'
import { REFERENCES, createPeers } from './peers.mjs'
import { Processes } from './processes.mjs'
import { report } from './report.mjs'
import { SCENARIOS } from './scenarios.mjs'
import { Bench } from './site.mjs'
import { goals } from './summary.mjs'

/** Beyond this part of stock's CPU the quick form fails: gross, since machines are noisy. */
const GUARD = 0.8
const GUARDED = ['get', 'post']

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string' },
    before: { type: 'string' },
    json: { type: 'string' }
  }
})
const startedAt = new Date()
const [loadBefore = 0] = loadavg()
const known = createPeers(options.before)
const peers = chosen(options.peers ?? (options.quick ? 'sidecar,stock' : undefined), known, 'peer').filter(peer => peer.version() !== undefined)
const scenarios = chosen(options.only, SCENARIOS, 'scenario').filter(({ quick }) => !options.quick || quick !== undefined)
if (known[0]?.version() === undefined) throw new Error('there is no dist/bookable-sidecar.cjs: npm run build')

const processes = new Processes()
const bench = await Bench.open(processes)
/** @type {import('./report.mjs').Results['scenarios']} */
const figures = {}
for (const scenario of scenarios) {
  process.stderr.write(`${scenario.title} …\n`)
  const plan = { ...(options.quick && scenario.quick !== undefined ? scenario.quick : scenario.full), ...(options.rounds === undefined ? {} : { rounds: Number(options.rounds) }) }
  figures[scenario.key] = summarize(await scenario.measure(bench, peers, plan))
}
await processes.stop()

const results = {
  startedAt: startedAt.toISOString(),
  tookS: Math.round((Date.now() - startedAt.getTime()) / 1000),
  machine: {
    processor: cpus()[0]?.model.trim() ?? '',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `Linux ${release()} ${arch()}`,
    node: process.versions.node,
    loadBefore
  },
  peers: Object.fromEntries([...peers.map(peer => [peer.key, { name: peer.name, version: peer.version() }]), ...REFERENCES.map(({ key, name }) => [key, { name }])]),
  scenarios: figures
}
process.stdout.write(`\n${report(results)}\n${options.quick ? '' : goals(results)}`)
const isWhole = !options.quick && [options.only, options.peers, options.rounds, options.before].every(option => option === undefined)
if (isWhole || options.json !== undefined) writeFileSync(options.json ?? RESULTS, `${JSON.stringify(results, undefined, 1)}\n`)
if (isWhole && options.json === undefined) writeFileSync(CHART, chart(results))
process.exit(options.quick ? guard() : 0)

/** @returns {number} an exit code; no ratio is no success */
function guard () {
  const verdicts = GUARDED.filter(key => key in figures).map(key => {
    const ratio = figures[key]?.sidecar?.cpu?.of.stock ?? NaN
    return { key, ratio, isHeld: ratio <= GUARD }
  })
  for (const { key, ratio, isHeld } of verdicts) process.stdout.write(`${isHeld ? 'held    ' : 'NOT HELD'} CPU of a ${key.toUpperCase()} at most ${GUARD} of stock: ${ratio.toFixed(2)}\n`)
  return verdicts.every(({ isHeld }) => isHeld) ? 0 : 1
}

/**
 * @template {{ key: string }} T
 * @param {string | undefined} keys separated by commas; all where there are none
 * @param {readonly T[]} all
 * @param {string} kind
 * @returns {T[]}
 */
function chosen (keys, all, kind) {
  if (keys === undefined) return [...all]
  return keys.split(',').map(key => {
    const found = all.find(each => each.key === key)
    if (found === undefined) throw new Error(`no ${kind} ${key}: there are ${all.map(each => each.key).join(', ')}`)
    return found
  })
}
