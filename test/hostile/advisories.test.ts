import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call, recorder, valuesOf } from '../helpers/http.ts'
import { json, startTcpServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { startTlsServer } from '../helpers/tls.ts'
import { converse } from './helper.ts'

const HOST = 'Host: localhost\r\n'
const KEY = 'obviously-fake-key'

const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${headers}Connection: close\r\n\r\n`
const post = (headers: string, body: string): string => `POST /venues/7 HTTP/1.1\r\n${HOST}${headers}\r\n${body}`

/** What each advisory of a comparable proxy or server sends, and the answer here: nothing of it reaches the API. */
for (const [advisory, attack, raw, status] of [
  ['CVE-2021-21321, CVE-2021-21322 (fastify)', 'dot segments escape the prefix', get('/venues/../operators/7'), 400],
  ['GHSA-2q7r-29rg-6m5h (fastify)', 'encoded dot segments escape the prefix', get('/venues/ho/%2E%2E/%2E%2E/operators'), 400],
  ['CVE-2026-85124 (fastify)', 'backslash dot segments escape the prefix', get('/venues\\..\\operators'), 400],
  ['CVE-2026-85124 (fastify)', 'backslash dot segments below the prefix escape it', get('/venues/..\\..\\operators'), 400],
  ['CVE-2026-16117 (fastify)', 'an encoded prefix is routed, but not recognised', get('/%76enues/7'), 404],
  ['CVE-2026-15631 (fastify)', 'the WebSocket way has no path check', get('/venues/../operators', 'Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n'), 400],
  ['CVE-2026-120213 (fastify)', 'an encoded separator and delimiter cut the path', get('/venues/x%2f..%2f..%2foperators%3f'), 400],
  ['CVE-2025-54576 (oauth2-proxy)', 'the query looks like a path that is let through', get('/operators/7?/venues'), 404],
  ['CVE-2025-54576 (oauth2-proxy)', 'the fragment looks like a path that is let through', get('/operators/7#/venues'), 400],
  ['CVE-2026-40575 (oauth2-proxy)', 'X-Forwarded-Uri names another path', get('/operators/7', 'X-Forwarded-Uri: /venues\r\nX-Original-URL: /venues\r\nX-Rewrite-URL: /venues\r\n'), 404],
  ['CVE-2023-45539 (HAProxy)', 'a # in the path is compared and forwarded', get('/venues/7#.png'), 400],
  ['CVE-2021-39241 (HAProxy)', 'a second target stands in the request line', get('/operators? HTTP/1.1 /venues'), 400],
  ['CVE-2023-25725 (HAProxy)', 'an empty header name makes those behind it disappear', get('/venues/7', ': x\r\nX-Api-Key: y\r\n'), 400],
  ['CVE-2023-40225 (HAProxy)', 'an empty Content-Length is forwarded', post('Content-Length:\r\n', 'GET /venues/8 HTTP/1.1\r\n\r\n'), 400],
  ['CVE-2021-40346 (HAProxy)', 'an overlong name hides a Content-Length', post(`Content-Length0${'a'.repeat(255)}:\r\nContent-Length: 5\r\nContent-Length: 0\r\n`, 'hello'), 400],
  ['CVE-2026-54388 (Tinyproxy)', 'Content-Length is doubled', post('Content-Length: 5\r\nContent-Length: 50\r\n', 'hello'), 400],
  ['CVE-2026-33870 (Netty)', 'a line break stands in a quoted chunk extension', post('Transfer-Encoding: chunked\r\n', '1;a="\r\nX\r\n0\r\n\r\nGET /venues/8 HTTP/1.1\r\nHost: localhost\r\n\r\n"\r\nY\r\n0\r\n\r\n'), 400],
  ['CVE-2026-71324 (Traefik)', 'CONNECT leaves its connection for others', `CONNECT api.bookabletech.com:443 HTTP/1.1\r\n${HOST}\r\nGET /venues/8 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ['CVE-2013-4547 (nginx)', 'a space and a NUL cut the path', get('/venues/7 \0/../../operators'), 400],
  ['CVE-2021-41773 (Apache)', 'half of a dot segment is encoded', get('/venues/.%2e/.%2e/operators'), 400],
  ['CVE-2021-42013 (Apache)', 'a dot segment is escaped twice', get('/venues/%%32%65%%32%65/operators'), 400],
  ['CVE-2020-5902 (F5)', '..;/ climbs behind the proxy', get('/venues/..;/operators'), 400]
] as const) {
  t.test(`${advisory}: where ${attack}, the answer is ${status} and the API sees nothing`, async t => {
    const { seen, api } = recorder()
    const { url, line, drain } = await startTestSidecar(t, { api })
    await line('token refreshed')
    const { answers, ended } = await converse(url, raw)
    t.match(answers, { length: 1, 0: { status, code: /^PROXY-N-00[126]$/ } })
    t.equal(ended, 'closed')
    await drain()
    t.same(seen, [])
  })
}

