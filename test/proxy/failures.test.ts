import { request as httpRequest } from 'node:http'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { call, recorder } from '../helpers/http.ts'
import { sendRaw, startRefusing, startTcpServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const reset = async (t: Parameters<typeof startTcpServer>[0]): Promise<string> =>
  startTcpServer(t, socket => socket.once('data', () => socket.resetAndDestroy()))

// GET and POST meet every outage in outages.test.ts.
for (const [method, status, code, isRetryable] of [
  ['HEAD', 502, undefined, undefined], ['OPTIONS', 502, 'UPSTR-R-001', true], ['PATCH', 502, 'UPSTR-N-001', false], ['DELETE', 502, 'UPSTR-N-001', false]
] as const) {
  t.test(`${method} gets ${status} ${code ?? 'without a body'} where the connection breaks after it was sent`, async t => {
    const { url } = await startTestSidecar(t, { apiUrl: await reset(t) })
    const answer = await call(url, '/venues/1', { method })
    t.equal(answer.status, status)
    if (code !== undefined) t.match(JSON.parse(answer.body.toString()), { code, status, isRetryable })
  })
}

t.test('a request that could not be sent is told so without the API\'s address, which the log has', async t => {
  const apiUrl = await startRefusing(t)
  const { url, requestLine } = await startTestSidecar(t, { apiUrl })
  const { body } = await call(url, '/venues/1', { method: 'POST' })
  t.match(JSON.parse(body.toString()), { code: 'UPSTR-R-001', isRetryable: true, detail: /Nothing was sent/ })
  t.notMatch(body.toString(), new URL(apiUrl).port)
  t.match(await requestLine(), { status: 502, code: 'UPSTR-R-001', cause: /ECONNREFUSED/ })
})

t.test('the deadline counts the time in the pool\'s queue, and says that nothing was sent', async t => {
  const clock = new FakeClock()
  const { seen, api } = recorder(() => {})
  const { url, line } = await startTestSidecar(t, { clock, api, env: { UPSTREAM_CONNECTIONS: '1' } })
  await line('token refreshed')
  const running = call(url, '/venues/1')
  while (seen.length === 0) await settle()
  const timers = clock.pendingTimers
  const queued = call(url, '/venues/2', { method: 'POST', body: '{}' })
  // Both are there before time moves on, so that both deadlines pass at one moment.
  while (clock.pendingTimers === timers) await settle()
  const answers = Promise.all([running, queued])
  await clock.runUntil(answers)
  const [first, second] = await answers
  t.match([first.status, second.status], [504, 504])
  t.match(JSON.parse(second.body.toString()), { code: 'UPSTR-R-001', detail: /Nothing was sent/ })
  t.equal(seen.length, 1)
})

t.test('a fault of the sidecar itself is a problem without its cause, which the log has under the same correlation id', async t => {
  const clock = new FakeClock()
  const { url, line, requestLine } = await startTestSidecar(t, { clock })
  await line('token refreshed')
  const setTimer = clock.setTimer.bind(clock)
  clock.setTimer = () => { throw new Error('out of the blue') }
  const answer = await call(url, '/venues')
  clock.setTimer = setTimer
  t.match({ status: answer.status, problem: JSON.parse(answer.body.toString()) }, { status: 500, problem: { code: 'PROXY-R-001' } })
  t.notMatch(answer.body.toString(), 'out of the blue')
  t.match(await requestLine(), { status: 500, code: 'PROXY-R-001' })
  t.match(await line('fault of the sidecar'), { level: 50, correlationId: answer.headers['x-correlation-id'], err: { message: 'out of the blue' } })
})

t.test('an answer that breaks off reaches the app broken, never shortened', async t => {
  for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const { url, requestLine } = await startTestSidecar(t, {
      apiUrl: await startTcpServer(t, socket => socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello\r\n`)
        setImmediate(() => socket.destroy())
      }))
    })
    await t.rejects(call(url, '/venues'), { code: 'ECONNRESET' }, head)
    await t.rejects(sendRaw(url, 'GET /venues HTTP/1.0\r\n\r\n'), { code: 'ECONNRESET' }, 'HTTP/1.0 sees a reset, not an end')
    t.match(await requestLine(), { broken: true, code: 'UPSTR-R-001' })
  }
})

for (const when of ['before', 'after'] as const) {
  t.test(`an app that hangs up ${when} the head frees the upstream connection, and is status 499 in the log`, async t => {
    let freed = (): void => {}
    const isFreed = new Promise<void>(resolve => { freed = resolve })
    const app = { hangUp: () => {} }
    const { url, requestLine } = await startTestSidecar(t, {
      api: (_req, res) => {
        res.on('close', freed)
        if (when === 'after') res.write('hello')
        else app.hangUp()
      }
    })
    const req = httpRequest(`${url}/venues?secret=1`, { agent: false }, () => app.hangUp()).on('error', () => {})
    app.hangUp = () => req.destroy()
    req.end()
    await isFreed
    t.match(await requestLine(), { status: 499, aborted: true, path: '/venues', method: 'GET', route: '/venues' })
  })
}

t.test('an app that breaks off its upload is never seen by the API as complete', async t => {
  for (const size of [100, 100_000]) {
    let isComplete = false
    const { url, requestLine } = await startTestSidecar(t, { api: req => { req.resume().on('end', () => { isComplete = true }).on('error', () => {}) } })
    const req = httpRequest(`${url}/venues/1/booking`, { method: 'POST', headers: { 'Content-Length': String(size) }, agent: false }).on('error', () => {})
    req.write(Buffer.alloc(size - 1), () => req.destroy())
    t.match(await requestLine(), { status: 499, aborted: true })
    t.notOk(isComplete)
  }
})
