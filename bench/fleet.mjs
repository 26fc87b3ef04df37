// What sharing a token and a quota in Redis brings to a fleet, what it costs, and what a Redis that is killed does to it.
//   npm run build && node bench/fleet.mjs [--only sharing|cost|outage|herd] [--max-wait-ms 600000]
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureCost } from './fleet-cost.mjs'
import { measureHerd } from './fleet-herd.mjs'
import { measureOutages } from './fleet-outage.mjs'
import { measureSharing } from './fleet-sharing.mjs'
import { Processes } from './processes.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    // Apps that are willing to wait; four times the quota is never served, however long they are.
    'max-wait-ms': { type: 'string', default: '600000' }
  }
})

/** @typedef {{ text: string, goals: ReadonlyArray<{ isHeld: boolean, text: string }> }} Measured */

const dir = mkdtempSync(join(tmpdir(), 'bookable-fleet-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
const processes = new Processes()

/** @type {Record<string, () => Promise<Measured>>} */
const parts = {
  sharing: () => measureSharing(processes, dir, options['max-wait-ms']),
  cost: () => measureCost(processes, dir),
  outage: () => measureOutages(processes, dir),
  herd: () => measureHerd(processes, dir)
}

let isAllHeld = true
for (const [name, measure] of Object.entries(parts).filter(([name]) => name.includes(options.only))) {
  const { text, goals } = await measure()
  const verdicts = goals.map(({ isHeld, text }) => `  ${isHeld ? 'held    ' : 'NOT HELD'} ${text}\n`).join('')
  process.stdout.write(`## ${name}\n\n${text}${verdicts}\n`)
  isAllHeld &&= goals.every(({ isHeld }) => isHeld)
}
process.stdout.write(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}\n`)
process.exit(isAllHeld ? 0 : 1)
