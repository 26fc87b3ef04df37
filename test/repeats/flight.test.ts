import t from 'tap'
import type { AnswerSink } from '../../src/answer.ts'
import { Problem } from '../../src/problem.ts'
import { MemoryStore } from '../../src/repeats/memory-store.ts'
import { Repeats } from '../../src/repeats/repeats.ts'
import type { StartableCall } from '../../src/repeats/seat.ts'
import type { RepeatStore } from '../../src/repeats/store.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'

const REQUEST = { method: 'POST', target: '/venues/1/booking', headers: [], body: null }

/** What an app was told. */
interface Told { status?: number, body: string, code?: string, ends: number }

function app (): Told & AnswerSink {
  return {
    body: '',
    ends: 0,
    onHead (status) { this.status = status },
    onChunk (chunk) {
      this.body += String(chunk)
      return true
    },
    onEnd () { this.ends++ },
    onFailure ({ code }) {
      this.code = code
      this.ends++
    }
  }
}

/** A way to the API of which the test plays the other side. */
function line (store?: RepeatStore) {
  const clock = new FakeClock()
  const repeats = new Repeats({
    clock, store: store ?? new MemoryStore({ clock, maxRecords: 10, maxBytes: 1_000_000 }), waitMs: 1_000, ttlMs: 60_000, windowMs: 0, basePath: ''
  })
  const sent: Array<{ sink: AnswerSink, call: StartableCall & { isOutcomeUnknown: boolean }, wasAbandoned: boolean }> = []
  return {
    clock,
    repeats,
    sent,
    /** @param onStart what the call does as soon as it starts */
    ask (sink: AnswerSink, onStart: (sink: AnswerSink) => void = () => {}): StartableCall {
      const call = repeats.call('k', REQUEST, sink, (_request, sink) => {
        const made = {
          sink,
          wasAbandoned: false,
          call: { start: () => onStart(sink), abandon: () => { made.wasAbandoned = true }, resume: () => {}, attempts: 1, upstreamMs: 1, quotaWaitMs: undefined, isOutcomeUnknown: false }
        }
        sent.push(made)
        return made.call
      })
      call.start()
      return call
    }
  }
}

const unreachable = (): Problem => new Problem('UPSTR-R-001', 'x')

t.test('a fault of our own after the request was sent leaves its outcome unknown', async t => {
  const { ask, sent } = line()
  const apps = [app(), app()]
  ask(apps[0] ?? app())
  Object.assign(sent[0]?.call ?? {}, { isOutcomeUnknown: true })
  sent[0]?.sink.onFailure(new Problem('PROXY-R-001', 'x'))
  ask(apps[1] ?? app())
  t.same(apps.map(({ code }) => code), ['PROXY-R-001', 'UPSTR-N-001'])
  t.equal(sent.length, 1)
})

t.test('a request that cannot even be started is forgotten', async t => {
  const { ask, sent } = line()
  const first = app()
  ask(first, () => { throw new Error('no') })
  t.equal(first.code, 'PROXY-R-001')
  await settle()
  const second = app()
  ask(second)
  t.equal(sent.length, 2)
  t.equal(second.ends, 0)
})

t.test('ten thousand that wait behind one another, each refused at once, nest in none', async t => {
  const { ask, sent, repeats } = line()
  const apps = Array.from({ length: 10_000 }, app)
  apps.forEach((each, i) => ask(each, i === 0 ? undefined : sink => sink.onFailure(unreachable())))
  sent[0]?.sink.onFailure(unreachable())
  await settle()
  t.ok(apps.every(({ code, ends }) => code === 'UPSTR-R-001' && ends === 1))
  t.equal(repeats.running, 0)
})

t.test('one whose answer cannot be written keeps nobody from theirs', async t => {
  const { ask, sent } = line()
  const apps = [app(), { ...app(), onHead: () => { throw new Error('not a header') } }, app()]
  for (const each of apps) ask(each)
  sent[0]?.sink.onHead(201, 'Created', [])
  sent[0]?.sink.onChunk(Buffer.from('booked'))
  sent[0]?.sink.onEnd()
  t.match(apps, [{ body: 'booked', ends: 1 }, { code: 'PROXY-R-001', ends: 1 }, { body: 'booked', ends: 1 }])
})

