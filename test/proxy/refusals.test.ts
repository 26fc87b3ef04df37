import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call, recorder } from '../helpers/http.ts'
import { json, sendRaw } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const HOST = 'Host: localhost\r\nConnection: close\r\n'

/** What came back raw, as far as the tests look at it. */
function parse (answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.slice(9, 12)), head, problem: body === '' ? {} : JSON.parse(body) as Record<string, unknown> }
}

for (const [what, raw, status, code] of [
  ['a path that is no route', `GET /operators/1/tms-credentials HTTP/1.1\r\n${HOST}\r\n`, 404, 'PROXY-N-001'],
  ['the root', `GET / HTTP/1.1\r\n${HOST}\r\n`, 404, 'PROXY-N-001'],
  ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 404, 'PROXY-N-001'],
  ['a method that is not allowed', `TRACE /venues HTTP/1.1\r\n${HOST}\r\n`, 405, 'PROXY-N-002'],
  ['a method of WebDAV', `PROPFIND /venues HTTP/1.1\r\n${HOST}\r\n`, 405, 'PROXY-N-002'],
  ['a path that climbs', `GET /venues/../operators HTTP/1.1\r\n${HOST}\r\n`, 400, 'PROXY-N-006'],
  ['a path that cannot be decoded', `GET /venues/%zz HTTP/1.1\r\n${HOST}\r\n`, 400, 'PROXY-N-006'],
  ['an absolute-form target', `GET http://api.bookabletech.com/venues HTTP/1.1\r\n${HOST}\r\n`, 400, 'PROXY-N-006'],
  ['a missing Host', 'GET /venues HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'PROXY-N-006'],
  ['a doubled Host', `GET /venues HTTP/1.1\r\n${HOST}Host: localhost\r\n\r\n`, 400, 'PROXY-N-006'],
  ['an unknown Expect', `GET /venues HTTP/1.1\r\n${HOST}Expect: the-unexpected\r\n\r\n`, 400, 'PROXY-N-006'],
  ['another transfer coding', `POST /venues HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400, 'PROXY-N-006'],
  ['a request line that is none', 'hello\r\n\r\n', 400, 'PROXY-N-006'],
  ['both framings at once', `POST /venues HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, 'PROXY-N-006'],
  ['headers beyond 16 KiB', `GET /venues HTTP/1.1\r\n${HOST}X: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'PROXY-N-007'],
  ['a URL beyond 16 KiB', `GET /venues/${'x'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`, 431, 'PROXY-N-007'],
  ['more than 500 headers', `GET /venues HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(499)}\r\n`, 431, 'PROXY-N-007']
] as const) {
  t.test(`${what} is answered with ${status} ${code}, and the API never sees it`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    const answer = parse(await sendRaw(url, raw))
    t.equal(answer.status, status)
    t.match(answer.head, /content-type: application\/problem\+json/i)
    t.match(answer.head, /x-correlation-id: [^.]{16,}/i)
    t.match(answer.problem, { type: `tag:bookable-sidecar,2026:${code}`, title: String, status, detail: String, code, isRetryable: false })
    t.same(seen, [])
  })
}

t.test('500 headers pass', async t => {
  const { url } = await startTestSidecar(t, recorder())
  t.equal(parse(await sendRaw(url, `HEAD /venues HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(498)}\r\n`)).status, 200)
})

t.test('a 405 names the methods that are allowed, and ALLOWED_METHODS makes the sidecar read-only', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: { ALLOWED_METHODS: 'HEAD,GET' } })
  const { status, headers } = await call(url, '/venues/1/booking', { method: 'POST', body: '{}' })
  t.equal(status, 405)
  t.equal(headers.allow, 'GET, HEAD')
  t.equal((await call(url, '/venues')).status, 200)
  t.equal(seen.length, 1)
})

t.test('ROUTES decides what is forwarded', async t => {
  const { url } = await startTestSidecar(t, { env: { ROUTES: '/a/b/, /c' } })
  const statuses = await Promise.all(['/a/b', '/a/b/x', '/c?x', '/a', '/a/bc', '/venues'].map(async path => (await call(url, path)).status))
  t.same(statuses, [200, 200, 200, 404, 404, 404])
})

t.test('above MAX_IN_FLIGHT an app is refused at once, and let in when one has left', async t => {
  const held: Array<() => void> = []
  const { url } = await startTestSidecar(t, { api: (_req, res) => held.push(() => res.end('ok')), env: { MAX_IN_FLIGHT: '2' } })
  const inside = [call(url, '/venues/1'), call(url, '/venues/2')]
  while (held.length < 2) await new Promise(resolve => setImmediate(resolve))
  const refused = await call(url, '/venues/3')
  t.match(refused, { status: 503, headers: { 'retry-after': '1' } })
  t.match(JSON.parse(refused.body.toString()), { code: 'LOAD-R-001', isRetryable: true })
  held.forEach(finish => finish())
  await Promise.all(inside)
  const next = call(url, '/venues/4')
  while (held.length < 3) await new Promise(resolve => setImmediate(resolve))
  held[2]?.()
  t.equal((await next).status, 200)
})

for (const [what, respond, status, code] of [
  ['answers 500', (res: Parameters<typeof json>[0]) => json(res, 500, {}), 503, 'TOKEN-R-001'],
  ['answers HTML', (res: Parameters<typeof json>[0]) => res.end('<html>'), 503, 'TOKEN-R-002'],
  ['refuses the credentials', (res: Parameters<typeof json>[0]) => json(res, 401, { error: 'access_denied', error_description: 'test-secret' }), 502, 'TOKEN-N-001']
] as const) {
  t.test(`while the token endpoint ${what}, an app gets ${status} ${code}, and the API nothing`, async t => {
    const { seen, api } = recorder()
    const clock = new FakeClock()
    const { url, tokenServer, line } = await startTestSidecar(t, { api, clock, env: { TOKEN_WAIT_MS: '100' } })
    await line('token refreshed')
    tokenServer.respond = (_req, res) => { respond(res) }
    clock.sleepMs(3_600_000)
    const answer = await call(url, '/venues')
    t.equal(answer.status, status)
    const problem = JSON.parse(answer.body.toString()) as Record<string, unknown>
    t.match(problem, { code, status, isRetryable: code.includes('-R-') })
    t.notMatch(JSON.stringify(problem), 'test-secret')
    t.equal(answer.headers['retry-after'] !== undefined, code.includes('-R-'))
    t.same(seen, [])
  })
}

t.test('a head that does not get whole in 10 s is 408', { timeout: 20_000 }, async t => {
  const { url } = await startTestSidecar(t)
  t.match(parse(await sendRaw(url, 'GET /venues HTTP/1.1\r\nHost: loc')), { status: 408, problem: { code: 'PROXY-N-006' } })
})

for (const [what, length, sent] of [
  ['held', 100, 99], ['held', 100, 0], ['streamed', 100_000, 99_999], ['streamed', 100_000, 0]
] as const) {
  t.test(`a ${what} upload that${sent === 0 ? ' never begins, or' : ''} falls silent for 30 s is 408, and never looks complete to the API`, async t => {
    const clock = new FakeClock()
    let isComplete = false
    const { url, line } = await startTestSidecar(t, { clock, env: { UPSTREAM_TIMEOUT_MS: '60000' }, api: req => req.resume().on('end', () => { isComplete = true }) })
    await line('token refreshed')
    const answer = sendRaw(url, `POST /venues/1/booking HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n${'x'.repeat(sent)}`)
    await clock.runUntil(answer)
    t.match(parse(await answer), { status: 408, problem: { code: 'PROXY-N-006' } })
    t.notOk(isComplete)
  })
}
