import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { request } from 'undici'
import { systemClock } from '../../src/clock.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { call, recorder } from '../helpers/http.ts'
import { json, startRefusing, startServer, startTcpServer, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

/** Starts an API that fails; `onRequest` is told when a request has reached it. */
type Api = (t: Teardown, onRequest: () => void) => Promise<string>

/** An API that does something to the connection when the request's first bytes come. */
const whenAsked = (act: (socket: Socket) => unknown): Api => async (t, onRequest) => startTcpServer(t, socket => {
  socket.once('data', () => {
    act(socket)
    onRequest()
  })
})

/** The same server, which has no certificate, by an https URL. */
const asHttps = async (origin: Promise<string>): Promise<string> => (await origin).replace('http://127.0.0.1', 'https://localhost')

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'

/** What fails, what a read and a write get (`broken`: the answer broke after its head), and the cause in the log. */
const outages: ReadonlyArray<readonly [what: string, api: Api, read: string, write: string, cause: RegExp]> = [
  ['refuses connections', startRefusing, '502 UPSTR-R-001', '502 UPSTR-R-001', /ECONNREFUSED/],
  ['has a name that nobody knows', async () => 'https://no-such-host.invalid', '502 UPSTR-R-001', '502 UPSTR-R-001', /ENOTFOUND|EAI_AGAIN/],
  ['speaks no TLS', async t => asHttps(startTcpServer(t, socket => { socket.end('no') })), '502 UPSTR-R-001', '502 UPSTR-R-001', /SSL|ECONNRESET|EPROTO|disconnected/],
  ['accepts and says nothing in the TLS handshake', async (t, onRequest) => asHttps(startTcpServer(t, onRequest)), '504 UPSTR-R-001', '504 UPSTR-R-001', /CONNECT_TIMEOUT|no connection/],
  ['resets before the head', whenAsked(socket => socket.resetAndDestroy()), '502 UPSTR-R-001', '502 UPSTR-N-001', /ECONNRESET/],
  ['closes before the head', whenAsked(socket => socket.end()), '502 UPSTR-R-001', '502 UPSTR-N-001', /other side closed/],
  ['breaks off amid the head', whenAsked(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Le')), '502 UPSTR-R-001', '502 UPSTR-N-001', /closed/],
  ['answers garbage', whenAsked(socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n')), '502 UPSTR-R-001', '502 UPSTR-N-001', /HTTP\/1\.1 protocol|HPE/],
  ['answers with too large a head', whenAsked(socket => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)), '502 UPSTR-R-001', '502 UPSTR-N-001', /OVERFLOW/],
  ['answers with two lengths', whenAsked(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')), '502 UPSTR-R-001', '502 UPSTR-N-001', /MISMATCH/],
  ['says 100 Continue unasked', whenAsked(socket => socket.write('HTTP/1.1 100 Continue\r\n\r\n')), '502 UPSTR-R-001', '502 UPSTR-N-001', /bad response/],
  ['is silent before the head', whenAsked(() => {}), '504 UPSTR-R-002', '504 UPSTR-N-001', /no progress/],
  ['is silent amid the head', whenAsked(socket => socket.write('HTTP/1.1 200 OK\r\n')), '504 UPSTR-R-002', '504 UPSTR-N-001', /no progress/],
  ['is silent amid the body', whenAsked(socket => socket.write(`${HEAD}half`)), 'broken', 'broken', /no progress/],
  ['resets after the head', whenAsked(socket => socket.write(HEAD, () => setImmediate(() => socket.resetAndDestroy()))), 'broken', 'broken', /ECONNRESET|closed/],
  ['ends amid the body', whenAsked(socket => socket.end(`${HEAD}half`)), 'broken', 'broken', /closed|mismatch/i],
  ['ends amid a chunk', whenAsked(socket => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal')), 'broken', 'broken', /closed/],
  ['sends a chunk that is none', whenAsked(socket => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')), 'broken', 'broken', /HTTP\/1\.1 protocol/]
]

for (const [what, api, read, write, cause] of outages) {
  for (const [method, expected] of [['GET', read], ['POST', write]] as const) {
    t.test(`an API that ${what}: a ${method} gets ${expected === 'broken' ? 'an answer that breaks' : expected}`, async t => {
      const isSilent = what.includes('silent') || what.includes('says nothing')
      const clock = isSilent ? new FakeClock() : systemClock
      let arrive = (): void => {}
      const arrived = new Promise<void>(resolve => { arrive = resolve })
      const { url, line, requestLine } = await startTestSidecar(t, { clock, apiUrl: await api(t, expected === 'broken' ? () => {} : arrive) })
      await line('token refreshed')
      const answer = call(url, '/venues/1', { method, onHead: arrive }).then(({ status, body }) => ({ status, body: body.toString() }), () => 'broken')
      if (clock instanceof FakeClock) {
        await arrived
        await clock.runUntil(answer)
      }
      const got = await answer
      t.equal(typeof got === 'string' ? got : `${got.status} ${(JSON.parse(got.body) as { code: string }).code}`, expected)
      if (expected.endsWith('UPSTR-N-001') && typeof got === 'object') t.match(got.body, /Look the booking up/)
      t.match(await requestLine(), { cause, attempts: 1, ...(expected === 'broken' ? { broken: true } : {}) })
    })
  }
}

/** An API that keeps connections: answers the first request on each, and drops the second just as it comes. */
async function droppingApi (t: Teardown, drop: (socket: Socket) => unknown) {
  const requests: string[] = []
  const apiUrl = await startTcpServer(t, socket => {
    let count = 0
    socket.on('data', data => {
      requests.push(String(data).split(' HTTP')[0] ?? '')
      if (++count === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      else drop(socket)
    })
  })
  return { apiUrl, requests }
}

for (const [what, drop] of [['reset', (socket: Socket) => socket.resetAndDestroy()], ['closed', (socket: Socket) => socket.end()]] as const) {
  t.test(`a read on a kept connection that is ${what} before any byte of an answer is sent once more`, async t => {
    const { apiUrl, requests } = await droppingApi(t, drop)
    const { url, requestLine } = await startTestSidecar(t, { apiUrl })
    await call(url, '/venues/1')
    t.equal((await call(url, '/venues/2')).status, 200)
    t.same(requests, ['GET /venues/1', 'GET /venues/2', 'GET /venues/2'])
    t.match(await requestLine(2), { status: 200, attempts: 2 })
  })
}

t.test('a write on a kept connection that is reset is never sent again', async t => {
  const { apiUrl, requests } = await droppingApi(t, socket => socket.resetAndDestroy())
  const { url } = await startTestSidecar(t, { apiUrl })
  await call(url, '/venues/1')
  const { body } = await call(url, '/venues/2/booking', { method: 'POST', body: '{}' })
  t.match(JSON.parse(body.toString()), { code: 'UPSTR-N-001' })
  t.equal(requests.length, 2)
})

t.test('a read is not sent again once a byte of an answer came, nor a second time', async t => {
  const begun = await droppingApi(t, socket => socket.end('HTTP/1.1 2'))
  const first = await startTestSidecar(t, { apiUrl: begun.apiUrl })
  await call(first.url, '/venues/1')
  t.equal((await call(first.url, '/venues/2')).status, 502)
  t.equal(begun.requests.length, 2)

  let isDropping = false
  const { seen, api } = recorder((req, res) => isDropping ? req.socket.resetAndDestroy() : res.end('ok'))
  const second = await startTestSidecar(t, { api })
  await call(second.url, '/venues/1')
  isDropping = true
  t.equal((await call(second.url, '/venues/2')).status, 502)
  t.equal(seen.length, 3)
})

t.test('a kept connection that the API closed while it was idle costs nothing', async t => {
  const sockets: Socket[] = []
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api: (req, res) => { sockets.push(req.socket); api(req, res) } })
  await call(url, '/venues/1')
  sockets[0]?.destroy()
  await once(sockets[0] ?? process, 'close')
  await settle()
  t.equal((await call(url, '/venues/2', { method: 'POST', body: '{}' })).status, 200)
  t.equal(seen.length, 2)
})

t.test('a request that waits in the pool until its token has expired goes out with a newer one', async t => {
  const clock = new FakeClock()
  const held: Array<() => void> = []
  const authorizations: unknown[] = []
  const { url, line } = await startTestSidecar(t, {
    clock,
    tokenLifetimeS: 20,
    env: { UPSTREAM_CONNECTIONS: '1', UPSTREAM_TIMEOUT_MS: '60000' },
    api: (req, res) => {
      authorizations.push(req.headers.authorization)
      held.push(() => res.end('ok'))
    }
  })
  await line('token refreshed')
  const running = call(url, '/venues/1')
  while (held.length === 0) await settle()
  const timers = clock.pendingTimers
  const queued = call(url, '/venues/2', { method: 'POST', body: '{}' })
  while (clock.pendingTimers === timers) await settle()
  await clock.advanceMs(9_000)
  clock.sleepMs(20_000)
  held[0]?.()
  while (held.length === 1) await settle()
  held[1]?.()
  t.same([(await running).status, (await queued).status], [200, 200])
  t.same(authorizations, ['Bearer token-1', 'Bearer token-2'])
})

t.test('5,000 requests at once to an API that hangs: 1,024 wait, the rest are refused at once, and then all is as before', { timeout: 60_000 }, async t => {
  const held: Array<() => void> = []
  let isHanging = true
  const { url, line } = await startTestSidecar(t, { api: (_req, res) => isHanging ? held.push(() => res.end('ok')) : res.end('ok') })
  await line('token refreshed')
  const statuses: number[] = []
  const all = Array.from({ length: 5_000 }, (_, i) => new Promise<void>((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(`GET /venues/${i} HTTP/1.1\r\nHost: localhost\r\n\r\n`))
    socket.on('error', reject).once('data', head => {
      statuses.push(Number(String(head).slice(9, 12)))
      socket.destroy()
      resolve()
    })
  }))
  while (statuses.length < 5_000 - 1_024) await settle()
  t.same(new Set(statuses), new Set([503]))
  t.ok(held.length <= 256)
  isHanging = false
  for (const finish of held) finish()
  await Promise.all(all)
  t.equal(statuses.filter(status => status === 200).length, 1_024)
  t.equal((await call(url, '/venues')).status, 200)
})

t.test('an endless answer flows until the app leaves, and then its connection is freed', async t => {
  let free = (): void => {}
  const isFreed = new Promise<void>(resolve => { free = resolve })
  const { url, requestLine } = await startTestSidecar(t, {
    api: (_req, res) => {
      const write = (): void => { while (res.write(Buffer.alloc(65_536))); }
      res.on('drain', write).on('close', free)
      write()
    }
  })
  const { body } = await request(`${url}/venues`)
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length
    if (bytes > 5_000_000) break
  }
  t.match(await requestLine(), { status: 499, aborted: true })
  await isFreed
})

t.test('an app that takes no byte of a long answer for five minutes is cut', async t => {
  const clock = new FakeClock()
  const { url, line, requestLine } = await startTestSidecar(t, { clock, api: (_req, res) => res.end(Buffer.alloc(50_000_000)) })
  await line('token refreshed')
  const app = connect(Number(new URL(url).port), '127.0.0.1').pause().on('error', () => {})
  t.teardown(() => app.destroy())
  app.write('GET /venues HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const record = requestLine()
  const startedAtMs = clock.monotonicMs()
  await clock.runUntil(record)
  t.match(await record, { broken: true })
  t.ok(clock.monotonicMs() - startedAtMs >= 300_000)
})

t.test('a drain in the middle of an outage ends, and every request is told the truth', async t => {
  const clock = new FakeClock()
  const arrivals = { count: 0 }
  const apiUrl = await whenAsked(() => {})(t, () => { arrivals.count++ })
  const { url, tokenServer, line, drain } = await startTestSidecar(t, { clock, apiUrl, env: { SHUTDOWN_TIMEOUT_MS: '3000' } })
  await line('token refreshed')
  const hanging = [call(url, '/venues/1'), call(url, '/venues/2', { method: 'POST', body: '{}' })]
  while (arrivals.count < 2) await settle()
  tokenServer.respond = () => {}
  clock.sleepMs(3_600_000)
  const withoutToken = call(url, '/venues/3')
  while (tokenServer.requests < 2) await settle()
  const drained = drain()
  await clock.runUntil(drained)
  t.equal(await drained, false)
  const codes = await Promise.all([...hanging, withoutToken].map(async answer => (JSON.parse((await answer).body.toString()) as { code: string }).code))
  t.same(codes, ['DRAIN-R-001', 'UPSTR-N-001', 'DRAIN-R-001'])
})

t.test('an unready token endpoint holds no connection of the API and no request beyond TOKEN_WAIT_MS', async t => {
  const clock = new FakeClock()
  const { seen, api } = recorder()
  const tokenUrl = await startServer(t, (_req, res) => json(res, 503, {}))
  const { url, line, requestLine } = await startTestSidecar(t, { clock, api, env: { BOOKABLE_TOKEN_URL: tokenUrl, TOKEN_WAIT_MS: '5000' } })
  await line('no usable token')
  const answer = call(url, '/venues')
  await clock.runUntil(answer)
  t.match(await answer, { status: 503, headers: { 'retry-after': /^\d+$/ } })
  t.ok(Number((await requestLine()).durationMs) <= 5_000)
  t.same(seen, [])
})