t.test('CVE-2026-33805 (fastify): an app that names our headers in Connection takes none of them away, nor the length of its body', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api, env: { PARTNER_REFERENCE: 'ours', BOOKING_SOURCE: 'api' } })
  const named = 'authorization, Host, X-Correlation-ID, x-partner-reference, X-BOOKING-SOURCE, Content-Length, close'
  await converse(url, post(`Connection: ${named}\r\nAuthorization: Bearer theirs\r\nX-Partner-Reference: theirs\r\nContent-Length: 5\r\n`, 'hello'))
  const headers = seen[0]?.headers ?? []
  t.same(['authorization', 'x-partner-reference', 'x-booking-source', 'content-length'].map(name => valuesOf(headers, name)), [['Bearer token-1'], ['ours'], ['api'], ['5']])
  t.match(valuesOf(headers, 'x-correlation-id'), { length: 1 })
  t.match(valuesOf(headers, 'host'), [/^127\.0\.0\.1:\d+$/])
  t.match(seen, { length: 1, 0: { body: Buffer.from('hello') } })
})

t.test('GHSA-79qm-7rj5-m7r9 (Hono): what the API names in Connection does not reach the app', async t => {
  const { url } = await startTestSidecar(t, { api: (_req, res) => res.writeHead(200, { Connection: 'keep-alive, X-Inner', 'X-Inner': 'secret', 'X-Outer': 'open' }).end() })
  const { headers } = await call(url, '/venues')
  t.match(headers, { 'x-inner': undefined, 'x-outer': 'open' })
})

t.test('GHSA-v2v2-hph8-q5xp (fastify): no Content-Type makes the sidecar read a body otherwise than the API', async t => {
  const body = '"{\\"method\\":\\"invalid_method\\"}"'
  for (const type of ['application/json ; charset=utf-8', 'application/json\ta', 'application/json garbage', 'text/plain', 'x']) {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    await call(url, '/venues/7/booking', { method: 'POST', headers: { 'Content-Type': type }, body })
    t.match(seen, [{ body: Buffer.from(body) }])
    t.same(valuesOf(seen[0]?.headers ?? [], 'content-type'), [type])
  }
})

