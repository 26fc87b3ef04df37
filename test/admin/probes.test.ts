import t from 'tap'
import { createAdminServer } from '../../src/admin/server.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { json, startServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

t.test('with a token all probes say 200', async t => {
  const { adminUrl, line } = await startTestSidecar(t)
  await line('token refreshed')
  for (const path of ['/livez', '/readyz', '/healthz', '/startupz']) {
    for (const method of ['GET', 'HEAD']) t.equal((await call(adminUrl, path, { method })).status, 200, `${method} ${path}`)
  }
})

t.test('a fault behind a page is a problem that tells nobody its cause', async t => {
  const url = await startServer(t, await createAdminServer({
    hosts: 'any',
    tokens: { problem: undefined, hasStarted: true },
    door: { isLeaving: false },
    metrics: { contentType: 'text/plain', text: async () => { throw new Error('a secret') } },
    readStatus: () => { throw new Error('a secret') },
    nowMs: () => 0
  }))
  for (const path of ['/', '/status', '/metrics']) {
    const { status, body } = await call(url, path)
    t.match({ status, problem: JSON.parse(body.toString()) }, { status: 500, problem: { code: 'PROXY-R-001' } }, path)
    t.notMatch(body.toString(), 'a secret')
  }
})

t.test('before a first token a sidecar is live, neither started nor ready, tells why, and heals by itself', async t => {
  const clock = new FakeClock()
  const { adminUrl, tokenServer, line } = await startTestSidecar(t, { clock, env: { BOOKABLE_TOKEN_URL: 'http://127.0.0.1:1/' } })
  await line('no usable token')
  t.equal(tokenServer.requests, 0)
  t.equal((await call(adminUrl, '/livez')).status, 200)
  for (const path of ['/readyz', '/healthz', '/startupz']) {
    const { status, headers, body } = await call(adminUrl, path)
    t.match({ status, headers }, { status: 503, headers: { 'content-type': 'application/problem+json', 'x-correlation-id': /./ } })
    t.match(JSON.parse(body.toString()), { code: 'TOKEN-R-001', status: 503 })
  }
})

t.test('refused credentials are the reason why a sidecar is not ready, and a token that comes later heals it', async t => {
  const clock = new FakeClock()
  let isRefused = true
  const origin = await startServer(t, (_req, res) => isRefused ? json(res, 401, { error: 'access_denied' }) : json(res, 200, { access_token: 'a', expires_in: 60 }))
  const { adminUrl, line } = await startTestSidecar(t, { clock, env: { BOOKABLE_TOKEN_URL: `${origin}/t` } })
  await line('no usable token')
  t.match(JSON.parse((await call(adminUrl, '/readyz')).body.toString()), { code: 'TOKEN-N-001', status: 503 })
  isRefused = false
  await clock.runUntil(line('token refreshed'))
  t.equal((await call(adminUrl, '/readyz')).status, 200)
  t.equal((await call(adminUrl, '/startupz')).status, 200)
})

t.test('with an expired token a sidecar is started, and not ready', async t => {
  const clock = new FakeClock()
  const { adminUrl, tokenServer, line } = await startTestSidecar(t, { clock })
  await line('token refreshed')
  tokenServer.respond = (_req, res) => json(res, 500, {})
  clock.sleepMs(3_600_000)
  t.equal((await call(adminUrl, '/readyz')).status, 503)
  t.equal((await call(adminUrl, '/startupz')).status, 200)
})

for (const [method, path, status, code] of [
  ['POST', '/readyz', 405, 'PROXY-N-002'], ['DELETE', '/livez?x', 405, 'PROXY-N-002'], ['GET', '/venues', 404, 'PROXY-N-001'], ['GET', '/%zz', 400, 'PROXY-N-006']
] as const) {
  t.test(`${method} ${path} on the admin listener is ${status} ${code}`, async t => {
    const { adminUrl } = await startTestSidecar(t)
    const answer = await call(adminUrl, path, { method })
    t.equal(answer.status, status)
    t.match(JSON.parse(answer.body.toString()), { code })
    t.equal(answer.headers.allow, status === 405 ? 'GET, HEAD' : undefined)
  })
}
