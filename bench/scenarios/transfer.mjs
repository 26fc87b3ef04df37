import { inTurns } from '../in-turns.mjs'

const MIB = 2 ** 20

/** @typedef {import('../scenarios.mjs').Scenario} Scenario */

/** @type {Scenario} */
export const down = transfer('down', '1 GiB in one answer', 1024, bytes => ({ downBytes: bytes }))

/** @type {Scenario} */
export const up = transfer('up', '256 MiB in one body', 256, bytes => ({ upBytes: bytes }))

/**
 * @param {string} key
 * @param {string} title
 * @param {number} mebibytes
 * @param {(bytes: number) => Partial<import('../load/main.mjs').Job>} jobOf
 * @returns {Scenario}
 */
function transfer (key, title, mebibytes, jobOf) {
  const job = { connections: 1, requests: 1, ...jobOf(mebibytes * MIB) }
  return {
    key,
    title,
    full: { rounds: 5, requests: 1, warmUpRequests: 1 },
    columns: [
      { title: 'CPU ms', metric: 'cpuMs', digits: 0 },
      { title: 'range', metric: 'cpuMs', show: 'range', digits: 0 },
      { title: 'of stock', metric: 'cpuMs', show: 'stock' },
      { title: 'of Caddy', metric: 'cpuMs', show: 'caddy' },
      { title: 'MiB/s', metric: 'mibPerSecond', digits: 0 }
    ],
    async measure (bench, peers, { rounds }) {
      const started = await bench.startAll(peers)
      for (const each of started) await bench.apply(each, { ...job, ...jobOf(32 * MIB) })
      const samples = await inTurns(started, rounds, async each => {
        const { cpu, durationMs } = await bench.apply(each, job)
        return { cpuMs: cpu / 1000, mibPerSecond: mebibytes / durationMs * 1000 }
      })
      await bench.stopAll(started)
      return new Map([...samples].map(([{ peer }, values]) => [peer.key, values]))
    }
  }
}
