import { setTimeout as delay } from 'node:timers/promises'
import { inTurns } from '../in-turns.mjs'
import { REFERENCES } from '../peers.mjs'

/** How long a peer has had nothing to do when its memory is read. */
const REST_MS = 1_000

const WATCH_INTERVAL_MS = 100

const CONNECTIONS = 64
const HUNDRED_THOUSAND = 100_000
const MILLION = 1_000_000
const GIB = 2 ** 30

/** A million takes one or two minutes: those that are compared by it. */
const ASKED_A_MILLION = ['sidecar', 'before', 'stock']

/** @typedef {import('../site.mjs').Bench} Bench */
/** @typedef {import('../site.mjs').StartedPeer} StartedPeer */
/** @typedef {import('../load/main.mjs').Job} Job */

/**
 * Resident memory of fresh processes, one at a time: one that is asked again and again, another one that gives 1 GiB.
 * @type {import('../scenarios.mjs').Scenario}
 */
export const memory = {
  key: 'memory',
  title: `Resident MB: at rest; at most and after 100,000 GETs on ${CONNECTIONS} connections; what 900,000 more add; what 1 GiB in one answer adds at most`,
  full: { rounds: 1, requests: HUNDRED_THOUSAND, warmUpRequests: 0 },
  columns: [
    { title: 'rest', metric: 'restMb', digits: 1 },
    { title: 'of stock', metric: 'restMb', show: 'stock' },
    { title: 'of bare', metric: 'restMb', show: 'bare' },
    { title: 'under load', metric: 'loadMb', digits: 1 },
    { title: 'after 100,000', metric: 'afterMb', digits: 1 },
    { title: 'after a million', metric: 'afterMillionMb', digits: 1 },
    { title: 'added since', metric: 'millionAddsMb', digits: 1 },
    { title: '1 GiB adds', metric: 'gibAddsMb', digits: 1 }
  ],
  async measure (bench, peers, { rounds, requests }) {
    const samples = await inTurns([...peers, ...REFERENCES], rounds, async peer => {
      const started = await bench.start(peer)
      const restMb = await restingMb(started)
      if (!peers.includes(peer)) {
        await started.running.stop()
        return { restMb }
      }
      const loadMb = await mostMb(bench, started, { connections: CONNECTIONS, requests })
      const afterMb = await restingMb(started)
      const sample = { restMb, loadMb, afterMb, ...ASKED_A_MILLION.includes(peer.key) ? await askMillion(bench, started, requests, afterMb) : {} }
      await started.running.stop()
      return { ...sample, gibAddsMb: await measureGib(bench, peer) }
    })
    return new Map([...samples].map(([{ key }, values]) => [key, values]))
  }
}

/**
 * @param {Bench} bench
 * @param {StartedPeer} started
 * @param {number} step that is asked for at once
 * @param {number} afterMb what there is after the first of them
 */
async function askMillion (bench, started, step, afterMb) {
  // In steps, or the log would be a million lines.
  for (let asked = step; asked < MILLION; asked += step) await bench.apply(started, { connections: CONNECTIONS, requests: step })
  const afterMillionMb = await restingMb(started)
  return { afterMillionMb, millionAddsMb: afterMillionMb - afterMb }
}

/**
 * @param {Bench} bench
 * @param {import('../peer.mjs').Peer} peer
 */
async function measureGib (bench, peer) {
  const started = await bench.start(peer)
  const restMb = await restingMb(started)
  const most = await mostMb(bench, started, { connections: 1, requests: 1, downBytes: GIB })
  await started.running.stop()
  return most - restMb
}

/** @param {StartedPeer} started */
async function restingMb ({ running }) {
  await delay(REST_MS)
  return running.residentBytes() / 1e6
}

/**
 * The most that it has while a job runs.
 * @param {Bench} bench
 * @param {StartedPeer} started
 * @param {Job} job
 */
async function mostMb (bench, started, job) {
  let mostBytes = 0
  const watching = setInterval(() => { mostBytes = Math.max(mostBytes, started.running.residentBytes()) }, WATCH_INTERVAL_MS)
  try {
    await bench.apply(started, job)
  } finally {
    clearInterval(watching)
  }
  return Math.max(mostBytes, started.running.residentBytes()) / 1e6
}
