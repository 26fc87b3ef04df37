import { join } from 'node:path'

/** Of the run that docs/performance.md shows. */
export const RESULTS = join(import.meta.dirname, 'results/bench.json')

/** Its chart. */
export const CHART = join(import.meta.dirname, '../docs/bench.svg')
