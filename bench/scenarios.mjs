import { connections } from './scenarios/connections.mjs'
import { latency } from './scenarios/latency.mjs'
import { memory } from './scenarios/memory.mjs'
import { get, post } from './scenarios/requests.mjs'
import { start } from './scenarios/start.mjs'
import { down, up } from './scenarios/transfer.mjs'

/**
 * @typedef {object} Plan
 * @property {number} rounds
 * @property {number} requests in each round
 * @property {number} warmUpRequests before the first
 */

/**
 * A column of a scenario's table.
 * @typedef {object} Column
 * @property {string} title
 * @property {string} metric
 * @property {'range' | 'stock' | 'caddy' | 'before' | 'quiet' | 'bare'} [show] what of the figure, if not its median
 * @property {number} [digits] after the point
 */

/**
 * @typedef {object} Scenario
 * @property {string} key what `--only` and the JSON file call it
 * @property {string} title
 * @property {Plan} full
 * @property {Plan} [quick] where `--quick` runs it
 * @property {readonly Column[]} columns
 * @property {(bench: import('./site.mjs').Bench, peers: readonly import('./peer.mjs').Peer[], plan: Plan) => Promise<Map<string, import('./figures.mjs').Sample[]>>} measure
 *   by the key of a peer, in the order of the table
 */

/** In the order of the report. @type {readonly Scenario[]} */
export const SCENARIOS = [get, post, latency, connections, down, up, start, memory]
