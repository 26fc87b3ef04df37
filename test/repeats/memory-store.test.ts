import t from 'tap'
import { MemoryStore } from '../../src/repeats/memory-store.ts'
import type { Outcome } from '../../src/repeats/outcome.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const TTL_MS = 10_000

function store (limits: { maxRecords?: number, maxBytes?: number } = {}) {
  const clock = new FakeClock()
  const store = new MemoryStore({ clock, maxRecords: 1_000, maxBytes: 1_000_000, ...limits })
  const claim = (id: string, ttlMs = TTL_MS) => store.claim({ id, fingerprint: `of ${id}`, ttlMs })
  return {
    clock,
    store,
    claim,
    /** One that has ended. */
    remember (id: string, bytes = 10, ttlMs = TTL_MS): void {
      claim(id, ttlMs)
      store.finish(id, answered('x'.repeat(bytes)))
    },
    /** Whether it is remembered; what is new is claimed and forgotten again. */
    knows (id: string): boolean {
      const claimed = claim(id)
      if (claimed === 'mine') store.forget(id)
      return typeof claimed === 'object'
    }
  }
}

function answered (body: string): Outcome {
  return { state: 'answered', answer: { status: 201, statusText: 'Created', headers: ['A', 'b', 'Set-Cookie', ''], chunks: body === '' ? [] : [Buffer.from(body, 'latin1')] } }
}

t.test('an answer comes back as it was, byte for byte', async t => {
  const { store: memory, claim } = store()
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  for (const [id, outcome] of Object.entries({
    bytes: { state: 'answered', answer: { status: 201, statusText: 'Cr\xe9\xe9', headers: ['X-Odd', '\xff, ', 'x-odd', ''], chunks: [bytes, bytes] } },
    nothing: { state: 'answered', answer: { status: 204, statusText: '', headers: [], chunks: [] } },
    unknown: { state: 'unknown', why: 'too-large' }
  } as const satisfies Record<string, Outcome>)) {
    t.equal(claim(id), 'mine')
    memory.finish(id, outcome)
    const found = claim(id)
    if (typeof found !== 'object') throw new Error(`claimed ${found}`)
    t.equal(found.fingerprint, `of ${id}`)
    const joined = (told: Outcome) => told.state === 'answered' ? { ...told.answer, chunks: Buffer.concat(told.answer.chunks) } : told
    t.same(joined(found.outcome), joined(outcome))
  }
})

for (const [afterMs, isKnown] of [[TTL_MS - 1, true], [TTL_MS, false], [TTL_MS + 1, false]] as const) {
  t.test(`${afterMs} of ${TTL_MS} ms after its end an outcome is ${isKnown ? 'known' : 'forgotten'}`, async t => {
    const { clock, store: memory, claim, knows } = store()
    claim('a')
    await clock.advanceMs(3 * TTL_MS)
    memory.finish('a', answered('x'))
    clock.setTimer(() => t.equal(knows('a'), isKnown), afterMs)
    await clock.advanceMs(afterMs)
  })
}

t.test('what nobody asks for is forgotten too, by one timer for all', async t => {
  const { clock, store: memory, remember } = store()
  for (let i = 0; i < 50; i++) {
    remember(`long ${i}`)
    remember(`short ${i}`, 10, 2_000)
    await clock.advanceMs(100)
  }
  t.equal(clock.pendingTimers, 2, 'one for each time to live')
  await clock.advanceMs(3_000)
  t.equal(memory.records, 50)
  await clock.advanceMs(TTL_MS)
  t.equal(memory.records, 0)
  t.equal(memory.bytes, 0)
  t.equal(clock.pendingTimers, 0)
})

t.test('after all was forgotten, what comes then is remembered, and forgotten in its turn', async t => {
  const { clock, store: memory, remember, knows } = store()
  for (const id of ['a', 'b', 'c']) {
    remember(id)
    t.ok(knows(id))
    await clock.advanceMs(TTL_MS)
    t.same([memory.records, memory.bytes], [0, 0])
  }
})

t.test('an id that is asked for between its end and the next sweep is new, and what it comes to then is remembered for its whole time', async t => {
  const { clock, store: memory, remember, knows } = store()
  const ttlMs = 600
  remember('a', 10, ttlMs)
  await clock.advanceMs(700)
  remember('a', 10, ttlMs)
  t.equal(memory.records, 1)
  await clock.advanceMs(500)
  t.ok(knows('a'), 'though the sweep has been')
  await clock.advanceMs(2_000)
  t.same([memory.records, memory.bytes], [0, 0])
})

t.test('a clock that is set changes nothing', async t => {
  const { clock, remember, knows } = store()
  remember('a')
  clock.jumpWallMs(100 * TTL_MS)
  t.ok(knows('a'))
})

t.test('the oldest that has ended makes room, whatever its time to live', async t => {
  const { clock, remember, knows } = store({ maxRecords: 4 })
  remember('first', 10, 60_000)
  await clock.advanceMs(1)
  remember('second')
  await clock.advanceMs(1)
  remember('third', 10, 60_000)
  await clock.advanceMs(1)
  remember('fourth')
  await clock.advanceMs(1)
  remember('fifth')
  t.notOk(knows('first'))
  // To ask takes a record for a moment.
  t.notOk(knows('second'))
  for (const id of ['third', 'fourth', 'fifth']) t.ok(knows(id), id)
})

t.test('one that runs never makes room, though it is the oldest', async t => {
  const { store: memory, claim, remember } = store({ maxRecords: 2 })
  t.equal(claim('runs'), 'mine')
  for (const id of ['a', 'b', 'c']) remember(id)
  t.equal(memory.records, 1)
  memory.finish('runs', answered('x'))
  t.match(claim('runs'), { outcome: { state: 'answered' } })
})

t.test('full of those that run, it takes no more, and as soon as one has ended it does', async t => {
  const { store: memory, claim } = store({ maxRecords: 2 })
  t.equal(claim('a'), 'mine')
  t.equal(claim('b'), 'mine')
  t.equal(claim('c'), 'full')
  memory.forget('a')
  t.equal(claim('c'), 'mine')
  t.equal(claim('d'), 'full')
  memory.finish('b', answered('x'))
  t.equal(claim('d'), 'mine')
})

t.test('bytes are bounded as records are, answers and those that run together', async t => {
  const { store: memory, claim, remember, knows } = store({ maxBytes: 10_000 })
  for (let i = 0; i < 30; i++) {
    remember(`answer ${i}`, 900)
    t.ok(memory.bytes <= 10_000)
  }
  t.ok(knows('answer 29'))
  t.notOk(knows('answer 0'))
  t.ok(memory.records > 4 && memory.records < 10, `${memory.records} of 900 bytes and what they take besides`)
  let running = 0
  while (claim(`running ${running}`) === 'mine') running++
  t.ok(running > 10 && running < 25, `${running} that run`)
  t.equal(memory.records, 0)
})

t.test('an answer that is larger than all there is room for is remembered all the same, alone', async t => {
  const { remember, knows } = store({ maxBytes: 5_000 })
  remember('small')
  remember('large', 60_000)
  t.ok(knows('large'))
  t.notOk(knows('small'))
})

t.test('after it was stopped no timer is left', async t => {
  const { clock, store: memory, claim, remember } = store()
  remember('a')
  claim('b', 2 * TTL_MS)
  memory.stop()
  memory.finish('b', answered('x'))
  t.equal(clock.pendingTimers, 0)
})
