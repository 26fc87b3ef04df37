import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { call, recorder, valuesOf, type Answer } from '../helpers/http.ts'
import { json, startTcpServer, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar, type TestSidecar } from '../helpers/sidecar.ts'

interface Quota {
  limit: number
  used: number
  /** Of a refusal. */
  words?: string
  /** Instead of a refusal that gets whole. */
  refuse?: RequestListener
}

/** An API with true windows of a minute on the test's clock. */
function meteredApi (clock: FakeClock, quota: Quota) {
  let window = 0
  const serve: RequestListener = (req, res) => {
    const id = Math.floor(clock.nowMs() / 60_000)
    if (id !== window) quota.used = 0
    window = id
    const isAllowed = quota.used < quota.limit
    if (isAllowed) quota.used++
    res.setHeader('Date', new Date(clock.nowMs()).toUTCString())
    res.setHeader('X-RateLimit-Limit', quota.limit)
    res.setHeader('X-RateLimit-Remaining', quota.limit - quota.used)
    res.setHeader('X-RateLimit-Reset', id * 60 + 60)
    if (isAllowed) json(res, 200, { used: quota.used })
    else if (quota.refuse !== undefined) quota.refuse(req, res)
    else json(res, 429, { code: 'RATE-R-001', isRetryable: true, detail: quota.words })
  }
  return recorder(serve)
}

/** A sidecar that has spent its quota but for `left`, `turnsInMs` before the window turns. */
async function spent (t: Teardown, { left = 0, turnsInMs, env = {} }: { left?: number, turnsInMs: number, env?: Record<string, string> }) {
  const clock = new FakeClock()
  const quota: Quota = { limit: 10, used: 0 }
  const { seen, api } = meteredApi(clock, quota)
  const sidecar = await startTestSidecar(t, { api, clock, env: { QUOTA_RESERVE: '0', ...env } })
  await clock.advanceMs(60_000 - turnsInMs)
  await call(sidecar.url, '/venues/first')
  quota.used = quota.limit - left
  if (left === 0) {
    quota.used = quota.limit - 1
    await call(sidecar.url, '/venues/second')
  }
  seen.length = 0
  return { ...sidecar, clock, quota, seen }
}

async function waiting (sidecar: TestSidecar, n: number): Promise<void> {
  for (;;) {
    const { quota } = JSON.parse((await call(sidecar.adminUrl, '/status')).body.toString()) as { quota: { waiting: Record<string, number> } }
    if (Object.values(quota.waiting).reduce((sum, each) => sum + each, 0) === n) return
  }
}

t.test('while the quota is spent a request waits for the next window, and the log says how long', async t => {
  const sidecar = await spent(t, { turnsInMs: 3_000 })
  const answer = call(sidecar.url, '/venues')
  await waiting(sidecar, 1)
  t.equal(sidecar.seen.length, 0)
  await sidecar.clock.advanceMs(3_000)
  t.match(await answer, { status: 200 })
  t.match(await sidecar.requestLine(3), { status: 200, quotaWaitMs: 3_000, quotaLeft: 9, attempts: 1 })
  t.match(await sidecar.line('quota was short in the last window'), { limit: 10, held: { write: 0, read: 0, list: 1 }, refused: 0 })
})

t.test('a wait that cannot succeed is refused at once, in the shape that Bookable has', async t => {
  const { url, seen, requestLine } = await spent(t, { turnsInMs: 20_000 })
  const answer = await call(url, '/venues/1/booking', { method: 'POST', body: '{}' })
  t.match(answer, { status: 429, headers: { 'retry-after': '20', 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Date.parse('2026-06-01T12:01:00Z') / 1000), 'content-type': 'application/problem+json' } })
  t.match(JSON.parse(answer.body.toString()), { code: 'RATE-R-001', isRetryable: true, status: 429 })
  t.equal(seen.length, 0)
  t.match(await requestLine(3), { code: 'RATE-R-001', attempts: 0 })
})

t.test('QUOTA_MAX_WAIT_MS=0 refuses at once, and hands a 429 of the API on', async t => {
  const { url, quota, seen } = await spent(t, { left: 5, turnsInMs: 1_000, env: { QUOTA_MAX_WAIT_MS: '0' } })
  quota.used = quota.limit
  t.match(JSON.parse((await call(url, '/venues/1/booking', { method: 'POST', body: '{}' })).body.toString()), { code: 'RATE-R-001' })
  t.equal(seen.length, 1, 'the first 429 is the API\'s')
  const own = await call(url, '/venues/1/booking', { method: 'POST', body: '{}' })
  t.equal(own.status, 429)
  t.equal(seen.length, 1, 'the second one is ours')
})

