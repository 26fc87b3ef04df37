import type { IncomingMessage, ServerResponse } from 'node:http'
import { OAuth2Server } from 'oauth2-mock-server'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secret.ts'
import { createTokenEndpoint, type TokenEndpointConfig } from '../../src/token/endpoint.ts'
import { createFetchJson } from '../../src/upstream/fetch-json.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { json, readBody, startRefusing, startServer, startTcpServer } from '../helpers/servers.ts'

const SECRET = 'obviously-fake-secret'

/** One token request to `url`. */
function requestToken (url: string, change: Partial<TokenEndpointConfig> = {}, clock = systemClock) {
  return createTokenEndpoint({
    clock,
    fetchJson: createFetchJson({ clock, connectTimeoutMs: 5000, proxyFor: () => undefined, stop: new AbortController().signal }),
    config: {
      url: new URL(url),
      format: 'json',
      audience: 'api.bookabletech.com',
      scope: undefined,
      timeoutMs: 10_000,
      readCredentials: () => ({ clientId: new Secret('me'), clientSecret: new Secret(SECRET) }),
      ...change
    }
  }).requestToken()
}

for (const format of ['json', 'form'] as const) {
  t.test(`a real OAuth2 server gives a token for a request in ${format}`, async t => {
    const server = new OAuth2Server()
    await server.issuer.keys.generate('RS256')
    await server.start(0, '127.0.0.1')
    t.teardown(() => server.stop())
    const token = await requestToken(`${server.issuer.url}/token`, { format, scope: 'venue:read' })
    t.match(token.claims, { iss: server.issuer.url })
    t.equal(token.lifetimeMs, 3_600_000)
    t.match(token.value.reveal(), /^[\w-]+\.[\w-]+\.[\w-]+$/)
  })
}

t.test('the request is a POST with the client credentials in its body, as JSON or as a form', async t => {
  const seen: Array<{ method: string | undefined, type: string | undefined, body: string }> = []
  const origin = await startServer(t, (req, res) => {
    void readBody(req).then(body => {
      seen.push({ method: req.method, type: req.headers['content-type'], body: body.toString() })
      json(res, 200, { access_token: 'a', expires_in: 1 })
    })
  })
  await requestToken(`${origin}/oauth/token`)
  await requestToken(`${origin}/oauth/token`, { format: 'form', audience: undefined, scope: 'a b' })
  t.match(seen[0], { method: 'POST', type: 'application/json' })
  t.same(JSON.parse(seen[0]?.body ?? ''), { grant_type: 'client_credentials', client_id: 'me', client_secret: SECRET, audience: 'api.bookabletech.com' })
  t.match(seen[1], { type: 'application/x-www-form-urlencoded', body: `grant_type=client_credentials&client_id=me&client_secret=${SECRET}&scope=a+b` })
})

const NOW_MS = Date.parse('2026-06-01T12:00:00Z')

