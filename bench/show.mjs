// Prints what a run of the bench found, from its JSON file.
//   node bench/show.mjs report|summary|chart [FILE]
import { readFileSync } from 'node:fs'
import { chart } from './chart.mjs'
import { RESULTS } from './files.mjs'
import { report } from './report.mjs'
import { summary } from './summary.mjs'

const FORMS = /** @type {const} */ ({ report, summary, chart })

const [form = '', file = RESULTS] = process.argv.slice(2)
const show = Object.entries(FORMS).find(([name]) => name === form)?.[1]
if (show === undefined) throw new Error(`no form ${form}: there are ${Object.keys(FORMS).join(', ')}`)
process.stdout.write(show(JSON.parse(readFileSync(file, 'utf8'))))
