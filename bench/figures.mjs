import { BASES } from './peers.mjs'
import { median } from './table.mjs'

/**
 * What was measured of one thing, over all rounds.
 * @typedef {object} Figure
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {Record<string, number>} of the median of each round's own ratio, by the peer that it is against
 */

/** By metric. @typedef {Record<string, Figure>} Figures */

/** One round's. @typedef {Record<string, number>} Sample */

/**
 * @param {ReadonlyMap<string, readonly Sample[]>} samples by the key of a peer
 * @returns {Record<string, Figures>} the same, in a form for JSON
 */
export function summarize (samples) {
  return Object.fromEntries([...samples].map(([key, rounds]) => {
    const metrics = Object.keys(rounds[0] ?? {})
    return [key, Object.fromEntries(metrics.map(metric => [metric, figure(metric, rounds, samples)]))]
  }))
}

/**
 * @param {string} metric
 * @param {readonly Sample[]} rounds
 * @param {ReadonlyMap<string, readonly Sample[]>} samples
 * @returns {Figure}
 */
function figure (metric, rounds, samples) {
  const values = rounds.map(sample => sample[metric] ?? NaN)
  return {
    median: rounded(median(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
    of: Object.fromEntries(BASES.flatMap(base => {
      const bases = samples.get(base)
      const ratio = median(values.map((value, round) => value / (bases?.[round]?.[metric] ?? NaN)))
      return Number.isFinite(ratio) ? [[base, rounded(ratio)]] : []
    }))
  }
}

/** As exact as a noisy machine allows. @param {number} value */
function rounded (value) {
  return Number(value.toPrecision(4))
}
