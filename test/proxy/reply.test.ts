import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Outbox } from '../../src/proxy/outbox.ts'
import { Reply } from '../../src/proxy/reply.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'

const UNINTERESTED = { onDrain: () => {}, onSilence: () => {} }
const HEAD = ['Content-Type', 'text/plain', 'Content-Length', '5']

/** An app, and what reaches it: each piece as it was written. */
async function answered (t: Test, answer: (reply: Reply, res: ServerResponse) => void | Promise<void>, until: RegExp, { clock = new FakeClock(), observer = UNINTERESTED } = {}): Promise<string[]> {
  const outbox = new Outbox()
  const server = createServer((_req, res) => {
    const { socket } = res
    // A piece is what is written at once.
    const written = (data: unknown): void => { pieces.push(String(data)) }
    if (socket !== null) {
      socket._write = (chunk: Buffer, _encoding, done) => { written(chunk); done() }
      socket._writev = (chunks, done) => { written(chunks.map(({ chunk }) => String(chunk)).join('')); done() }
    }
    void answer(new Reply(res, { clock, outbox }, observer), res)
  })
  const pieces: string[] = []
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const app = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    app.destroy()
    server.closeAllConnections()
    server.close()
  })
  app.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  while (!until.test(pieces.join(''))) await new Promise(resolve => setImmediate(resolve))
  return pieces
}

t.test('a head, a small body and the end leave in one write', async t => {
  const pieces = await answered(t, reply => {
    reply.begin(200, 'OK', [...HEAD])
    reply.write(Buffer.from('hello'))
    reply.end()
  }, /hello/)
  t.equal(pieces.length, 1)
  t.match(pieces[0], /^HTTP\/1.1 200 OK\r\n[^]+\r\n\r\nhello$/)
})

t.test('a head leaves at the end of its turn, whether or not a body comes', async t => {
  const [piece] = await answered(t, reply => reply.begin(200, 'OK', [...HEAD]), /\r\n\r\n/)
  t.match(piece, /^HTTP\/1.1 200 OK\r\n[^]+\r\n\r\n$/)
})

t.test('a second chunk sends off the first at once, in order', async t => {
  const pieces = await answered(t, (reply, res) => {
    reply.begin(200, 'OK', [...HEAD])
    t.equal(res.writableLength, 0)
    reply.write(Buffer.from('hel'))
    t.equal(res.writableLength, 0)
    reply.write(Buffer.from('lo'))
    t.not(res.writableLength, 0)
    reply.end()
  }, /hello/)
  t.match(pieces.join(''), /\r\n\r\nhello$/)
})

t.test('a large first chunk is not kept', async t => {
  await answered(t, (reply, res) => {
    reply.begin(200, 'OK', ['Content-Length', String(16 * 1024)])
    reply.write(Buffer.alloc(16 * 1024, 'x'))
    t.not(res.writableLength, 0)
    reply.end()
  }, /x$/)
})

t.test('what comes in later turns follows', async t => {
  const pieces = await answered(t, async reply => {
    reply.begin(200, 'OK', [...HEAD])
    await new Promise(resolve => setImmediate(resolve))
    reply.write(Buffer.from('hel'))
    await new Promise(resolve => setImmediate(resolve))
    reply.write(Buffer.from('lo'))
    reply.end()
  }, /lo/)
  t.match(pieces.join(''), /\r\n\r\nhello$/)
})

t.test('what was dropped is not written', async t => {
  await answered(t, (reply, res) => {
    reply.begin(200, 'OK', [...HEAD])
    reply.write(Buffer.from('hello'))
    reply.drop()
    setImmediate(() => {
      t.equal(res.writableLength, 0)
      res.end('hallo')
    })
  }, /hallo/)
})

/** An app that takes nothing until it is let, and what is told of it. */
function tiedApp () {
  const clock = new FakeClock()
  const told: string[] = []
  const observer = { onDrain: () => { told.push('drain') }, onSilence: () => { told.push('silence') } }
  return { clock, told, observer }
}

t.test('an app that is full is said to drain once, when it takes what was written', async t => {
  const { clock, told, observer } = tiedApp()
  await answered(t, async (reply, res) => {
    reply.begin(200, 'OK', ['Content-Length', '300000'])
    res.socket?.cork()
    t.notOk(reply.write(Buffer.alloc(100_000)))
    t.notOk(reply.write(Buffer.alloc(100_000)), 'an API need not heed it at once')
    await clock.advanceMs(299_999)
    t.same(told, [])
    res.socket?.uncork()
    while (told.length === 0) await settle()
    await clock.advanceMs(300_000)
    t.same(told, ['drain'])
    reply.write(Buffer.alloc(100_000, 'x'))
    reply.end()
  }, /x$/, { clock, observer })
})

t.test('an app that takes no byte for five minutes is silent, unless nobody cares any more', async t => {
  for (const isDropped of [false, true]) {
    const { clock, told, observer } = tiedApp()
    await answered(t, async (reply, res) => {
      reply.begin(200, 'OK', ['Content-Length', '100000'])
      res.socket?.cork()
      reply.write(Buffer.alloc(100_000, 'x'))
      if (isDropped) reply.drop()
      await clock.advanceMs(299_999)
      t.same(told, [])
      await clock.advanceMs(1)
      t.same(told, isDropped ? [] : ['silence'])
      res.socket?.uncork()
    }, /x$/, { clock, observer })
  }
})

for (const [bytes, timers] of [[16 * 1024, 0], [16 * 1024 + 1, 1]] as const) {
  t.test(`at the end of ${bytes} bytes ${timers === 0 ? 'nobody watches whether the app takes them' : 'it is watched'}`, async t => {
    const clock = new FakeClock()
    await answered(t, async reply => {
      reply.begin(200, 'OK', ['Content-Length', String(bytes)])
      reply.write(Buffer.alloc(8 * 1024))
      await settle()
      t.ok(reply.write(Buffer.alloc(bytes - 8 * 1024, 'x')), 'the app takes all of it at once')
      reply.end()
      t.equal(reply.bytes, bytes)
      t.equal(clock.pendingTimers, timers)
    }, /x$/, { clock })
  })
}