const rows: ReadonlyArray<readonly [string, (req: IncomingMessage, res: ServerResponse) => unknown, object]> = [
  ['401 with an OAuth2 error', (_req, res) => json(res, 401, { error: 'access_denied' }), { code: 'TOKEN-N-001', message: /401 and error "access_denied"/ }],
  ['400 with an OAuth2 error', (_req, res) => json(res, 400, { error: 'invalid_client' }), { code: 'TOKEN-N-001' }],
  ['403 with an OAuth2 error', (_req, res) => json(res, 403, { error: 'access_denied' }), { code: 'TOKEN-N-001' }],
  ['401 without one', (_req, res) => json(res, 401, { message: 'no' }), { code: 'TOKEN-R-001' }],
  ['404', (_req, res) => json(res, 404, { error: 'not_found' }), { code: 'TOKEN-R-001' }],
  ['500', (_req, res) => json(res, 500, {}), { code: 'TOKEN-R-001', retryAfterMs: undefined }],
  ['a rate limit dressed as a 500, with Retry-After', (_req, res) => res.writeHead(500, { 'Retry-After': '5' }).end(), { code: 'TOKEN-R-001', retryAfterMs: 5_000 }],
  ['a rate limit dressed as a 500, with x-ratelimit-reset', (_req, res) => res.writeHead(500, { 'x-ratelimit-reset': String(NOW_MS / 1000 + 4) }).end(), { retryAfterMs: 4_000 }],
  ['429 with Retry-After in seconds', (_req, res) => res.writeHead(429, { 'Retry-After': '7' }).end(), { code: 'TOKEN-R-001', retryAfterMs: 7_000 }],
  ['429 with Retry-After as a date', (_req, res) => res.writeHead(429, { 'Retry-After': 'Mon, 01 Jun 2026 12:00:09 GMT' }).end(), { retryAfterMs: 9_000 }],
  ['429 with x-ratelimit-reset', (_req, res) => res.writeHead(429, { 'x-ratelimit-reset': String(NOW_MS / 1000 + 3) }).end(), { retryAfterMs: 3_000 }],
  ['a Retry-After of a century', (_req, res) => res.writeHead(503, { 'Retry-After': '3000000000' }).end(), { retryAfterMs: 3_600_000 }],
  ['a Retry-After of nonsense', (_req, res) => res.writeHead(503, { 'Retry-After': 'soon' }).end(), { retryAfterMs: undefined }],
  ['a redirect, which is not followed', (_req, res) => res.writeHead(307, { Location: '/elsewhere' }).end(), { code: 'TOKEN-R-001', message: /307/ }],
  ['HTML', (_req, res) => res.end('<html></html>'), { code: 'TOKEN-R-002' }],
  ['broken JSON', (_req, res) => res.end('{"access_token":'), { code: 'TOKEN-R-002' }],
  ['more than 64 KiB', (_req, res) => json(res, 200, { access_token: 'x'.repeat(65_536), expires_in: 1 }), { code: 'TOKEN-R-002' }],
  ['an error text that echoes the secret', (_req, res) => json(res, 401, { error: `invalid ${SECRET}` }), { code: 'TOKEN-N-001', message: /invalid \[secret\]/ }],
  ['an error text with control characters and a secret', (_req, res) => json(res, 401, { error: `a\r\n"b"\u001b${'x'.repeat(200)}`, error_description: SECRET }), { code: 'TOKEN-N-001', message: /^[\x20-\x7e]{1,200}$/ }]
]

for (const [what, respond, expected] of rows) {
  t.test(`a token endpoint that answers with ${what} is told so`, async t => {
    let requests = 0
    const origin = await startServer(t, (req, res) => {
      requests++
      respond(req, res)
    })
    const problem = await requestToken(`${origin}/oauth/token`, {}, new FakeClock(NOW_MS)).then(() => undefined, (error: unknown) => error)
    t.match(problem, expected)
    t.notMatch(String(problem), SECRET)
    t.equal(requests, 1)
  })
}

t.test('a token endpoint that cannot be reached, or breaks off, is TOKEN-R-001', async t => {
  await t.rejects(requestToken(`${await startRefusing(t)}/t`), { code: 'TOKEN-R-001', message: /could not be reached/ })
  const breaking = await startTcpServer(t, socket => socket.once('data', () => socket.destroy()))
  await t.rejects(requestToken(`${breaking}/t`), { code: 'TOKEN-R-001' })
})

t.test('a token endpoint that hangs, before or amid its answer, is TOKEN-R-001 after TOKEN_TIMEOUT_MS', async t => {
  for (const listener of [() => {}, (_req: IncomingMessage, res: ServerResponse) => { res.write('{') }]) {
    const clock = new FakeClock()
    const origin = await startServer(t, listener)
    const token = requestToken(`${origin}/t`, {}, clock)
    const refused = t.rejects(token, { code: 'TOKEN-R-001', message: /did not answer in 10000 ms/ })
    await clock.runUntil(token)
    await refused
  }
})
