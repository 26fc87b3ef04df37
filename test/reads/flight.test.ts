import t from 'tap'
import { Problem } from '../../src/problem.ts'
import { Reads, type SharedOutcome } from '../../src/reads/reads.ts'
import { MAX_SHARED_BYTES } from '../../src/reads/sharing.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { App } from './helper.ts'

function reads () {
  const outcomes: SharedOutcome[] = []
  const clock = new FakeClock()
  return { outcomes, clock, reads: new Reads({ clock, coalesce: true, cache: { ttlMs: 0, maxBytes: 1, staleIfErrorMs: 0 }, onShared: outcome => outcomes.push(outcome) }) }
}

const broken = (): Problem => new Problem('UPSTR-R-001', 'broke', { status: 502 })

t.test('alone, a slow app holds back the API, and lets it go on when it can take more', async t => {
  const { reads: room } = reads()
  const app = new App()
  const call = room.read('/x', '', app)
  const { sink } = app.call
  sink.onHead(200, 'OK', [])
  t.equal(sink.onChunk(Buffer.from('a')), true)
  call.resume()
  t.equal(app.call.resumed, 0)
  app.isReady = false
  t.equal(sink.onChunk(Buffer.from('b')), false)
  call.resume()
  t.equal(app.call.resumed, 1)
  t.equal(sink.onChunk(Buffer.alloc(MAX_SHARED_BYTES)), false)
  call.resume()
  t.equal(app.call.resumed, 2)
})

t.test('a slow leader does not hold back those who wait for the same answer', async t => {
  const { reads: room } = reads()
  const [slow, other] = [new App(), new App()]
  slow.isReady = false
  room.read('/x', '', slow)
  slow.call.sink.onHead(200, 'OK', [])
  t.equal(slow.call.sink.onChunk(Buffer.from('a')), false)
  const follower = room.read('/x', '', other)
  t.equal(slow.call.resumed, 1)
  t.equal(slow.call.sink.onChunk(Buffer.from('b')), true)
  follower.abandon()
  t.equal(slow.call.sink.onChunk(Buffer.from('c')), false)
})

t.test('beyond what is shared, a slow leader holds the API back again, and the others go on their own', async t => {
  const { reads: room } = reads()
  const [slow, other] = [new App(), new App()]
  slow.isReady = false
  room.read('/x', '', slow)
  room.read('/x', '', other)
  slow.call.sink.onHead(200, 'OK', [])
  t.equal(slow.call.sink.onChunk(Buffer.alloc(MAX_SHARED_BYTES)), true)
  t.equal(other.calls.length, 0)
  t.equal(slow.call.sink.onChunk(Buffer.alloc(1)), false)
  t.equal(other.calls.length, 1)
  t.same(other.events, [])
})

t.test('a leader that leaves while it holds the API back lets the answer go on for the others', async t => {
  const { reads: room } = reads()
  const [slow, first, second] = [new App(), new App(), new App()]
  slow.isReady = false
  const leader = room.read('/x', '', slow)
  slow.call.sink.onHead(200, 'OK', [])
  const follower = room.read('/x', '', first)
  follower.abandon()
  t.equal(slow.call.sink.onChunk(Buffer.from('a')), false)
  room.read('/x', '', second)
  leader.abandon()
  t.equal(slow.call.isAbandoned, false)
  t.equal(slow.call.resumed, 1)
  t.equal(slow.call.sink.onChunk(Buffer.from('b')), true)
  slow.call.sink.onEnd()
  t.same(second.events, ['200', 'ab', 'end'])
  t.same(slow.events, ['200', 'a'])
})

t.test('each gets headers of its own, and who followed made no attempt', async t => {
  const { reads: room, outcomes } = reads()
  const apps = [new App(), new App(), new App()]
  const calls = apps.map(app => room.read('/x', '', app))
  const seen: string[][] = []
  for (const app of apps) app.onHead = (_status, _statusText, headers) => { seen.push(headers); headers.push('mine') }
  apps[0]?.call.sink.onHead(200, 'OK', ['A', 'a'])
  apps[0]?.call.sink.onEnd()
  t.same(seen, [['A', 'a', 'mine'], ['A', 'a', 'mine'], ['A', 'a', 'mine']])
  t.same(calls.map(({ attempts, upstreamMs, servedBy }) => [attempts, upstreamMs, servedBy]), [[1, 5, 'api'], [0, undefined, 'flight'], [0, undefined, 'flight']])
  t.same(outcomes, ['coalesced', 'coalesced'])
})

