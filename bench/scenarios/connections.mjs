import { inTurns } from '../in-turns.mjs'

const COUNTS = /** @type {const} */ ([1, 16, 64, 512, 4096])

/** By default the sidecar refuses what is beyond 1,024 at once, and here all of 4,096 are. */
const ENV = { MAX_IN_FLIGHT: '8192' }

/** Each connection sends some, or the load would be over before all have had a turn. */
const REQUESTS_PER_CONNECTION = 4

const thousands = (/** @type {number} */ count) => count.toLocaleString('en')

/**
 * What a request costs where few and where many apps are connected. The sidecar runs with MAX_IN_FLIGHT=8192.
 * @type {import('../scenarios.mjs').Scenario}
 */
export const connections = {
  key: 'connections',
  title: 'GET of 1.5 KB, on few and on many connections, all busy: CPU µs/GET, then GET/s and p99',
  full: { rounds: 5, requests: 4_000, warmUpRequests: 8_000 },
  columns: [
    ...COUNTS.map(count => ({ title: thousands(count), metric: `cpu${count}`, digits: 1 })),
    { title: '4,096/16', metric: 'growth' },
    ...COUNTS.map(count => ({ title: `/s ${thousands(count)}`, metric: `perSecond${count}`, digits: 0 })),
    { title: 'p99 ms 4,096', metric: 'p99Ms4096', digits: 0 }
  ],
  async measure (bench, peers, { rounds, requests, warmUpRequests }) {
    const started = await bench.startAll(peers, ENV)
    for (const each of started) await bench.apply(each, { connections: 64, requests: warmUpRequests })
    const rows = new Map(peers.map(({ key }) => [key, Array.from({ length: rounds }, () => /** @type {import('../figures.mjs').Sample} */ ({}))]))
    for (const count of COUNTS) {
      const job = { connections: count, requests: Math.max(requests, REQUESTS_PER_CONNECTION * count) }
      // Opens what connections to the API it takes.
      for (const each of started) await bench.apply(each, { ...job, requests: 2 * count })
      await inTurns(started, rounds, async (each, round) => {
        const { cpu, perSecond, p50Ms, p99Ms } = await bench.apply(each, job)
        Object.assign(rows.get(each.peer.key)?.[round] ?? {}, { [`cpu${count}`]: cpu, [`perSecond${count}`]: perSecond, [`p50Ms${count}`]: p50Ms, [`p99Ms${count}`]: p99Ms })
      })
    }
    await bench.stopAll(started)
    for (const sample of [...rows.values()].flat()) sample.growth = (sample.cpu4096 ?? NaN) / (sample.cpu16 ?? NaN)
    return rows
  }
}