t.test('a booking that met a 429 is sent again in the next window, whole, and was refused before: it is made once', async t => {
  const sidecar = await spent(t, { left: 5, turnsInMs: 2_000 })
  const { url, clock, quota, seen, requestLine } = sidecar
  quota.used = quota.limit
  const answer = call(url, '/venues/1/booking', { method: 'POST', body: '{"partySize":2}' })
  await waiting(sidecar, 1)
  t.equal(seen.length, 1)
  await clock.advanceMs(2_000)
  t.match(await answer, { status: 200 })
  t.same(seen.map(({ body }) => body.toString()), ['{"partySize":2}', '{"partySize":2}'])
  t.equal(quota.used, 1)
  t.match(await requestLine(2), { status: 200, attempts: 2, upstreamMs: 0 })
})

t.test('a 429 to an upload that streams is the app\'s, since its body is gone', async t => {
  const { url, quota, seen } = await spent(t, { left: 5, turnsInMs: 1_000 })
  quota.used = quota.limit
  const answer = await call(url, '/venues/1', { method: 'PUT', body: 'x'.repeat(65_537) })
  t.equal(answer.status, 429)
  t.match(JSON.parse(answer.body.toString()), { code: 'RATE-R-001' })
  t.equal(seen.length, 1)
})

t.test('a 429 with more than 64 KiB is the app\'s at once, whole', async t => {
  const sidecar = await spent(t, { left: 5, turnsInMs: 2_000 })
  const { url, quota, seen, requestLine } = sidecar
  quota.used = quota.limit
  quota.words = 'x'.repeat(300_000)
  const answer = await call(url, '/venues/1/booking', { method: 'POST', body: '{}' })
  t.equal(answer.status, 429)
  t.match(JSON.parse(answer.body.toString()), { code: 'RATE-R-001', detail: quota.words })
  t.equal(seen.length, 1)
  t.match(await requestLine(2), { status: 429, attempts: 1 })
})

for (const [what, refusal, expected] of [
  ['is the app\'s, as it came', '429 No\r\nContent-Length: 7\r\n', { status: 429, bytes: 7 }],
  ['and broke off is the app\'s, broken', '429 No\r\nContent-Length: 8\r\n', { status: 429, bytes: 7, broken: true, code: 'UPSTR-N-001' }],
  ['and cannot be written is a fault', '429 N\x01\r\nContent-Length: 7\r\n', { status: 500, code: 'PROXY-R-001' }]
] as const) {
  t.test(`a 429 that was waited for in vain ${what}, and harms nobody else`, async t => {
    const clock = new FakeClock()
    const seen: Array<{ socket: Socket, path: string }> = []
    const apiUrl = await startTcpServer(t, socket => socket.on('data', data => seen.push({ socket, path: String(data).split(' ')[1] ?? '' })))
    const answer = (path: string, head: string, windows: number): void => {
      const resetsAtS = (Math.floor(clock.nowMs() / 60_000) + windows) * 60
      const quota = `X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: ${path === '/venues/1' ? 5 : 0}\r\nX-RateLimit-Reset: ${resetsAtS}\r\n`
      seen.find(each => each.path === path)?.socket.end(`HTTP/1.1 ${head}Date: ${new Date(clock.nowMs()).toUTCString()}\r\n${quota}\r\nrefused`)
    }
    const sidecar = await startTestSidecar(t, { apiUrl, clock, env: { QUOTA_RESERVE: '0' } })
    await sidecar.line('token refreshed')
    await clock.advanceMs(58_000)
    const [first, other, refused] = ['/venues/1', '/venues/2', '/venues/3/booking'].map((path, i) => call(sidecar.url, path, i === 2 ? { method: 'POST', body: '{}' } : {}).catch(() => ({ status: 0 })))
    while (seen.length < 3) await settle()
    answer('/venues/1', '200 OK\r\nContent-Length: 7\r\n', 1)
    t.match(await first, { status: 200 })
    answer('/venues/3/booking', refusal, 1)
    await waiting(sidecar, 1)
    // The next window is spent already.
    answer('/venues/2', '200 OK\r\nContent-Length: 7\r\n', 2)
    t.match(await other, { status: 200 })
    await refused
    await sidecar.requestLine(3)
    t.match(sidecar.log.find(({ method }) => method === 'POST'), { attempts: 1, quotaWaitMs: 0, ...expected })
    t.equal(seen.length, 3)
  })
}

