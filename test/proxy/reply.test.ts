import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Outbox } from '../../src/proxy/outbox.ts'
import { Reply } from '../../src/proxy/reply.ts'

const HEAD = ['Content-Type', 'text/plain', 'Content-Length', '5']

/** An app, and what reaches it: each piece as it was written. */
async function answered (t: Test, answer: (reply: Reply, res: ServerResponse, outbox: Outbox) => void | Promise<void>, until: RegExp): Promise<string[]> {
  const outbox = new Outbox()
  const server = createServer((_req, res) => {
    const { socket } = res
    // A piece is what is written at once.
    const written = (data: unknown): void => { pieces.push(String(data)) }
    if (socket !== null) {
      socket._write = (chunk: Buffer, _encoding, done) => { written(chunk); done() }
      socket._writev = (chunks, done) => { written(chunks.map(({ chunk }) => String(chunk)).join('')); done() }
    }
    void answer(new Reply(res, outbox), res, outbox)
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
