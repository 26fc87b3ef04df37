import t from 'tap'
import type { AnswerSink } from '../../src/answer.ts'
import { Problem } from '../../src/problem.ts'
import { Recorder } from '../../src/repeats/recorder.ts'

const KEPT = 64 * 1024

/** A recorder of an app that takes as much as it is told to, and what it tells. */
function recording ({ takes = true } = {}) {
  const told: string[] = []
  const app: AnswerSink = {
    onHead: (_status, _words, headers) => { headers.push('X-Own', 'of the app') },
    onChunk: () => takes,
    onEnd: () => {},
    onFailure: () => {}
  }
  const recorder = new Recorder(app, {
    onAnswered: ({ status, headers, chunks }) => { told.push(`${status} ${headers.join()} ${Buffer.concat(chunks).length}`) },
    onTooLarge: () => { told.push('too large') },
    onRefused: () => { told.push('refused') },
    onFailed: ({ code }, hasBegun) => { told.push(`${code} ${hasBegun ? 'amid' : 'before'} an answer`) }
  })
  return { recorder, told }
}

for (const takes of [true, false]) {
  t.test(`what is kept does not wait for an app that ${takes ? 'takes all' : 'is full'}, and what is not does`, async t => {
    const { recorder, told } = recording({ takes })
    recorder.onHead(201, '', [])
    t.equal(recorder.onChunk(Buffer.alloc(KEPT)), true)
    t.same(told, [])
    t.equal(recorder.onChunk(Buffer.alloc(1)), takes)
    t.equal(recorder.onChunk(Buffer.alloc(1)), takes)
    t.same(told, ['too large'])
  })
}

t.test('for an app that has left what is kept is read, and no more', async t => {
  const { recorder, told } = recording()
  recorder.onHead(201, '', [])
  recorder.detach()
  t.notOk(recorder.hasApp)
  t.equal(recorder.onChunk(Buffer.alloc(KEPT)), true)
  t.equal(recorder.onChunk(Buffer.alloc(1)), false)
  t.same(told, ['too large'])
})

t.test('what the app adds to its headers is not kept', async t => {
  const { recorder, told } = recording()
  recorder.onHead(201, '', ['A', 'b'])
  recorder.onEnd()
  t.same(told, ['201 A,b 0'])
})

t.test('what is too large is told once, however it ends', async t => {
  for (const end of ['onEnd', 'onFailure'] as const) {
    const { recorder, told } = recording()
    recorder.onHead(201, '', [])
    for (let i = 0; i < 3; i++) recorder.onChunk(Buffer.alloc(KEPT))
    recorder[end](new Problem('UPSTR-N-001', 'x'))
    t.same(told, ['too large'])
  }
})

t.test('a failure is told with whether an answer had begun', async t => {
  for (const hasBegun of [true, false]) {
    const { recorder, told } = recording()
    if (hasBegun) recorder.onHead(201, '', [])
    recorder.onFailure(new Problem('UPSTR-N-001', 'x'))
    t.same(told, [`UPSTR-N-001 ${hasBegun ? 'amid' : 'before'} an answer`])
  }
})

for (const status of [401, 429]) {
  t.test(`a ${status} that is too large, or breaks off, is a refusal all the same`, async t => {
    const large = recording()
    large.recorder.onHead(status, '', [])
    large.recorder.onChunk(Buffer.alloc(70_000))
    large.recorder.onEnd()
    t.same(large.told, ['refused'])
    const broken = recording()
    broken.recorder.onHead(status, '', [])
    broken.recorder.onFailure(new Problem('UPSTR-N-001', 'x'))
    t.same(broken.told, ['refused'])
  })
}
