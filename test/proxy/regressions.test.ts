import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { call, recorder, valuesOf } from '../helpers/http.ts'
import { json, sendRaw, startServer, startTcpServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const HOST = 'Host: localhost\r\n'

/** Everything that comes back on one connection, and when it ended. */
function converse (url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const state = { received: '', error: undefined as string | undefined }
  socket.on('data', chunk => { state.received += String(chunk) }).on('error', (error: NodeJS.ErrnoException) => { state.error = error.code })
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  return { socket, state, closed }
}

t.test('an app that breaks off a large upload while it waits for a token harms nobody else', async t => {
  const clock = new FakeClock()
  const { url, requestLine, line } = await startTestSidecar(t, { clock, env: { BOOKABLE_TOKEN_URL: await startServer(t, (_req, res) => json(res, 503, {})) } })
  await line('no usable token')
  const timers = clock.pendingTimers
  const app = httpRequest(`${url}/venues/1`, { method: 'POST', headers: { 'Content-Length': '100000' }, agent: false }).on('error', () => {})
  app.write(Buffer.alloc(1_000))
  while (clock.pendingTimers === timers) await settle()
  app.destroy()
  t.match(await requestLine(), { status: 499, aborted: true, attempts: 0 })
  await settle()
})

t.test('an app that breaks off a large upload while it waits for a connection harms nobody else', async t => {
  const held: Array<() => void> = []
  const { url, requestLine } = await startTestSidecar(t, { env: { UPSTREAM_CONNECTIONS: '1' }, api: (_req, res) => held.push(() => res.end('ok')) })
  const running = call(url, '/venues/1')
  while (held.length === 0) await settle()
  const app = httpRequest(`${url}/venues/1`, { method: 'POST', headers: { 'Content-Length': '100000' }, agent: false }).on('error', () => {})
  await new Promise(resolve => app.write(Buffer.alloc(1_000), resolve))
  app.destroy()
  t.match(await requestLine(), { status: 499, aborted: true })
  held[0]?.()
  t.equal((await running).status, 200)
  t.equal(held.length, 1)
})

t.test('a reason phrase in UTF-8 reaches the app byte for byte', async t => {
  const { url } = await startTestSidecar(t, { apiUrl: await startTcpServer(t, socket => socket.once('data', () => socket.end('HTTP/1.1 200 ✓ fine\r\nContent-Length: 2\r\n\r\nok'))) })
  const answer = await sendRaw(url, `GET /venues HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
  t.match(Buffer.from(answer, 'latin1').toString(), /^HTTP\/1\.1 200 ✓ fine\r\n/)
})

t.test('a pipelined answer that breaks ends the connection when its turn comes, instead of hanging', async t => {
  const held: Array<() => void> = []
  const { url, requestLine } = await startTestSidecar(t, {
    api: (req, res) => {
      if (req.url === '/venues/1') {
        held.push(() => res.end('first'))
      } else {
        res.writeHead(200, { 'Content-Length': '100' }).write('half')
        setImmediate(() => res.destroy())
      }
    }
  })
  const { socket, closed } = converse(url)
  socket.write(`GET /venues/1 HTTP/1.1\r\n${HOST}\r\nGET /venues/2 HTTP/1.1\r\n${HOST}\r\n`)
  await closed
  t.match(await requestLine(1), { status: /200|499/ })
  t.match(await requestLine(2), { status: /200|499/ })
  held.forEach(finish => finish())
})

for (const [what, begin] of [['has begun', true], ['is due', false]] as const) {
  t.test(`garbage on a connection whose answer ${what} breaks it, and is never answered in its place`, async t => {
    const { url } = await startTestSidecar(t, { api: (_req, res) => { if (begin) res.writeHead(200, { 'Content-Length': '1000' }).write('half') } })
    const { socket, state, closed } = converse(url)
    socket.write(`POST /venues/1/booking HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}`)
    if (begin) while (!state.received.includes('half')) await settle()
    socket.write('garbage\r\n\r\n')
    await closed
    t.notMatch(state.received, 'HTTP/1.1 400')
  })
}

t.test('a malformed chunk in a body is a 400, and the API never sees the request', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  t.match(await sendRaw(url, `POST /venues/1/booking HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n`), /^HTTP\/1\.1 400 [^]*PROXY-N-006/)
  t.same(seen, [])
})

t.test('a thousand pipelined requests leave no listener on their connection', async t => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const { url } = await startTestSidecar(t)
  const { socket, state } = converse(url)
  for (let i = 1; i <= 100; i++) {
    socket.write(`GET /venues/1 HTTP/1.1\r\n${HOST}\r\n`.repeat(10))
    while (state.received.split('from the api').length <= i * 10) await settle()
  }
  socket.destroy()
  t.same(warnings, [])
})

t.test('OPTIONS with a body of a garbage type reaches the API', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  t.equal((await call(url, '/venues', { method: 'OPTIONS', headers: { 'Content-Type': 'garbage/;;', 'Content-Length': '2' }, body: '{}' })).status, 200)
  t.match(seen, [{ method: 'OPTIONS', body: Buffer.from('{}') }])
  t.same(valuesOf(seen[0]?.headers ?? [], 'content-type'), ['garbage/;;'])
})

t.test('a body of any type on the admin listener is 405', async t => {
  const { adminUrl } = await startTestSidecar(t)
  for (const type of ['garbage/;;', 'application/json']) {
    t.equal((await call(adminUrl, '/livez', { method: 'POST', headers: { 'Content-Type': type, 'Content-Length': '1' }, body: '{' })).status, 405)
  }
})

t.test('a drain amid a token request raises no alarm', async t => {
  const { drain, log } = await startTestSidecar(t, { env: { BOOKABLE_TOKEN_URL: await startServer(t, () => {}) } })
  await drain()
  await settle()
  t.same(log.filter(({ level }) => Number(level) > 30), [])
})

t.test('a write that was refused with 401 when the drain ends was not carried out, and is told so', async t => {
  const clock = new FakeClock()
  const { url, tokenServer, line, drain } = await startTestSidecar(t, { clock, api: (_req, res) => json(res, 401, {}), env: { SHUTDOWN_TIMEOUT_MS: '1000' } })
  await line('token refreshed')
  tokenServer.respond = () => {}
  const answer = call(url, '/venues/1/booking', { method: 'POST', body: '{}' })
  while (tokenServer.requests < 2) await settle()
  await clock.runUntil(drain())
  t.match(JSON.parse((await answer).body.toString()), { code: 'DRAIN-R-001' })
})
