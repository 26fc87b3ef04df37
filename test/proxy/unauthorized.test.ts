import type { ServerResponse } from 'node:http'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { call, recorder, valuesOf } from '../helpers/http.ts'
import { json } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

/** An API that takes only the tokens that `isGood` likes. */
function pickyApi (isGood: (token: string) => boolean) {
  return recorder((req, res) => {
    if (isGood(req.headers.authorization ?? '')) res.end('ok')
    else json(res, 401, { code: 'IDENT-N-001' })
  })
}

for (const [what, method, size] of [['a GET', 'GET', 0], ['a POST', 'POST', 10], ['a POST of 64 KiB', 'POST', 65_536], ['a DELETE', 'DELETE', 0]] as const) {
  t.test(`${what} that meets a 401 is sent once more with a new token`, async t => {
    const { seen, api } = pickyApi(token => token === 'Bearer token-2')
    const { url, requestLine } = await startTestSidecar(t, { api })
    const body = Buffer.alloc(size, 'x')
    const answer = await call(url, '/venues/1', { method, ...(size > 0 ? { body, headers: { 'Content-Length': String(size) } } : {}) })
    t.equal(answer.status, 200)
    t.same(seen.map(({ headers }) => valuesOf(headers, 'authorization')[0]), ['Bearer token-1', 'Bearer token-2'])
    t.same(seen.map(({ body }) => body.length), [size, size])
    t.match(await requestLine(), { status: 200, attempts: 2 })
  })
}

t.test('a second 401 is the app\'s', async t => {
  const { seen, api } = pickyApi(() => false)
  const { url, tokenServer } = await startTestSidecar(t, { api })
  const answer = await call(url, '/venues')
  t.equal(answer.status, 401)
  t.match(answer.body.toString(), 'IDENT-N-001')
  t.equal(seen.length, 2)
  t.equal(tokenServer.requests, 2)
})

t.test('where no refresh is due, the first 401 is the app\'s', async t => {
  const { seen, api } = pickyApi(() => false)
  const { url, tokenServer } = await startTestSidecar(t, { api })
  await call(url, '/venues')
  seen.length = 0
  t.equal((await call(url, '/venues')).status, 401)
  t.equal(seen.length, 1)
  t.equal(tokenServer.requests, 2)
})

t.test('where the refresh fails, the first 401 is the app\'s, head and body', async t => {
  const { seen, api } = pickyApi(() => false)
  const { url, tokenServer } = await startTestSidecar(t, { api })
  await call(url, '/bookings')
  seen.length = 0
  tokenServer.respond = (_req, res) => json(res, 500, {})
  const answer = await call(url, '/venues')
  t.equal(answer.status, 401)
  t.same(JSON.parse(answer.body.toString()), { code: 'IDENT-N-001' })
  t.equal(seen.length, 1)
})

