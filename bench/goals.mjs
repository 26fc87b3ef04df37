/**
 * What the sidecar is to hold, as it was measured.
 * @typedef {object} Goal
 * @property {string} text
 * @property {number} limit at most
 * @property {string} scenario
 * @property {string} metric of the sidecar
 * @property {string} [of] the peer that it is a ratio to
 */

/** @type {readonly Goal[]} */
const GOALS = [
  { text: 'CPU of a GET, of stock', limit: 0.45, scenario: 'get', metric: 'cpu', of: 'stock' },
  { text: 'CPU of a GET, of Caddy', limit: 0.60, scenario: 'get', metric: 'cpu', of: 'caddy' },
  { text: 'CPU of a POST, of stock', limit: 0.45, scenario: 'post', metric: 'cpu', of: 'stock' },
  { text: 'added p50, one at a time, of stock', limit: 0.6, scenario: 'latency', metric: 'addedP50Ms', of: 'stock' },
  { text: 'first answer, of stock without logging', limit: 0.9, scenario: 'start', metric: 'firstAnswerMs', of: 'quiet' },
  { text: 'memory at rest, of bare Fastify', limit: 1.3, scenario: 'memory', metric: 'restMb', of: 'bare' },
  { text: 'memory that 1 GiB adds, MB', limit: 40, scenario: 'memory', metric: 'gibAddsMb' },
  { text: 'memory that 900,000 requests after 100,000 add, MB', limit: 10, scenario: 'memory', metric: 'millionAddsMb' },
  { text: 'CPU of a GET on 4,096 connections, of that on 16', limit: 1.2, scenario: 'connections', metric: 'growth' }
]

/**
 * Those that were measured.
 * @param {import('./report.mjs').Results} results
 */
export function judge ({ scenarios }) {
  return GOALS.flatMap(({ text, limit, scenario, metric, of }) => {
    const figure = scenarios[scenario]?.sidecar?.[metric]
    const value = of === undefined ? figure?.median : figure?.of[of]
    return value === undefined ? [] : [{ text, limit, value, isHeld: value <= limit }]
  })
}
