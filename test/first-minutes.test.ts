import { connect } from 'node:tls'
import t from 'tap'
import { check, reportOf } from '../src/commands/check.ts'
import { call } from './helpers/http.ts'
import { startConnectProxy } from './helpers/connect-proxy.ts'
import { startServer, startTokenServer } from './helpers/servers.ts'
import { startTestSidecar } from './helpers/sidecar.ts'
import { startTlsServer } from './helpers/tls.ts'

// What somebody meets who has never run it: each message says what to do.

const CREDENTIALS = { BOOKABLE_CLIENT_ID: 'a-client', BOOKABLE_CLIENT_SECRET: 'a-secret-of-nobody' }

t.test('no credentials: the message says where to put them, and what needs none', async t => {
  const [settings] = await check({})
  t.match(settings, { ok: false, detail: /^BOOKABLE_CLIENT_ID: missing.*BOOKABLE_CLIENT_ID_FILE.*`bookable-sidecar demo` needs none\n.*BOOKABLE_CLIENT_SECRET: missing/ })
})

t.test('credentials that are refused: log and check say so in one line, and which settings to check', async t => {
  const refusing = await startServer(t, (_req, res) => res.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"access_denied"}'))
  const { line } = await startTestSidecar(t, { env: { BOOKABLE_TOKEN_URL: refusing } })
  t.match(await line('no usable token'), { code: 'TOKEN-N-001', detail: /401 and error "access_denied"/, advice: /BOOKABLE_CLIENT_ID, BOOKABLE_CLIENT_SECRET and BOOKABLE_ENVIRONMENT/ })
  const report = reportOf(await check({ ...CREDENTIALS, BOOKABLE_API_URL: refusing, BOOKABLE_TOKEN_URL: refusing }), 'text')
  t.match(report, /^✓ settings: .*\n✓ dns: .*\n✓ tls: .*\n✗ token: .*access_denied.*Check BOOKABLE_CLIENT_ID, BOOKABLE_CLIENT_SECRET.*\n$/)
  t.notMatch(report, CREDENTIALS.BOOKABLE_CLIENT_SECRET)
})

t.test('https instead of http to the sidecar: the log says so, since the app can not read it', async t => {
  const { url, line } = await startTestSidecar(t)
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false }).on('error', () => {})
  t.match(await line('request refused'), { status: 400, code: 'PROXY-N-006', detail: /http:\/\/ instead of https:\/\// })
  socket.destroy()
})

t.test('the wrong path or the wrong port: the answer names the right ones', async t => {
  const { url, adminUrl } = await startTestSidecar(t)
  for (const path of ['/Venues', '/v1/venues', '/readyz']) t.match((await call(url, path)).body.toString(), /below \/venues and \/bookings, letter for letter\. Probes, metrics and the status page are on ADMIN_PORT/, path)
  t.match((await call(adminUrl, '/venues')).body.toString(), /no such page on ADMIN_PORT; .*is asked for on PORT/)
})

t.test('TLS that is inspected: log, answer and check name NODE_EXTRA_CA_CERTS', async t => {
  const { url: inspected } = await startTlsServer(t, (_req, res) => res.end())
  const byApi = await startTestSidecar(t, { apiUrl: inspected })
  await byApi.line('token refreshed')
  t.match(JSON.parse((await call(byApi.url, '/venues')).body.toString()), { code: 'UPSTR-R-001', detail: /Nothing was sent\. .*NODE_EXTRA_CA_CERTS/ })
  const byTokens = await startTestSidecar(t, { env: { BOOKABLE_TOKEN_URL: inspected } })
  t.match(await byTokens.line('no usable token'), { code: 'TOKEN-R-001', detail: /NODE_EXTRA_CA_CERTS/ })
  const steps = await check({ ...CREDENTIALS, BOOKABLE_API_URL: inspected, BOOKABLE_TOKEN_URL: (await startTokenServer(t)).url })
  for (const name of ['tls', 'api']) t.match(steps.find(step => step.name === name), { ok: false, detail: /NODE_EXTRA_CA_CERTS/ }, name)
})

t.test('an https URL of what speaks http: check says so in one line', async t => {
  const plain = (await startServer(t, (_req, res) => res.end())).replace('http:', 'https:')
  const steps = await check({ ...CREDENTIALS, BOOKABLE_API_URL: plain, BOOKABLE_TOKEN_URL: plain })
  for (const name of ['tls', 'token']) t.match(steps.find(step => step.name === name), { ok: false, detail: /speaks no TLS: check scheme[^\n]*$/ }, name)
})

t.test('a corporate proxy that wants a password: check says where it goes', async t => {
  const proxy = await startConnectProxy(t, 'http://127.0.0.1:1', 407)
  const steps = await check({ ...CREDENTIALS, HTTPS_PROXY: proxy.url })
  t.match(steps.find(step => step.name === 'tls'), { ok: false, detail: /status 407: check the user and password in HTTPS_PROXY/ })
})
