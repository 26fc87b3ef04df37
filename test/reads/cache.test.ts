import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call, recorder, valuesOf, type Answer } from '../helpers/http.ts'
import type { Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { holdingApi, inFlight } from './helper.ts'

/** A sidecar that keeps for a minute what `answer` says; the n-th request is told its number. */
async function start (t: Teardown, answer: (req: IncomingMessage, res: ServerResponse, n: number) => void = (_req, res, n) => res.end(`answer ${n}`), env: Record<string, string> = {}) {
  const clock = new FakeClock()
  const { seen, api } = recorder((req, res) => answer(req, res, seen.length))
  const sidecar = await startTestSidecar(t, { clock, api, env: { CACHE_TTL_SECONDS: '60', ...env } })
  await sidecar.line('token refreshed')
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Answer> => call(sidecar.url, path, { headers })
  const text = async (path: string, headers: Record<string, string> = {}): Promise<string> => String((await get(path, headers)).body)
  return { ...sidecar, clock, seen, get, text }
}

t.test('a list that is kept is given as it came, with its age and an own correlation id, and costs neither token nor call', async t => {
  const { clock, get, seen, requestLine } = await start(t, (_req, res) => {
    res.writeHead(200, 'Fine', ['X-A', '1', 'Content-Type', 'text/odd', 'x-a', '2', 'Date', 'Mon, 01 Jun 2026 12:00:00 GMT'])
    res.write('two ')
    res.end('chunks')
  })
  const first = await get('/venues?page=1')
  await clock.advanceMs(7_900)
  const second = await get('/venues?page=1', { 'X-Correlation-ID': 'correlation-id-2' })
  t.equal(seen.length, 1)
  t.match(second, { status: 200, body: first.body, headers: { age: '7', 'content-type': 'text/odd', date: 'Mon, 01 Jun 2026 12:00:00 GMT' } })
  t.same(valuesOf(second.raw, 'x-a'), ['1', '2'])
  t.same(valuesOf(second.raw, 'x-correlation-id'), ['correlation-id-2'])
  t.equal(first.headers.age, undefined)
  t.match(await requestLine(2), { status: 200, attempts: 0, bytes: 10 })
  t.equal((await requestLine(2)).upstreamMs, undefined)
})

t.test('what is kept ends after CACHE_TTL_SECONDS', async t => {
  const { clock, text } = await start(t)
  t.equal(await text('/venues/29'), 'answer 1')
  await clock.advanceMs(59_999)
  t.equal(await text('/venues/29'), 'answer 1')
  await clock.advanceMs(1)
  t.equal(await text('/venues/29'), 'answer 2')
  t.equal(await text('/venues/29'), 'answer 2')
})

t.test('a hit needs no token', async t => {
  const { clock, text, tokenServer } = await start(t, undefined, { CACHE_TTL_SECONDS: '86400' })
  await text('/venues')
  tokenServer.respond = (_req, res) => { res.writeHead(500).end() }
  await clock.advanceMs(3_700_000)
  t.equal(await text('/venues'), 'answer 1')
  t.match(await text('/venues/29'), /TOKEN-R-001/)
})

for (const path of [
  '/venues/29/availability?date=2026-06-01&partySize=2', '/venues/29%2Favailability', '/venues/bookings', '/venues/bookings/1', '/bookings', '/bookings/1', '/venues/', '/venues/29|CO|1', '/operators/1'
]) {
  t.test(`${path} is never kept`, async t => {
    const { text } = await start(t, (_req, res, n) => res.writeHead(200, { 'Cache-Control': 'public, max-age=600', ETag: '"a"' }).end(`answer ${n}`), { ROUTES: '/venues,/bookings,/operators' })
    t.same([await text(path), await text(path)], ['answer 1', 'answer 2'])
  })
}

t.test('without CACHE_TTL_SECONDS nothing is kept', async t => {
  const { text } = await start(t, (_req, res, n) => res.writeHead(200, { 'Cache-Control': 'public, max-age=600' }).end(`answer ${n}`), { CACHE_TTL_SECONDS: '' })
  t.same([await text('/venues'), await text('/venues')], ['answer 1', 'answer 2'])
})

t.test('what is kept for one partner, language or query is not given to another', async t => {
  const requests = [['/venues', {}], ['/venues', { 'X-Partner-Reference': 'A' }], ['/venues', { 'X-Partner-Reference': 'B' }], ['/venues', { 'Accept-Language': 'en' }], ['/venues?a', {}], ['/venues/1', {}]] as const
  const { text } = await start(t)
  const ask = async (): Promise<string[]> => {
    const texts: string[] = []
    for (const [path, headers] of requests) texts.push(await text(path, headers))
    return texts
  }
  const first = await ask()
  t.equal(new Set(first).size, requests.length)
  t.same(await ask(), first)
})

for (const [what, status, headers, body] of [
  ['with no-store', 200, { 'Cache-Control': 'no-store' }, 'x'],
  ['that varies by what is not in the key', 200, { Vary: 'User-Agent' }, 'x'],
  ['that sets a cookie', 200, { 'Set-Cookie': 'a=b' }, 'x'],
  ['larger than 1 MiB', 200, {}, 'x'.repeat(1024 * 1024 + 1)],
  ['other than 200', 404, { 'Cache-Control': 'max-age=60' }, 'x'],
  ['of status 203', 203, {}, 'x'],
  ['that is empty by status', 204, {}, '']
] as const) {
  t.test(`an answer ${what} is not kept`, async t => {
    const { get, seen } = await start(t, (_req, res) => res.writeHead(status, headers).end(body))
    t.same([(await get('/venues')).status, (await get('/venues')).status], [status, status])
    t.equal(seen.length, 2)
  })
}

t.test('an answer that breaks off is not kept', async t => {
  const { get, text } = await start(t, (req, res, n) => {
    res.writeHead(200, { 'Content-Length': '5' })
    if (n > 1) res.end('whole')
    else res.write('half', () => setImmediate(() => req.socket.resetAndDestroy()))
  })
  await t.rejects(get('/venues'))
  t.equal(await text('/venues'), 'whole')
})

t.test('an app that asks for an answer of its own gets it, and it is not kept', async t => {
  const { text } = await start(t)
  t.equal(await text('/venues', { 'Cache-Control': 'no-cache' }), 'answer 1')
  t.equal(await text('/venues'), 'answer 2')
  t.equal(await text('/venues', { Pragma: 'no-cache' }), 'answer 3')
  t.equal(await text('/venues', { Range: 'bytes=0-' }), 'answer 4')
  t.equal(await text('/venues'), 'answer 2')
})

t.test('a HEAD is not answered from what is kept', async t => {
  const { text, url, seen } = await start(t)
  await text('/venues')
  t.equal((await call(url, '/venues', { method: 'HEAD' })).headers.age, undefined)
  t.equal(seen.length, 2)
})

t.test('the age that an answer came with is a part of the age that apps are told', async t => {
  const { clock, get } = await start(t, (_req, res) => res.writeHead(200, { Age: '20', 'Cache-Control': 'max-age=45' }).end('x'))
  t.equal((await get('/venues')).headers.age, '20')
  await clock.advanceMs(24_000)
  t.same(valuesOf((await get('/venues')).raw, 'age'), ['44'])
  await clock.advanceMs(1_000)
  t.equal((await get('/venues')).headers.age, '20')
})

t.test('what ended is asked about with its ETag: after a 304 it is given as the 304 has it, and is fresh again', async t => {
  const { clock, get, seen, requestLine } = await start(t, (req, res) => {
    if (req.headers['if-none-match'] === '"v1"') res.writeHead(304, { ETag: '"v1"', 'X-RateLimit-Remaining': '7' }).end()
    else res.writeHead(200, { ETag: '"v1"', 'Last-Modified': 'Mon, 01 Jun 2026 11:00:00 GMT', 'X-RateLimit-Remaining': '8', 'X-A': 'a' }).end('the venue')
  })
  await get('/venues/29')
  await clock.advanceMs(60_000)
  const again = await get('/venues/29')
  t.match(again, { status: 200, body: Buffer.from('the venue'), headers: { etag: '"v1"', 'x-a': 'a', 'x-ratelimit-remaining': '7' } })
  t.equal(again.headers.age, undefined)
  t.same(valuesOf(seen[1]?.headers ?? [], 'if-modified-since'), ['Mon, 01 Jun 2026 11:00:00 GMT'])
  t.match(await requestLine(2), { attempts: 1 })
  await clock.advanceMs(59_000)
  t.equal((await get('/venues/29')).headers.age, '59')
  t.equal(seen.length, 2)
  await clock.advanceMs(1_000)
  await get('/venues/29')
  t.equal(seen.length, 3)
})

t.test('what ended and has changed is replaced', async t => {
  const { clock, text, seen } = await start(t, (_req, res, n) => res.writeHead(200, { ETag: `"v${n}"` }).end(`version ${n}`))
  await text('/venues')
  await clock.advanceMs(60_000)
  t.same([await text('/venues'), await text('/venues')], ['version 2', 'version 2'])
  await clock.advanceMs(60_000)
  await text('/venues')
  t.same(seen.map(({ headers }) => valuesOf(headers, 'if-none-match')), [[], ['"v1"'], ['"v2"']])
})

t.test('what is no longer there is not asked about again', async t => {
  const { clock, get, seen } = await start(t, (_req, res, n) => n === 1 ? res.writeHead(200, { ETag: '"a"' }).end('x') : res.writeHead(404).end())
  await get('/venues/29')
  await clock.advanceMs(60_000)
  t.equal((await get('/venues/29')).status, 404)
  await get('/venues/29')
  t.same(seen.map(({ headers }) => valuesOf(headers, 'if-none-match')), [[], ['"a"'], []])
})

t.test('a 429 or an outage says nothing of what is kept: it is asked about again', async t => {
  const { clock, get, seen } = await start(t, (_req, res, n) => n === 1 ? res.writeHead(200, { ETag: '"a"' }).end('x') : res.writeHead(n === 2 ? 429 : 503).end())
  await get('/venues/29')
  await clock.advanceMs(60_000)
  for (const status of [429, 503, 503]) t.equal((await get('/venues/29')).status, status)
  t.same(seen.map(({ headers }) => valuesOf(headers, 'if-none-match')), [[], ['"a"'], ['"a"'], ['"a"']])
})

t.test('with no-cache what is kept is asked about each time', async t => {
  const { text, seen } = await start(t, (req, res) => {
    if (req.headers['if-none-match'] === undefined) res.writeHead(200, { ETag: '"a"', 'Cache-Control': 'no-cache' }).end('x')
    else res.writeHead(304).end()
  })
  t.same([await text('/venues'), await text('/venues'), await text('/venues')], ['x', 'x', 'x'])
  t.equal(seen.length, 3)
})

t.test('who asks at the same moment for what has ended shares one question', async t => {
  const clock = new FakeClock()
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { clock, api, env: { CACHE_TTL_SECONDS: '60' } })
  await sidecar.line('token refreshed')
  const first = call(sidecar.url, '/venues')
  ;(await arrival()).res.setHeader('ETag', '"a"').end('kept')
  await first
  await clock.advanceMs(60_000)
  const answers = [1, 2, 3].map(() => call(sidecar.url, '/venues'))
  await inFlight(sidecar, 3)
  ;(await arrival(2)).res.writeHead(304).end()
  t.same((await Promise.all(answers)).map(({ status, body }) => [status, String(body)]), [[200, 'kept'], [200, 'kept'], [200, 'kept']])
  t.equal(held.length, 2)
})

