import t from 'tap'
import { recorder, valuesOf } from '../helpers/http.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { converse, inBatches } from './helper.ts'
import { SHAPES, smuggled } from './shapes.ts'

const HOST = 'Host: localhost\r\n'

/** Ends a conversation, and must be refused whatever went before it. */
const LAST = `GET /operators/7/tms-credentials HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`

const { seen, api } = recorder()
const sidecar = await startTestSidecar(t, { api })
await sidecar.line('token refreshed')
const toApps = await inBatches(SHAPES, async ({ request }, row) => converse(sidecar.url, request(`/venues/shape-${row}`) + smuggled(`/venues/behind-${row}`)))
const toAdmin = await inBatches(SHAPES, async ({ request }) => converse(sidecar.adminUrl, request('/livez') + smuggled('/readyz')))
// What may still be on its way to the API gets there first.
await sidecar.drain()

for (const [row, { what, mayBeSilent }] of SHAPES.entries()) {
  t.test(`${what}: an app gets 400${mayBeSilent ? ', or nothing,' : ''} and the end of the connection, and what is smuggled behind gets nothing`, async t => {
    const conversation = toApps[row]
    t.equal(conversation?.ended, 'closed')
    if (!mayBeSilent || conversation?.answers.length !== 0) t.match(conversation?.answers, { length: 1, 0: { status: 400, code: 'PROXY-N-006', head: /^connection: close$/im } })
  })
}

for (const [row, { what, fault, mayBeSilent }] of SHAPES.entries()) {
  if (fault === 'head') {
    t.test(`${what}: an operator gets 400${mayBeSilent ? ', or nothing,' : ''} and the end of the connection, and what is smuggled behind gets nothing`, async t => {
      const conversation = toAdmin[row]
      t.equal(conversation?.ended, 'closed')
      if (!mayBeSilent || conversation?.answers.length !== 0) t.match(conversation?.answers, { length: 1, 0: { status: 400, code: 'PROXY-N-006' } })
    })
  } else {
    // No body is waited for there: the head alone is answered, 405, and the fault behind it ends the connection.
    t.test(`${what}: to an operator nothing is served, and the connection ends`, async t => {
      t.not(toAdmin[row]?.ended, 'open')
      t.same(toAdmin[row]?.answers.filter(({ status }) => status !== 405 && status !== 400), [])
    })
  }
}

for (const [row, { what }] of SHAPES.entries()) {
  t.test(`${what}: neither that nor what is smuggled behind reaches the API`, async t => {
    t.same(seen.filter(({ url }) => url === `/venues/shape-${row}` || url === `/venues/behind-${row}`), [])
    // A request that is let in and given up at once may or may not get there; it has a line in any case.
    t.same(sidecar.log.filter(({ path }) => path === `/venues/behind-${row}`), [])
  })
}

t.test('what is behind a proper request is a request: the shapes are refused for what they are', async t => {
  const { url } = await startTestSidecar(t)
  const { answers } = await converse(url, `POST /venues/7 HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello${LAST}`)
  t.match(answers, { length: 2, 0: { status: 200 }, 1: { status: 404 } })
})

t.test('a bad chunk behind 100 KB that went up already ends both connections, and the API never sees the request whole', async t => {
  const upload = { isComplete: false, begin: () => {}, end: () => {} }
  const hasBegun = new Promise<void>(resolve => { upload.begin = resolve })
  const isOver = new Promise<void>(resolve => { upload.end = resolve })
  const { url } = await startTestSidecar(t, {
    api: req => req.on('data', () => upload.begin()).on('end', () => { upload.isComplete = true }).on('error', () => {}).on('close', () => upload.end())
  })
  const begin = `POST /venues/7 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`
  const { answers, ended } = await converse(url, begin, { bytes: `zz\r\n${smuggled('/venues/behind')}`, when: hasBegun })
  t.not(ended, 'open')
  t.match(answers, { length: 1, 0: { status: 400, code: 'PROXY-N-006' } })
  await isOver
  t.notOk(upload.isComplete)
})

for (const [what, headers] of [
  ['h2c, as Java\'s HttpClient does with each request', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n'],
  ['websocket', 'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'],
  ['TLS', 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n'],
  ['h2c without saying so in Connection', 'Upgrade: h2c\r\n']
] as const) {
  for (const [method, framing, body] of [['GET', '', ''], ['POST', 'Content-Length: 5\r\n', 'hello']] as const) {
    t.test(`a ${method} that offers an upgrade to ${what} is served without one, the offer stays here, and the next request is looked at as ever`, async t => {
      const { seen, api } = recorder()
      const { url, line } = await startTestSidecar(t, { api })
      await line('token refreshed')
      const { answers, ended } = await converse(url, `${method} /venues/7 HTTP/1.1\r\n${HOST}${headers}${framing}\r\n${body}`, { bytes: LAST })
      t.match(answers, { length: 2, 0: { status: 200 }, 1: { status: 404, code: 'PROXY-N-001' } })
      t.equal(ended, 'closed')
      t.match(seen, { length: 1, 0: { method, url: '/venues/7', body: Buffer.from(body) } })
      t.same(['upgrade', 'http2-settings'].flatMap(name => valuesOf(seen[0]?.headers ?? [], name)), [])
      t.notMatch(valuesOf(seen[0]?.headers ?? [], 'connection').join(), /upgrade|http2/i)
    })
  }
}
