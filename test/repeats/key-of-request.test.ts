import { connect } from 'node:net'
import t from 'tap'
import { call, recorder, valuesOf } from '../helpers/http.ts'
import { sendRaw } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { book, BOOKING, problemOf } from './helper.ts'

for (const method of ['POST', 'PATCH']) {
  t.test(`the key of a ${method} does not go up, however it is spelled`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    await call(url, BOOKING, { method, headers: ['Host', 'localhost', 'A', '1', 'iDEMPOTENCY-kEY', 'k', 'B', '2', 'Content-Length', '2'], body: '{}' })
    t.equal(seen.length, 1)
    t.same(valuesOf(seen[0]?.headers ?? [], 'idempotency-key'), [])
    t.same([valuesOf(seen[0]?.headers ?? [], 'a'), valuesOf(seen[0]?.headers ?? [], 'b')], [['1'], ['2']])
    t.equal(seen[0]?.body.toString(), '{}')
  })
}

for (const method of ['GET', 'PUT', 'DELETE']) {
  t.test(`on ${method} the header means nothing, and goes up as it came`, async t => {
    const { seen, api } = recorder()
    const { url, requestLine } = await startTestSidecar(t, { api })
    for (const key of ['k', 'k', 'not a key', '']) t.equal((await call(url, '/venues/1', { method, headers: { 'Idempotency-Key': key } })).status, 200)
    t.same(seen.map(({ headers }) => valuesOf(headers, 'idempotency-key')), [['k'], ['k'], ['not a key'], ['']])
    t.notOk('repeat' in await requestLine(2))
  })
}

t.test('quoted or not it is the same key', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  t.notOk('idempotency-replayed' in (await book(url, { key: '"a-key"' })).headers)
  t.equal((await book(url, { key: 'a-key' })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 1)
})

t.test('a key is one key though Connection names it', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  await book(url, { key: 'k', headers: { Connection: 'close, idempotency-key' } })
  t.equal((await book(url, { key: 'k', headers: { Connection: 'close, idempotency-key' } })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 1)
})

for (const [what, lines] of [
  ['an empty one', ['Idempotency-Key:']],
  ['two of them', ['Idempotency-Key: a', 'Idempotency-Key: a']],
  ['one with a space', ['Idempotency-Key: a b']],
  ['one of 256 characters', [`Idempotency-Key: ${'k'.repeat(256)}`]],
  ['one with half a pair of quotes', ['Idempotency-Key: "a']]
] as const) {
  t.test(`${what} is malformed, which is said before the body is asked for, and nothing is sent`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    const answer = await sendRaw(url, `POST ${BOOKING} HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`)
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n[^]*"code":"IDEMP-N-002"/)
    t.equal(seen.length, 0)
  })
}

const LIMIT = 64 * 1024

t.test('a body of exactly 64 KiB may have a key', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  t.equal((await book(url, { key: 'k', body: 'x'.repeat(LIMIT) })).status, 200)
  t.equal((await book(url, { key: 'k', body: 'x'.repeat(LIMIT) })).headers['idempotency-replayed'], 'true')
  t.equal(seen.length, 1)
})

t.test('a body above 64 KiB with a key is refused before it is asked for, told why, and its connection serves on', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  const head = `POST ${BOOKING} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: ${LIMIT + 1}\r\n`
  t.match(await sendRaw(url, `${head}Expect: 100-continue\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 413 [^]*"code":"PROXY-N-007"/)
  const answer = await sendRaw(url, `${head}\r\n${'x'.repeat(LIMIT + 1)}GET /venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 413 [^]*above 64 KiB[^]*}HTTP\/1\.1 200 OK/)
  t.equal(seen.length, 1)
})

t.test('a chunked body above 64 KiB with a key is refused when it has shown its size, and its connection serves on', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
  const head = `POST ${BOOKING} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n`
  const answer = await sendRaw(url, `${head}${chunk.repeat(3)}0\r\n\r\nGET /venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 413 [^]*"code":"PROXY-N-007"[^]*}HTTP\/1\.1 200 OK/)
  t.equal(seen.length, 1)
  t.equal(problemOf(await book(url, { key: 'k k' })).code, 'IDEMP-N-002')
})

t.test('a body above 64 KiB without a key goes up as ever', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: { BOOKING_REPEAT_WINDOW_SECONDS: '60' } })
  for (let i = 0; i < 2; i++) t.equal((await book(url, { body: 'x'.repeat(LIMIT + 1) })).status, 200)
  t.same(seen.map(({ body }) => body.length), [LIMIT + 1, LIMIT + 1])
})

t.test('an app that hangs up amid the body of a request with a key leaves nothing behind', async t => {
  const { seen, api } = recorder()
  const { url, requestLine } = await startTestSidecar(t, { api })
  const app = connect(Number(new URL(url).port), '127.0.0.1')
  app.write(`POST ${BOOKING} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: 100\r\n\r\nhalf`, () => app.destroy())
  t.match(await requestLine(), { status: 499, attempts: 0 })
  t.notOk('idempotency-replayed' in (await book(url, { key: 'k' })).headers)
  t.equal(seen.length, 1)
})