const FAILURES = [
  ['500', (_req: IncomingMessage, res: ServerResponse) => res.writeHead(500).end('no')],
  ['502', (_req: IncomingMessage, res: ServerResponse) => res.writeHead(502).end('no')],
  ['503', (_req: IncomingMessage, res: ServerResponse) => res.writeHead(503).end('no')],
  ['504', (_req: IncomingMessage, res: ServerResponse) => res.writeHead(504).end('no')],
  ['no answer', (req: IncomingMessage) => req.socket.resetAndDestroy()],
  ['503 that breaks off', (req: IncomingMessage, res: ServerResponse) => { res.writeHead(503, { 'Content-Length': '9' }).write('no'); setImmediate(() => req.socket.resetAndDestroy()) }]
] as const

const STALE = { CACHE_STALE_IF_ERROR_SECONDS: '100' }

for (const [what, fail] of FAILURES) {
  t.test(`while the API gives ${what}, a kept list is given for CACHE_STALE_IF_ERROR_SECONDS after its end, with its age`, async t => {
    const { clock, get, seen } = await start(t, (req, res, n) => n === 1 ? res.end('kept') : fail(req, res), STALE)
    await get('/venues?a')
    await clock.advanceMs(159_999)
    t.match(await get('/venues?a'), { status: 200, body: Buffer.from('kept'), headers: { age: '159' } })
    t.ok(seen.length > 1)
    await clock.advanceMs(1)
    t.not(await get('/venues?a').then(({ status }) => status, () => 'broken'), 200)
  })
}

