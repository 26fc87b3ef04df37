import { Counter, Histogram, Registry } from 'prom-client'
import t from 'tap'
import { TalliedCounter, TalliedHistogram } from '../../src/telemetry/tally.ts'

const OF_BOTH = { name: 'took_seconds', help: 'How long it took, by route.', labelNames: ['route'] }

/** At, below and above each bound, and beyond all. */
const VALUES = [0, 0.0049, 0.005, 0.0051, 0.1, 0.100001, 0.3, 30, 31, 1e9]

t.test('a histogram reads as that of prom-client', async t => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const bounds = [0.005, 0.1, 30]
  const tallied = new TalliedHistogram({ ...OF_BOTH, registers: [ours] }, bounds)
  const histogram = new Histogram({ ...OF_BOTH, buckets: bounds, registers: [theirs] })
  t.equal(await ours.metrics(), await theirs.metrics(), 'empty')
  for (const route of ['/venues', '/bookings "quoted"\\']) {
    const series = tallied.series({ route })
    for (const value of VALUES) {
      series.observe(value)
      histogram.observe({ route }, value)
    }
  }
  t.equal(await ours.metrics(), await theirs.metrics())
  t.equal(await ours.metrics(), await theirs.metrics(), 'once more')
})

t.test('a counter reads as that of prom-client, however often it is scraped', async t => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const tallied = new TalliedCounter({ ...OF_BOTH, registers: [ours] })
  const counter = new Counter({ ...OF_BOTH, registers: [theirs] })
  const counts = ['a', 'b'].map(route => tallied.series({ route }))
  counts.forEach(count => { count.n += 3 })
  for (const route of ['a', 'b']) counter.inc({ route }, 3)
  t.equal(await ours.metrics(), await theirs.metrics())
  counts.forEach(count => count.n++)
  for (const route of ['a', 'b']) counter.inc({ route })
  t.equal(await ours.metrics(), await theirs.metrics())
})
