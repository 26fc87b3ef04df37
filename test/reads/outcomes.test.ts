import t from 'tap'
import { Problem, type ProblemCode } from '../../src/problem.ts'
import { Reads, type SharedOutcome } from '../../src/reads/reads.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { App } from './helper.ts'

/** Reads with a cache of a minute, and half a minute more while the API is down. */
function world () {
  const clock = new FakeClock()
  const outcomes: SharedOutcome[] = []
  const reads = new Reads({ clock, coalesce: true, cache: { ttlMs: 60_000, maxBytes: 1024 * 1024, staleIfErrorMs: 30_000 }, onShared: outcome => outcomes.push(outcome) })
  return {
    clock,
    reads,
    /** So many apps read at the same moment, and the API does what it is told. */
    read (count: number, act: (app: App) => void, target = '/venues') {
      const apps = Array.from({ length: count }, () => new App())
      const calls = apps.map(app => reads.read(target, '', app))
      if (apps[0]?.calls.length === 1) act(apps[0])
      return { servedBy: calls.map(({ servedBy }) => servedBy), events: apps.map(({ events }) => events.join(' ')), outcomes: outcomes.splice(0) }
    }
  }
}

function answer (status: number, text = '', headers: string[] = []): (app: App) => void {
  return ({ call: { sink } }) => {
    sink.onHead(status, '', headers)
    if (text !== '') sink.onChunk(Buffer.from(text))
    sink.onEnd()
  }
}

const failure = (code: ProblemCode) => ({ call: { sink } }: App): void => sink.onFailure(new Problem(code, 'x'))

t.test('each read is told once: to have missed, to have shared a call, to have been answered from what is kept', async t => {
  const { read } = world()
  t.same(read(3, answer(200, 'kept')), { servedBy: ['api', 'flight', 'flight'], events: ['200 kept end', '200 kept end', '200 kept end'], outcomes: ['miss', 'coalesced', 'coalesced'] })
  t.same(read(2, answer(200, 'new')), { servedBy: ['cache', 'cache'], events: ['200 kept end', '200 kept end'], outcomes: ['hit', 'hit'] })
})

t.test('what is never kept was not asked of the cache', async t => {
  const { read } = world()
  t.same(read(2, answer(200, 'x'), '/venues/1/availability').outcomes, ['coalesced'])
})

t.test('a 304 is told as revalidated, whoever shares it, and anything else as a miss', async t => {
  const { clock, read } = world()
  read(1, answer(200, 'kept', ['ETag', '"a"']))
  await clock.advanceMs(60_000)
  t.same(read(2, answer(304)), { servedBy: ['revalidated', 'flight'], events: ['200 kept end', '200 kept end'], outcomes: ['revalidated', 'coalesced'] })
  await clock.advanceMs(60_000)
  t.same(read(1, answer(200, 'new')), { servedBy: ['api'], events: ['200 new end'], outcomes: ['miss'] })
})

t.test('a 304 that nobody asked for is the app\'s', async t => {
  const { clock, read } = world()
  t.same(read(1, answer(304)).events, ['304 end'])
  read(1, answer(200, 'kept'))
  await clock.advanceMs(60_000)
  t.same(read(1, answer(304)), { servedBy: ['api'], events: ['304 end'], outcomes: ['miss'] })
})

for (const [what, act] of [['503', answer(503, 'down')], ['UPSTR-R-001', failure('UPSTR-R-001')], ['UPSTR-R-002', failure('UPSTR-R-002')]] as const) {
  t.test(`a list instead of ${what} is told as stale, and costs no second call`, async t => {
    const { clock, read } = world()
    read(1, answer(200, 'kept'))
    await clock.advanceMs(60_000)
    t.same(read(3, act), { servedBy: ['stale', 'flight', 'flight'], events: ['200 kept end', '200 kept end', '200 kept end'], outcomes: ['stale', 'coalesced', 'coalesced'] })
    await clock.advanceMs(30_000)
    t.same(read(1, act).outcomes, ['miss'])
  })
}

for (const code of ['TOKEN-R-001', 'RATE-R-001', 'PROXY-R-001'] as const) {
  t.test(`${code} does not say that the API is down`, async t => {
    const { clock, read } = world()
    read(1, answer(200, 'kept'))
    await clock.advanceMs(60_000)
    t.same(read(1, failure(code)), { servedBy: ['api'], events: [code], outcomes: ['miss'] })
  })
}

t.test('an answer that broke amid its body is not replaced by one that was kept', async t => {
  const { clock, read } = world()
  read(1, answer(200, 'kept'))
  await clock.advanceMs(60_000)
  const { events, outcomes } = read(1, ({ call: { sink } }) => {
    sink.onHead(200, '', [])
    sink.onChunk(Buffer.from('half'))
    sink.onFailure(new Problem('UPSTR-R-001', 'x'))
  })
  t.same([events, outcomes], [['200 half UPSTR-R-001'], ['miss']])
})

t.test('a read whose app gave up before its answer is none of these', async t => {
  const { reads, read } = world()
  reads.read('/venues', '', new App()).abandon()
  t.same(read(0, () => {}).outcomes, [])
})

t.test('a small answer is kept without the large buffer that it came in', async t => {
  const { read } = world()
  const large = Buffer.alloc(100_000, 'x')
  read(1, ({ call: { sink } }) => {
    sink.onHead(200, '', [])
    sink.onChunk(large.subarray(0, 3))
    sink.onEnd()
  })
  large.fill('y')
  t.same(read(1, () => {}).events, ['200 xxx end'])
})