t.test('fifty simultaneous 401s cost one refresh, and all are answered', async t => {
  const { api } = pickyApi(token => token === 'Bearer token-2')
  const { url, tokenServer } = await startTestSidecar(t, { api })
  const answers = await Promise.all(Array.from({ length: 50 }, async (_, i) => call(url, `/venues/${i}`)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(tokenServer.requests, 2)
})

t.test('a body too large to hold gets the 401, and the refresh happens all the same', async t => {
  const { seen, api } = pickyApi(token => token === 'Bearer token-2')
  const { url } = await startTestSidecar(t, { api })
  t.equal((await call(url, '/venues/1', { method: 'POST', body: Buffer.alloc(65_537) })).status, 401)
  t.equal(seen.length, 1)
  t.equal((await call(url, '/venues/1')).status, 200)
})

t.test('403 is the app\'s answer and refreshes nothing', async t => {
  const { url, tokenServer } = await startTestSidecar(t, { api: (_req, res) => json(res, 403, { code: 'IDENT-N-003' }) })
  t.equal((await call(url, '/venues')).status, 403)
  t.equal(tokenServer.requests, 1)
})

t.test('a GET whose 401 has a large or endless body is sent once more all the same', async t => {
  for (const end of [true, false]) {
    const { url, requestLine } = await startTestSidecar(t, {
      api: (req, res) => {
        if (req.headers.authorization === 'Bearer token-2') res.end('ok')
        else if (end) res.writeHead(401).end(Buffer.alloc(1_000_000))
        else res.writeHead(401).write(Buffer.alloc(200_000))
      }
    })
    t.equal((await call(url, '/venues')).body.toString(), 'ok')
    t.match(await requestLine(), { status: 200, attempts: 2 })
  }
})

t.test('a 401 with a body of a megabyte reaches the app whole', async t => {
  const { url, tokenServer, line } = await startTestSidecar(t, { api: (_req, res) => res.writeHead(401).end(Buffer.alloc(1_000_000)) })
  await line('token refreshed')
  tokenServer.respond = (_req, res) => json(res, 500, {})
  const answer = await call(url, '/venues')
  t.equal(answer.status, 401)
  t.equal(answer.body.length, 1_000_000)
})

for (const [what, bytes] of [['what is held', 1_000], ['more than is held', 65_537]] as const) {
  for (const [becomes, status] of [['a newer token comes', 200], ['none comes', 500]] as const) {
    t.test(`a 401 that breaks off after ${what} is decided once, when ${becomes}`, async t => {
      const seen: ServerResponse[] = []
      const { url, adminUrl, tokenServer, requestLine, line } = await startTestSidecar(t, {
        api: (req, res) => {
          seen.push(res)
          if (req.headers.authorization === 'Bearer token-2') res.end('ok')
          else res.writeHead(401, { 'Content-Length': '100000' }).write(Buffer.alloc(bytes))
        }
      })
      await line('token refreshed')
      const asked: ServerResponse[] = []
      tokenServer.respond = (_req, res) => { asked.push(res) }
      const answer = call(url, '/venues').catch((error: Error) => error)
      while (!/"lastAnswer":{[^}]+401/.test((await call(adminUrl, '/status')).body.toString())) await settle()
      // What is small is not decided before its end.
      if (bytes > 65_536) while (asked.length === 0) await settle()
      seen[0]?.socket?.resetAndDestroy()
      while (asked.length === 0) await settle()
      // It is seen to break before it is decided, as a rule; the other order comes to the same.
      for (let turn = 0; turn < 10; turn++) await settle()
      asked.forEach(res => json(res, status, { access_token: 'token-2', token_type: 'Bearer', expires_in: 3600 }))
      if (status === 200) t.match(await answer, { status: 200, body: Buffer.from('ok') })
      else t.match(await answer, { code: 'ECONNRESET' })
      t.match(await requestLine(), status === 200 ? { status: 200, attempts: 2 } : { status: 401, broken: true, code: 'UPSTR-R-001', attempts: 1 })
      t.equal(seen.length, status === 200 ? 2 : 1)
      t.equal(asked.length, 1)
    })
  }
}

t.test('an app that leaves while its 401 is being decided is not asked for again', async t => {
  const { seen, api } = pickyApi(token => token === 'Bearer token-2')
  const { url, tokenServer, requestLine, line } = await startTestSidecar(t, { api })
  await line('token refreshed')
  const asked: ServerResponse[] = []
  tokenServer.respond = (_req, res) => { asked.push(res) }
  const app = new AbortController()
  const answer = fetch(`${url}/venues/1/booking`, { method: 'POST', body: '{}', signal: app.signal }).catch(() => {})
  while (asked.length === 0) await settle()
  app.abort()
  await answer
  t.match(await requestLine(), { status: 499, aborted: true, attempts: 1 })
  asked.forEach(res => json(res, 200, { access_token: 'token-2', token_type: 'Bearer', expires_in: 3600 }))
  await line('token refreshed', 2)
  t.equal((await call(url, '/venues/2')).status, 200)
  t.same(seen.map(({ url }) => url), ['/venues/1/booking', '/venues/2'])
})

t.test('an expired token is never sent: the request waits for the new one', async t => {
  const clock = new FakeClock()
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, clock, tokenLifetimeS: 3600 })
  await call(url, '/venues')
  clock.sleepMs(3_600_000)
  t.equal((await call(url, '/venues')).status, 200)
  t.same(seen.map(({ headers }) => valuesOf(headers, 'authorization')[0]), ['Bearer token-1', 'Bearer token-2'])
})
