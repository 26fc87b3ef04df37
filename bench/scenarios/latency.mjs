import { inTurns } from '../in-turns.mjs'

/**
 * What a peer adds where nothing else is going on: one connection, one GET at a time, beside the same to the API itself.
 * @type {import('../scenarios.mjs').Scenario}
 */
export const latency = {
  key: 'latency',
  title: 'GET of 1.5 KB, one at a time: what is added to a call of the API itself, over TLS',
  full: { rounds: 9, requests: 2_000, warmUpRequests: 8_000 },
  columns: [
    { title: 'added p50 ms', metric: 'addedP50Ms', digits: 3 },
    { title: 'of stock', metric: 'addedP50Ms', show: 'stock' },
    { title: 'of Caddy', metric: 'addedP50Ms', show: 'caddy' },
    { title: 'added p99 ms', metric: 'addedP99Ms', digits: 3 },
    { title: 'added p99.9 ms', metric: 'addedP999Ms', digits: 3 },
    { title: 'p50 ms', metric: 'p50Ms', digits: 3 },
    { title: 'p99 ms', metric: 'p99Ms', digits: 3 },
    { title: 'p99.9 ms', metric: 'p999Ms', digits: 3 },
    { title: 'CPU µs/GET', metric: 'cpu', digits: 1 }
  ],
  async measure (bench, peers, { rounds, requests, warmUpRequests }) {
    const started = await bench.startAll(peers)
    const contenders = [bench.direct, ...started]
    for (const each of contenders) await bench.apply(each, { connections: 16, requests: warmUpRequests })
    const samples = await inTurns(contenders, rounds, each => bench.apply(each, { connections: 1, requests }))
    await bench.stopAll(started)
    const [direct = [], ...others] = samples.values()
    const added = others.map((rounds, i) => /** @type {const} */ ([peers[i]?.key ?? '', rounds.map((sample, round) => ({
      ...sample,
      addedP50Ms: sample.p50Ms - (direct[round]?.p50Ms ?? NaN),
      addedP99Ms: sample.p99Ms - (direct[round]?.p99Ms ?? NaN),
      addedP999Ms: sample.p999Ms - (direct[round]?.p999Ms ?? NaN)
    }))]))
    return new Map([['direct', direct], ...added])
  }
}