for (const [what, head] of [
  ['204', 'HTTP/1.1 204 No Content\r\nTrailer: Server-Timing\r\nServer-Timing: a\r\n\r\n'],
  ['304', 'HTTP/1.1 304 Not Modified\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\n'],
  ['200 without a body', 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 0\r\n\r\n'],
  ['200 with chunks and without the trailer', 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n']
] as const) {
  t.test(`go-fuego/fuego#700, fastify/fastify#7030: a ${what} with a Trailer header crashes nobody, and the next request is served`, async t => {
    const { url } = await startTestSidecar(t, { apiUrl: await startTcpServer(t, socket => socket.on('data', () => socket.write(head))) })
    for (const path of ['/venues/1', '/venues/2']) t.match(await call(url, path), { status: Number(what.slice(0, 3)), headers: { trailer: undefined } })
  })
}

t.test('CVE-2026-107318 (fastify): an API that cannot prove its name gets neither the request nor the token', async t => {
  const { seen, api } = recorder()
  const { url: apiUrl } = await startTlsServer(t, api)
  const { url } = await startTestSidecar(t, { apiUrl })
  t.equal((await call(url, '/venues')).status, 502)
  t.same(seen, [])
})

for (const [advisory, what, target, headers] of [
  ['CVE-2026-34457 (oauth2-proxy)', 'the User-Agent of a health check', '/venues', { 'User-Agent': 'GoogleHC/1.0' }],
  ['CVE-2026-34457 (oauth2-proxy)', 'the User-Agent of a kubelet', '/venues', { 'User-Agent': 'kube-probe/1.34' }],
  ['CVE-2026-76835 (oauth2-proxy)', 'a forwarded URI that needs no key', '/venues', { 'X-Forwarded-Uri': '/livez', 'X-Original-URL': '/livez' }],
  ['CVE-2025-54576 (oauth2-proxy)', 'a query that ends like a probe', '/venues?/livez', {}],
  ['CVE-2025-64484 (oauth2-proxy)', 'the key under a name with underscores', '/venues', { X_Api_Key: KEY }],
  ['CVE-2026-88011 (Traefik)', 'the key under a name with dots', '/venues', { 'X.Api.Key': KEY }]
] as const) {
  t.test(`${advisory}: ${what} opens no door that asks for a key`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api, env: { INBOUND_API_KEY: KEY } })
    t.equal((await call(url, target, { headers: { ...headers } })).status, 401)
    t.same(seen, [])
  })
}

t.test('CVE-2025-64484 (oauth2-proxy): headers with underscores frame no body and replace none of ours', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  const { answers } = await converse(url, `POST /venues/7 HTTP/1.1\r\n${HOST}Content_Length: 50\r\nTransfer_Encoding: chunked\r\nX_Correlation_ID: theirs\r\n\r\n${get('/operators/7')}`)
  t.match(answers, { length: 2, 0: { status: 200 }, 1: { status: 404 } })
  t.match(seen, { length: 1, 0: { body: Buffer.alloc(0) } })
  t.match(valuesOf(seen[0]?.headers ?? [], 'x-correlation-id'), [/^[^.]{16,}$/])
})

t.test('CVE-2026-2833 (Pingora): what comes with the offer of an upgrade is at most another request to be looked at', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  const offer = `GET /venues/7 HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  const { answers } = await converse(url, `${offer}GET /operators/7 HTTP/1.1\r\n${HOST}\r\n`, { bytes: get('/operators/8') })
  t.same(answers.filter(({ status }, i) => status !== (i === 0 ? 200 : 404)), [])
  t.same(seen.map(({ url }) => url), ['/venues/7'])
})

t.test('envoyproxy/envoy#44674: while the token endpoint is down the token serves until it expires, and is never sent after that', async t => {
  const clock = new FakeClock()
  const { seen, api } = recorder()
  const { url, line, tokenServer } = await startTestSidecar(t, { api, clock, env: { TOKEN_WAIT_MS: '100' } })
  await line('token refreshed')
  tokenServer.respond = (_req, res) => { json(res, 503, {}) }
  clock.sleepMs(3_600_000 - 5_000)
  t.equal((await call(url, '/venues/before')).status, 200)
  clock.sleepMs(5_000)
  const after = call(url, '/venues/after')
  await clock.runUntil(after)
  t.match(JSON.parse((await after).body.toString()), { code: 'TOKEN-R-001' })
  t.same(seen.map(({ url }) => url), ['/venues/before'])
})

t.test('kubernetes/kubernetes#8871, #9287 (DNS rebinding): a Host that is none of ours is answered by neither listener', async t => {
  const { seen, api } = recorder()
  const { url, adminUrl, line } = await startTestSidecar(t, { api })
  await line('token refreshed')
  for (const host of [
    'evil.example', 'evil.example:8080', 'evil.example.', 'localhost.', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.1.nip.io', 'evil.example#localhost',
    'localhost@evil.example', 'localhost:80@evil.example', 'evil.example,localhost', '0x7f000001', '[::ffff:evil]', 'evillocalhost'
  ]) {
    for (const [origin, target] of [[url, '/venues'], [adminUrl, '/readyz']] as const) {
      const { answers } = await converse(origin, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      t.match(answers, { length: 1, 0: { status: 421, code: 'PROXY-N-003' } }, `${host} ${target}`)
    }
  }
  t.same(seen, [])
})