t.test('an app that cannot be answered harms none of the others', async t => {
  const { reads: room } = reads()
  const [leader, bad, good] = [new App(), new App(), new App()]
  for (const app of [leader, bad, good]) room.read('/x', '', app)
  bad.onHead = () => { throw new Error('its socket is odd') }
  leader.onEnd = () => { throw new Error('so is this one') }
  leader.call.sink.onHead(200, 'OK', [])
  t.throws(() => leader.call.sink.onEnd())
  t.same([bad.events, good.events], [['PROXY-R-001'], ['200', 'end']])
})

t.test('a call that cannot even start is a failure for its reader, and nobody joins it', async t => {
  const { reads: room } = reads()
  const [app, next] = [new App(), new App()]
  app.onPrepare = call => { call.onStart = () => { throw new Error('no') } }
  room.read('/x', '', app)
  t.same(app.events, ['PROXY-R-001'])
  room.read('/x', '', next)
  t.equal(next.calls.length, 1)
})

t.test('after a connection that broke, the next one may fail at once: for all who wait', async t => {
  const { reads: room } = reads()
  const apps = [new App(), new App(), new App()]
  for (const app of apps) room.read('/x', '', app)
  for (const app of apps.slice(1)) app.onPrepare = call => { call.onStart = () => call.sink.onFailure(broken()) }
  apps[0]?.call.sink.onFailure(broken())
  t.same(apps.map(({ events, calls }) => [calls.length, ...events]), [[1, 'UPSTR-R-001'], [1, 'UPSTR-R-001'], [0, 'UPSTR-R-001']])
})

t.test('who leads the second call can leave it, and it goes on for the others', async t => {
  const { reads: room, outcomes } = reads()
  const apps = [new App(), new App(), new App()]
  const calls = apps.map(app => room.read('/x', '', app))
  apps[0]?.call.sink.onFailure(broken())
  const second = apps[1]?.call
  calls[1]?.abandon()
  second?.sink.onHead(200, 'OK', [])
  second?.sink.onEnd()
  t.same(apps[2]?.events, ['200', 'end'])
  t.same(calls.map(({ attempts, servedBy }) => [attempts, servedBy]), [[1, 'api'], [1, 'api'], [0, 'flight']])
  t.same(outcomes, ['coalesced'])
})

t.test('a second call that all have left is abandoned', async t => {
  const { reads: room } = reads()
  const apps = [new App(), new App(), new App()]
  const calls = apps.map(app => room.read('/x', '', app))
  apps[0]?.call.sink.onFailure(broken())
  calls[2]?.abandon()
  t.equal(apps[1]?.call.isAbandoned, false)
  calls[1]?.abandon()
  t.equal(apps[1]?.call.isAbandoned, true)
})

for (const [code, status] of [['UPSTR-R-001', 504], ['UPSTR-R-002', 504], ['TOKEN-R-001', 503], ['RATE-R-001', 429]] as const) {
  t.test(`${code} with ${status} is shared`, async t => {
    const { reads: room, outcomes } = reads()
    const apps = [new App(), new App()]
    for (const app of apps) room.read('/x', '', app)
    apps[0]?.call.sink.onFailure(new Problem(code, 'x', { status }))
    t.same(apps.map(({ events, calls }) => [calls.length, ...events]), [[1, code], [0, code]])
    t.same(outcomes, ['coalesced'])
  })
}

t.test('after forget() nobody joins what runs, the end of which takes nothing from what runs since', async t => {
  const { reads: room } = reads()
  const [old, oldFollower, newer, newFollower, last] = [new App(), new App(), new App(), new App(), new App()]
  room.read('/x', '', old)
  room.read('/x', '', oldFollower)
  room.forget('/venues/1/booking', true)
  room.read('/x', '', newer)
  old.call.sink.onHead(200, 'old', [])
  old.call.sink.onChunk(Buffer.from('old'))
  old.call.sink.onEnd()
  room.read('/x', '', newFollower)
  newer.call.sink.onHead(200, 'new', [])
  newer.call.sink.onChunk(Buffer.from('new'))
  newer.call.sink.onEnd()
  room.read('/x', '', last)
  t.same([oldFollower.events, newFollower.events], [['200', 'old', 'end'], ['200', 'new', 'end']])
  t.equal(last.calls.length, 1)
})

t.test('what the followers of a call from before forget() ask for anew may be joined', async t => {
  const { reads: room } = reads()
  const apps = [new App(), new App(), new App()]
  for (const app of apps.slice(0, 2)) room.read('/x', '', app)
  room.forget('/venues/1/booking', true)
  apps[0]?.call.sink.onFailure(broken())
  t.equal(apps[1]?.calls.length, 1)
  room.read('/x', '', apps[2] as App)
  apps[1]?.call.sink.onHead(200, 'OK', [])
  apps[1]?.call.sink.onEnd()
  t.same(apps[2]?.events, ['200', 'end'])
})