t.test('a repeat that gave up waiting is told nothing more', async t => {
  const clock = new FakeClock()
  const repeats = new Repeats({ clock, store: new MemoryStore({ clock, maxRecords: 10, maxBytes: 1_000_000 }), waitMs: 1_000, ttlMs: 60_000, windowMs: 0, basePath: '' })
  let upward: AnswerSink | undefined
  const send = (_request: unknown, sink: AnswerSink): StartableCall => {
    upward = sink
    return { start: () => {}, abandon: () => {}, resume: () => {}, attempts: 1, upstreamMs: 1, quotaWaitMs: undefined, isOutcomeUnknown: true }
  }
  const late = app()
  repeats.call('k', REQUEST, app(), send).start()
  repeats.call('k', REQUEST, late, send).start()
  await clock.advanceMs(1_000)
  t.match(late, { code: 'IDEMP-R-001', ends: 1 })
  upward?.onHead(201, 'Created', [])
  upward?.onEnd()
  t.equal(late.ends, 1)
  t.equal(clock.pendingTimers, 1, 'the one that forgets')
})

t.test('a repeat that goes itself does not wait any longer, but has the time of a first', async t => {
  const { clock, ask, sent } = line()
  const apps = [app(), app(), app()]
  for (const each of apps) ask(each)
  await clock.advanceMs(900)
  sent[0]?.sink.onFailure(unreachable())
  await clock.advanceMs(500)
  t.same(apps.map(({ code }) => code), ['UPSTR-R-001', undefined, 'IDEMP-R-001'])
  sent[1]?.sink.onHead(201, 'Created', [])
  sent[1]?.sink.onEnd()
  t.match(apps[1], { status: 201, ends: 1 })
})

t.test('no time limit is left of those that were answered, refused, or have left', async t => {
  const { clock, ask, sent } = line()
  for (const each of [app(), app(), app()]) ask(each)
  ask(app()).abandon()
  t.equal(clock.pendingTimers, 2)
  sent[0]?.sink.onHead(201, 'Created', [])
  sent[0]?.sink.onEnd()
  t.equal(clock.pendingTimers, 1, 'the one that forgets')
  const lost = line()
  for (const each of [app(), app()]) lost.ask(each)
  lost.sent[0]?.sink.onFailure(new Problem('UPSTR-N-001', 'x'))
  t.equal(lost.clock.pendingTimers, 1)
})

t.test('what comes after the end changes nothing', async t => {
  const { ask, sent, repeats } = line()
  const first = app()
  const call = ask(first)
  call.abandon()
  t.ok(sent[0]?.wasAbandoned)
  t.same([repeats.running, repeats.carried], [0, 0])
  sent[0]?.sink.onFailure(unreachable())
  await settle()
  t.same([repeats.running, repeats.carried, first.ends], [0, 0, 0])
})

for (const wasSent of [true, false]) {
  t.test(`at the end of the process a request that was ${wasSent ? 'sent is left as unknown' : 'not sent is forgotten'}, for those that share the store`, async t => {
    const told: unknown[] = []
    const { ask, sent, repeats } = line({
      claim: () => 'mine', mayBeSent: () => true, finish: (...finished) => { told.push(finished) }, forget: id => { told.push(id) }, records: 0, bytes: 0, stop: () => {}
    })
    ask(app())
    Object.assign(sent[0]?.call ?? {}, { isOutcomeUnknown: wasSent })
    repeats.cut()
    repeats.cut()
    t.same(told, [wasSent ? ['key k', { state: 'unknown', why: 'no-answer' }] : 'key k'])
    t.ok(sent[0]?.wasAbandoned)
    t.equal(repeats.running, 0)
  })
}

t.test('a store that fails fails those that asked, and nothing is sent', async t => {
  const { ask, sent, repeats } = line({
    claim: async () => { throw new Error('gone') }, mayBeSent: () => true, finish: () => {}, forget: () => {}, records: 0, bytes: 0, stop: () => {}
  })
  const apps = [app(), app()]
  for (const each of apps) ask(each)
  await settle()
  t.same(apps.map(({ code, ends }) => [code, ends]), [['PROXY-R-001', 1], ['PROXY-R-001', 1]])
  t.same([sent.length, repeats.running], [0, 0])
})
