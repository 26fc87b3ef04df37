import { judge } from './goals.mjs'
import { describe, versions } from './report.mjs'
import { table } from './table.mjs'

/** @typedef {import('./report.mjs').Results} Results */

/**
 * A column of docs/performance.md: a figure, or its ratio to a peer's.
 * @type {ReadonlyArray<{ title: string, scenario: string, metric: string, digits?: number, of?: string }>}
 */
const COLUMNS = [
  { title: 'CPU µs a GET', scenario: 'get', metric: 'cpu', digits: 0 },
  { title: 'of stock', scenario: 'get', metric: 'cpu', of: 'stock' },
  { title: 'CPU µs a POST', scenario: 'post', metric: 'cpu', digits: 0 },
  { title: 'of stock', scenario: 'post', metric: 'cpu', of: 'stock' },
  { title: 'GET/s', scenario: 'get', metric: 'perSecond', digits: 0 },
  { title: 'p50 ms', scenario: 'get', metric: 'p50Ms', digits: 1 },
  { title: 'p99', scenario: 'get', metric: 'p99Ms', digits: 1 },
  { title: 'p99.9', scenario: 'get', metric: 'p999Ms', digits: 1 },
  { title: 'added p50 ms', scenario: 'latency', metric: 'addedP50Ms', digits: 2 },
  { title: 'first answer ms', scenario: 'start', metric: 'firstAnswerMs', digits: 0 },
  { title: 'MB at rest', scenario: 'memory', metric: 'restMb', digits: 0 },
  { title: 'under load', scenario: 'memory', metric: 'loadMb', digits: 0 },
  { title: 'CPU ms a GiB', scenario: 'down', metric: 'cpuMs', digits: 0 }
]

/**
 * What docs/performance.md shows of a run.
 * @param {Results} results
 */
export function summary (results) {
  const rows = Object.entries(results.peers).map(([key, { name }]) => [name, ...COLUMNS.map(({ scenario, metric, digits = 2, of }) => {
    const figure = results.scenarios[scenario]?.[key]?.[metric]
    return (of === undefined ? figure?.median : figure?.of[of])?.toFixed(digits) ?? ''
  })])
  return `${describe(results)}; ${versions(results)}.\n\n${table(['', ...COLUMNS.map(({ title }) => title)], rows)}\n${goals(results)}`
}

/**
 * What is to hold, and whether it does.
 * @param {Results} results
 */
export function goals (results) {
  return table(['Goal', 'at most', 'measured', 'held'], judge(results).map(({ text, limit, value, isHeld }) => [text, String(limit), value.toFixed(2), isHeld ? 'yes' : '**no**']))
}