t.test('a 429 that breaks off is waited out all the same', async t => {
  const sidecar = await spent(t, { left: 5, turnsInMs: 2_000 })
  const { url, clock, quota, seen } = sidecar
  Object.assign(quota, { used: quota.limit, refuse: (_req, res) => res.writeHead(429).write('{', () => res.destroy()) } satisfies Partial<Quota>)
  const answer = call(url, '/venues/1')
  await waiting(sidecar, 1)
  await clock.advanceMs(2_000)
  t.match(await answer, { status: 200 })
  t.equal(seen.length, 2)
})

t.test('a 429 that breaks off, and that another answer shows to be waited out in vain, is the app\'s, broken', async t => {
  const sidecar = await spent(t, { left: 5, turnsInMs: 2_000 })
  const { url, clock, quota } = sidecar
  const slow = new Promise<() => void>(resolve => {
    const later = Math.ceil(clock.nowMs() / 1_000) + 100
    Object.assign(quota, {
      used: quota.limit,
      refuse (req, res) {
        if (req.url === '/venues/slow') resolve(() => res.setHeader('X-RateLimit-Reset', later).writeHead(429).end())
        else res.writeHead(429).write('{', () => res.destroy())
      }
    } satisfies Partial<Quota>)
  })
  void call(url, '/venues/slow').catch(() => {})
  const answerSlow = await slow
  const answer = call(url, '/venues/1').then(({ status }) => status, (error: NodeJS.ErrnoException) => error.code)
  await waiting(sidecar, 1)
  answerSlow()
  t.equal(await answer, 'ECONNRESET')
})

t.test('a request whose token ended while it waited for its turn takes a new one first', async t => {
  const sidecar = await spent(t, { turnsInMs: 3_000 })
  const answer = call(sidecar.url, '/venues')
  await waiting(sidecar, 1)
  sidecar.clock.sleepMs(3_600_000)
  await sidecar.clock.runUntil(answer)
  t.match(await answer, { status: 200 })
  t.match(sidecar.seen.map(({ headers }) => valuesOf(headers, 'authorization')), [['Bearer token-2']])
})

t.test('an app that hangs up leaves the queue', async t => {
  const sidecar = await spent(t, { turnsInMs: 3_000 })
  const socket = connect(Number(new URL(sidecar.url).port), '127.0.0.1')
  socket.write('GET /venues HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await waiting(sidecar, 1)
  socket.destroy()
  await waiting(sidecar, 0)
  await sidecar.clock.advanceMs(4_000)
  t.equal(sidecar.seen.length, 0)
  t.match(await sidecar.requestLine(3), { status: 499, aborted: true, attempts: 0, quotaWaitMs: /^\d/ })
})

t.test('a drain finishes those who wait, where the window turns in time', async t => {
  const sidecar = await spent(t, { turnsInMs: 1_000 })
  const answers = ['/venues', '/venues/1', '/venues/2'].map(path => call(sidecar.url, path))
  await waiting(sidecar, 3)
  const drained = sidecar.drain()
  await sidecar.clock.runUntil(drained)
  t.equal(await drained, true)
  for (const answer of answers) t.match(await answer, { status: 200 })
})

t.test('at the limit of a drain those who still wait are told so, and nothing of theirs was sent', async t => {
  const sidecar = await spent(t, { turnsInMs: 4_000 })
  const answers = ['/venues', '/venues/1/booking'].map((path, i) => call(sidecar.url, path, i === 1 ? { method: 'POST', body: '{}' } : {}))
  await waiting(sidecar, 2)
  const drained = sidecar.drain()
  await sidecar.clock.runUntil(drained)
  t.equal(await drained, false)
  for (const answer of answers) t.match(JSON.parse((await answer).body.toString()), { code: 'DRAIN-R-001' })
  t.equal(sidecar.seen.length, 0)
})

t.test('while no token can be had, nobody holds a turn of the quota', async t => {
  const sidecar = await spent(t, { left: 10, turnsInMs: 30_000, env: { TOKEN_WAIT_MS: '1000' } })
  sidecar.tokenServer.respond = (_req, res) => json(res, 503, {})
  await sidecar.clock.advanceMs(2 * 3_600_000)
  const answers: Array<Promise<Answer>> = Array.from({ length: 20 }, (_, i) => call(sidecar.url, `/venues/${i}`))
  await sidecar.clock.runUntil(Promise.all(answers))
  for (const answer of answers) t.match(await answer, { status: 503 })
  sidecar.tokenServer.respond = undefined
  await sidecar.clock.advanceMs(60_000)
  await settle()
  const later = Promise.all(Array.from({ length: 10 }, (_, i) => call(sidecar.url, `/venues/${i}`)))
  await sidecar.clock.runUntil(later)
  t.ok((await later).every(({ status }) => status === 200), 'all ten of the window are there')
})
