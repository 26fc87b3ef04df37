import { readFileSync } from 'node:fs'
import { inTurns } from '../in-turns.mjs'

const CONNECTIONS = 64

/** @typedef {import('../scenarios.mjs').Scenario} Scenario */

/** @type {Scenario} */
export const get = requests('get', 'GET', 'GET of 1.5 KB')

/** @type {Scenario} */
export const post = requests('post', 'POST', 'POST of a booking of 1 KB')

/**
 * Many short rounds, since a noisy neighbour stays for seconds; not so short that /proc's ticks of 10 ms show.
 * @param {string} key
 * @param {'GET' | 'POST'} method
 * @param {string} title
 * @returns {Scenario}
 */
function requests (key, method, title) {
  return {
    key,
    title: `${title}, ${CONNECTIONS} connections, no two alike`,
    // Node compiles what is hot after some thousand requests.
    full: { rounds: 25, requests: 4_000, warmUpRequests: 20_000 },
    quick: { rounds: 7, requests: 2_000, warmUpRequests: 5_000 },
    columns: [
      { title: `CPU µs/${method}`, metric: 'cpu', digits: 1 },
      { title: 'range', metric: 'cpu', show: 'range', digits: 0 },
      { title: 'of stock', metric: 'cpu', show: 'stock' },
      { title: 'of Caddy', metric: 'cpu', show: 'caddy' },
      { title: 'of before', metric: 'cpu', show: 'before' },
      { title: `${method}/s`, metric: 'perSecond', digits: 0 },
      { title: 'p50 ms', metric: 'p50Ms', digits: 1 },
      { title: 'p99 ms', metric: 'p99Ms', digits: 1 },
      { title: 'p99.9 ms', metric: 'p999Ms', digits: 1 },
      { title: 'log lines', metric: 'logLines', digits: 1 }
    ],
    async measure (bench, peers, { rounds, requests, warmUpRequests }) {
      const job = { method, connections: CONNECTIONS, requests }
      const started = await bench.startAll(peers)
      for (const each of started) await bench.apply(each, { ...job, requests: warmUpRequests })
      const samples = await inTurns(started, rounds, async each => {
        const sample = await bench.apply(each, job)
        return { ...sample, logLines: countNewlines(each.logPath) / requests }
      })
      await bench.stopAll(started)
      return new Map([...samples].map(([{ peer }, values]) => [peer.key, values]))
    }
  }
}

/** @param {string} path */
function countNewlines (path) {
  return readFileSync(path).reduce((count, byte) => byte === 0x0a ? count + 1 : count, 0)
}