t.test('a list that is given while the API is down is not fresh by that: each GET asks again, and all who wait get it', async t => {
  const { clock, get, text, seen } = await start(t, (_req, res, n) => n === 2 ? res.writeHead(503).end() : res.end(`answer ${n}`), STALE)
  await get('/venues')
  await clock.advanceMs(60_000)
  t.equal(await text('/venues'), 'answer 1')
  t.equal(await text('/venues'), 'answer 3')
  t.equal(seen.length, 3)
})

for (const [what, path, headers, failure] of [
  ['a detail', '/venues/29', {}, 503],
  ['a list with must-revalidate', '/venues', { 'Cache-Control': 'max-age=60, must-revalidate' }, 503],
  ['a list with no-cache', '/venues', { 'Cache-Control': 'no-cache', ETag: '"a"' }, 503],
  ['a list while the API refuses', '/venues', {}, 403],
  ['a list while the API has no quota left', '/venues', {}, 429]
] as const) {
  t.test(`${what} is not given after its end`, async t => {
    const { clock, get } = await start(t, (_req, res, n) => n === 1 ? res.writeHead(200, headers).end('kept') : res.writeHead(failure).end('down'), STALE)
    await get(path)
    await clock.advanceMs(60_000)
    t.equal((await get(path)).status, failure)
  })
}

