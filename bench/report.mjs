import { SCENARIOS } from './scenarios.mjs'
import { table } from './table.mjs'

/**
 * A run of the bench, as the JSON file has it.
 * @typedef {object} Results
 * @property {string} startedAt ISO 8601
 * @property {number} tookS
 * @property {{ processor: string, cores: number, memoryGiB: number, system: string, node: string, loadBefore: number }} machine
 * @property {Record<string, { name: string, version?: string }>} peers by key
 * @property {Record<string, Record<string, import('./figures.mjs').Figures>>} scenarios by key, then by the key of a peer
 */

/** Where and when. @param {Results} results */
export function describe ({ startedAt, tookS, machine }) {
  const { processor, cores, memoryGiB, system, node, loadBefore } = machine
  return `${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${tookS} s; Node ${node}, ${system}, ${cores} cores (${processor}), ${memoryGiB} GiB, load average before ${loadBefore.toFixed(1)}`
}

/** @param {Results} results */
export function versions ({ peers }) {
  return Object.values(peers).flatMap(({ name, version }) => version === undefined ? [] : [`${name} ${version}`]).join(', ')
}

/**
 * The table of one scenario, in Markdown.
 * @param {Results} results
 * @param {string} key
 */
export function scenarioTable ({ peers, scenarios }, key) {
  const scenario = SCENARIOS.find(each => each.key === key)
  if (scenario === undefined) throw new Error(`no scenario ${key}`)
  const measured = Object.entries(scenarios[key] ?? {})
  // Without those that nobody has a figure for: a ratio to one who did not run.
  const columns = scenario.columns.filter(column => measured.some(([, figures]) => cell(column, figures) !== ''))
  return table(['', ...columns.map(({ title }) => title)], measured.map(([peer, figures]) => [peers[peer]?.name ?? peer, ...columns.map(column => cell(column, figures))]))
}

/** All tables, for a terminal. @param {Results} results */
export function report (results) {
  const tables = SCENARIOS.filter(({ key }) => key in results.scenarios).map(({ key, title }) => {
    return `${title}\n\n${scenarioTable(results, key)}${costOfTheRest(results.scenarios[key] ?? {})}`
  })
  return [`${describe(results)}\n${versions(results)}\n`, ...tables].join('\n')
}

/** What shares the cores with a peer. @param {Results['scenarios'][string]} rows */
function costOfTheRest (rows) {
  const most = (/** @type {string} */ metric) => Math.max(...Object.values(rows).map(figures => figures[metric]?.median ?? NaN)).toFixed(0)
  return most('loadCpu') === 'NaN' ? '' : `\nOn the same cores the load itself cost up to ${most('loadCpu')} µs a request, the API up to ${most('upstreamCpu')} µs.\n`
}

/**
 * @param {import('./scenarios.mjs').Column} column
 * @param {import('./figures.mjs').Figures} figures
 */
function cell ({ metric, show, digits = 2 }, figures) {
  const figure = figures[metric]
  if (figure === undefined) return ''
  if (show === 'range') return `${figure.min.toFixed(digits)}-${figure.max.toFixed(digits)}`
  if (show !== undefined) return figure.of[show]?.toFixed(2) ?? ''
  return Number.isFinite(figure.median) ? figure.median.toFixed(digits) : ''
}
