import t, { type Test } from 'tap'
import { check } from '../../src/commands/check.ts'
import { systemClock } from '../../src/clock.ts'
import { startSimulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'
import { startConnectProxy } from '../helpers/connect-proxy.ts'
import { startRefusing, startServer } from '../helpers/servers.ts'
import { startTlsServer } from '../helpers/tls.ts'

/** The steps against a simulator, by name. */
async function checkSimulator (t: Test, env: Readonly<Record<string, string>> = {}, options: Partial<SimulatorOptions> = {}) {
  const simulator = await startSimulator({ clock: systemClock, ...options })
  t.teardown(() => simulator.close())
  return check({
    BOOKABLE_API_URL: simulator.origin,
    BOOKABLE_TOKEN_URL: simulator.tokenUrl,
    BOOKABLE_CLIENT_ID: simulator.clientId,
    BOOKABLE_CLIENT_SECRET: simulator.clientSecret,
    ...env
  })
}

t.test('where all is well, each step says what it found', async t => {
  const steps = await checkSimulator(t, { VERIFY_TOKEN: 'signature', REQUIRED_SCOPES: 'venue:read' })
  t.match(steps, [
    { name: 'settings', ok: true, detail: /^token from http:.*, API at http:/ },
    { name: 'dns', ok: true, detail: /^127\.0\.0\.1: an address already$/ },
    { name: 'tls', ok: true, detail: /plain http, on this machine$/ },
    { name: 'token', ok: true, detail: /^lives 3(599|600) s$/ },
    { name: 'claims', ok: true, detail: /^issuer http:.*, audience api\.bookabletech\.com \(as expected, and signed by the issuer\)$/ },
    { name: 'scopes', ok: true, detail: 'venue:read venue-booking:create (all that are required)' },
    { name: 'api', ok: true, detail: /^GET \/venues answered 200 in \d+ ms$/ },
    { name: 'quota', ok: true, detail: /^199 of 200 requests left until \d\d:\d\d:00 UTC$/ }
  ])
  t.equal(steps.length, 8)
})

t.test('settings that are wrong are all told, and nothing else is tried', async t => {
  t.match(await check({ BOOKABLE_CLIENT_ID: 'a', PORT: 'x' }), [{ name: 'settings', ok: false, detail: /BOOKABLE_CLIENT_SECRET: missing[^]*PORT: "x"|PORT: "x"[^]*BOOKABLE_CLIENT_SECRET: missing/ }])
})

t.test('a token that lacks a scope ends it, naming the scope', async t => {
  const steps = await checkSimulator(t, { REQUIRED_SCOPES: 'venue-booking:delete' })
  t.match(steps.at(-1), { name: 'scopes', ok: false, detail: /lacks scope "venue-booking:delete"/, facts: { code: 'TOKEN-R-002' } })
})

t.test('a host that cannot be resolved is told with what to check', async t => {
  const steps = await checkSimulator(t, { BOOKABLE_API_URL: 'https://api.bookable.invalid' })
  t.match(steps.find(({ name }) => name === 'dns'), { ok: false, detail: /^api\.bookable\.invalid cannot be resolved\. Check .*HTTPS_PROXY/ })
  // The other host is well, and so is the token.
  t.match(steps.filter(({ ok }) => ok).map(({ name }) => name), ['settings', 'token', 'claims', 'scopes'])
  t.match(steps.at(-1), { name: 'api', ok: false })
})

t.test('an API that refuses to connect, or whose certificate nobody vouches for, is told as that', async t => {
  const refusing = await checkSimulator(t, { BOOKABLE_API_URL: await startRefusing(t) })
  t.match(refusing.find(({ name }) => name === 'tls'), { ok: false, detail: /^Nothing answers at 127\.0\.0\.1:\d+\..*ECONNREFUSED/ })
  const { url } = await startTlsServer(t, (_req, res) => res.end())
  const untrusted = await checkSimulator(t, { BOOKABLE_API_URL: url })
  t.match(untrusted.find(({ name }) => name === 'tls'), { ok: false, detail: /NODE_EXTRA_CA_CERTS.*self-signed/ })
})

t.test('a token of another issuer ends it at its claims', async t => {
  const steps = await checkSimulator(t, { VERIFY_TOKEN: 'claims', BOOKABLE_ISSUER: 'https://elsewhere.example/' })
  t.match(steps.at(-1), { name: 'claims', ok: false, detail: /has iss .*but BOOKABLE_ISSUER is/ })
})

for (const [status, words] of [[404, /check BOOKABLE_API_URL/], [302, /check BOOKABLE_API_URL/], [500, /ask Bookable/], [401, /refuses the token/], [429, /quota is spent/]] as const) {
  t.test(`an API that answers ${status} is not well`, async t => {
    const steps = await checkSimulator(t, { BOOKABLE_API_URL: await startServer(t, (_req, res) => res.writeHead(status).end()) })
    t.match(steps.at(-1), { name: 'api', ok: false, detail: words, facts: { status } })
  })
}

t.test('two hosts that cannot be resolved are both told', async t => {
  const steps = await checkSimulator(t, { BOOKABLE_API_URL: 'https://api.bookable.invalid', BOOKABLE_TOKEN_URL: 'https://auth.bookable.invalid/token' })
  t.match(steps.find(({ name }) => name === 'dns')?.detail, /auth\.bookable\.invalid.*api\.bookable\.invalid/)
})

t.test('behind an outbound proxy, names are left to it, and its refusal is told', async t => {
  const proxy = await startConnectProxy(t, 'http://127.0.0.1:1', 407)
  const steps = await checkSimulator(t, { BOOKABLE_API_URL: 'https://api.bookable.invalid', HTTPS_PROXY: proxy.url })
  t.match(steps.find(({ name }) => name === 'dns'), { ok: true, detail: /api\.bookable\.invalid: left to the outbound proxy 127\.0\.0\.1:/ })
  t.match(steps.find(({ name }) => name === 'tls'), { ok: false, detail: /answered CONNECT api\.bookable\.invalid:443 with status 407/ })
})