t.test('without CACHE_STALE_IF_ERROR_SECONDS a list is not given after its end', async t => {
  const { clock, get } = await start(t, (_req, res, n) => n === 1 ? res.writeHead(200, { ETag: '"a"' }).end('kept') : res.writeHead(503).end('down'))
  await get('/venues')
  await clock.advanceMs(60_000)
  t.equal((await get('/venues')).status, 503)
})

for (const [what, method, target, changed] of [
  ['a booking', 'POST', '/venues/29/booking', ['/venues/7']],
  ['a change of a booking', 'PATCH', '/venues/bookings/b1', ['/venues/7']],
  ['a change of a venue', 'PATCH', '/venues/7', ['/venues', '/venues/7']],
  ['a booking that the API refused', 'POST', '/venues/29/refused', []]
] as const) {
  t.test(`after ${what} nothing is given that it may have changed`, async t => {
    const { text, url } = await start(t, (req, res, n) => res.writeHead(req.url?.endsWith('refused') === true ? 422 : 200).end(`answer ${n}`), STALE)
    const before = new Map<string, string>()
    for (const path of ['/venues', '/venues/7']) before.set(path, await text(path))
    await call(url, target, { method, body: '{}' })
    for (const [path, answer] of before) t.equal(await text(path) === answer, !(changed as readonly string[]).includes(path), path)
  })
}

t.test('an answer that was asked for before a write is not kept', async t => {
  const clock = new FakeClock()
  const { held, api, arrival } = holdingApi()
  const { url, line } = await startTestSidecar(t, { clock, api, env: { CACHE_TTL_SECONDS: '60' } })
  await line('token refreshed')
  const before = call(url, '/venues/7')
  await arrival()
  const write = call(url, '/venues/29/booking', { method: 'POST', body: '{}' })
  ;(await arrival(2)).res.end()
  await write
  held[0]?.res.end('before')
  t.equal(String((await before).body), 'before')
  const after = call(url, '/venues/7')
  ;(await arrival(3)).res.end('after')
  t.equal(String((await after).body), 'after')
  t.equal((await call(url, '/venues/7')).headers.age, '0')
})

t.test('with COALESCE=false answers are kept all the same, and calls are not shared', async t => {
  const { held, api, arrival } = holdingApi()
  const { url } = await startTestSidecar(t, { api, env: { CACHE_TTL_SECONDS: '60', COALESCE: 'false' } })
  const answers = [call(url, '/venues'), call(url, '/venues')]
  await arrival(2)
  for (const { res } of held) res.end('kept')
  await Promise.all(answers)
  t.match(await call(url, '/venues'), { body: Buffer.from('kept'), headers: { age: '0' } })
})

t.test('what is kept takes no more than CACHE_MAX_MB: what was not asked for longest goes', async t => {
  const { get, seen } = await start(t, (_req, res) => res.end(Buffer.alloc(400 * 1024)), { CACHE_MAX_MB: '1' })
  await get('/venues/1')
  await get('/venues/2')
  await get('/venues/1')
  t.equal(seen.length, 2)
  await get('/venues/3')
  await get('/venues/1')
  t.equal(seen.length, 3)
  await get('/venues/2')
  t.equal(seen.length, 4)
})

for (const [what, status, hasNewToken, headers, body] of [
  ['403', 403, false, {}, 'no'],
  ['409', 409, false, {}, 'no'],
  ['401, also with a newer token', 401, true, {}, 'no'],
  ['401 while no newer token is to be had', 401, false, {}, 'no'],
  ['429 that is too long to be waited out', 429, false, { 'X-RateLimit-Limit': '10', 'X-RateLimit-Remaining': '0' }, 'x'.repeat(70_000)]
] as const) {
  t.test(`a booking that the API refuses by a ${what}, leaves what is kept`, async t => {
    const { clock, url, tokenServer, text, requestLine } = await start(t, (req, res, n) => {
      if (req.method === 'GET') res.end(`answer ${n}`)
      else res.writeHead(status, { ...headers, 'X-RateLimit-Reset': String(Math.ceil(clock.nowMs() / 1000) + 3) }).end(body)
    })
    if (!hasNewToken) tokenServer.respond = (_req, res) => { res.writeHead(500).end() }
    t.equal(await text('/venues/29'), 'answer 1')
    const { status: got, body: { length } } = await call(url, '/venues/29/booking', { method: 'POST', body: '{}' })
    t.same([got, length], [status, body.length])
    t.match(await requestLine(2), { status, attempts: hasNewToken ? 2 : 1 })
    t.equal(await text('/venues/29'), 'answer 1')
  })
}
