import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { json } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

async function statusOf (adminUrl: string): Promise<Record<string, unknown>> {
  return JSON.parse((await call(adminUrl, '/status')).body.toString()) as Record<string, unknown>
}

t.test('/status tells version, uptime, token, upstream, quota and counts', async t => {
  const clock = new FakeClock()
  const { url, adminUrl, apiUrl, line } = await startTestSidecar(t, { clock, api: (_req, res) => res.writeHead(404).end() })
  await line('token refreshed')
  await call(url, '/venues')
  await call(url, '/operators')
  t.match(await statusOf(adminUrl), {
    version: /^\d+\.\d+\.\d+$/,
    uptime: 0,
    state: 'ready',
    problem: null,
    token: {
      state: 'fresh', issuedAt: '2026-06-01T12:00:00.000Z', expiresAt: '2026-06-01T13:00:00.000Z', refreshesAt: /^2026-06-01T12:58:5\d/, scopes: ['venue:read'], lastError: null
    },
    upstream: { url: apiUrl, lastAnswer: { status: 404 }, lastFailure: null },
    quota: null,
    counts: { inFlight: 0, requests: 2, ownErrors: 1, upstreamErrors: 0 },
    recentErrors: [{ code: 'PROXY-N-001', status: 404, method: 'GET', route: null, correlationId: /./ }]
  })
})

t.test('a refresh that fails is told in words with the time of the next try, and the old token serves meanwhile', async t => {
  const clock = new FakeClock()
  const { adminUrl, tokenServer, line } = await startTestSidecar(t, { clock })
  await line('token refreshed')
  tokenServer.respond = (_req, res) => json(res, 401, { error: 'access_denied' })
  await clock.runUntil(line('token refresh failed, current token still valid'))
  t.match(await statusOf(adminUrl), {
    state: 'ready', token: { state: 'fresh', lastError: { code: 'TOKEN-N-001', detail: /access_denied.*Check BOOKABLE_CLIENT_ID/, nextTryAt: /^2026-/ } }
  })
  clock.sleepMs(3_600_000)
  t.match(await statusOf(adminUrl), { state: 'not ready', problem: { code: 'TOKEN-N-001' }, token: { state: 'expired' } })
})

t.test('while it drains, it says so', async t => {
  const clock = new FakeClock()
  const { adminUrl, drain } = await startTestSidecar(t, { clock, env: { SHUTDOWN_DELAY_MS: '1000' } })
  void drain()
  t.match(await statusOf(adminUrl), { state: 'draining' })
})

t.test('the log tells at the start what runs and which settings differ from the defaults, without secrets', async t => {
  const { line } = await startTestSidecar(t, { env: { INBOUND_API_KEY: 'obviously-fake-key', MAX_IN_FLIGHT: '7', UPSTREAM_CONNECTIONS: '256', HTTPS_PROXY: 'http://me:obviously-fake@proxy.example' } })
  const { version, node, settings } = await line('starting')
  t.match({ version, node }, { version: /^\d/, node: process.version })
  t.match(settings, { BOOKABLE_CLIENT_SECRET: '[secret]', INBOUND_API_KEY: '[secret]', HTTPS_PROXY: '[secret]', MAX_IN_FLIGHT: '7' })
  t.notOk('UPSTREAM_CONNECTIONS' in (settings as object), 'it is the default')
  t.notMatch(JSON.stringify(settings), 'obviously-fake')
})
