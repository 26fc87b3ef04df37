import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { parseHttpUrl } from '../../src/config/parse.ts'
import { printable } from '../../src/printable.ts'
import { Secret } from '../../src/secret.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import type { AccessToken } from '../../src/token/access-token.ts'
import { IssuerKeys } from '../../src/token/issuer-keys.ts'
import { Verification, verified } from '../../src/token/verified.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { json, startServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

/** A sidecar with tokens of the simulator, whose issuer is its origin and `/`. */
async function start (t: Test, env: Readonly<Record<string, string>>) {
  const simulator = await startSimulator({ clock: systemClock })
  t.teardown(() => simulator.close())
  const sidecar = await startTestSidecar(t, {
    env: { BOOKABLE_TOKEN_URL: simulator.tokenUrl, BOOKABLE_CLIENT_ID: simulator.clientId, BOOKABLE_CLIENT_SECRET: simulator.clientSecret, ...env }
  })
  const answer = await call(sidecar.url, '/venues')
  return { status: answer.status, body: answer.body.toString(), tokenRequests: simulator.counts.tokenRequests }
}

for (const mode of ['claims', 'signature']) {
  t.test(`VERIFY_TOKEN=${mode} lets a token of the issuer pass that has the scopes`, async t => {
    t.match(await start(t, { VERIFY_TOKEN: mode, REQUIRED_SCOPES: 'venue:read, venue-booking:create' }), { status: 200, tokenRequests: 1 })
  })
}

for (const [env, words] of [
  [{ VERIFY_TOKEN: 'claims', BOOKABLE_ISSUER: 'https://elsewhere.example/' }, /The token has iss \\"http:\/\/127.0.0.1:\d+\/\\", but BOOKABLE_ISSUER is \\"https:\/\/elsewhere.example\/\\"/],
  [{ VERIFY_TOKEN: 'signature', REQUIRED_SCOPES: 'venue-booking:delete' }, /The token lacks scope/],
  [{ VERIFY_TOKEN: 'off', REQUIRED_SCOPES: 'venue-booking:delete' }, /The token lacks scope/]
] as const) {
  t.test(`with ${JSON.stringify(env)} the token is refused when it comes, and no request leaves`, async t => {
    const { status, body } = await start(t, { ...env, TOKEN_WAIT_MS: '200' })
    t.equal(status, 503)
    t.match(body, /TOKEN-R-002/)
    t.match(body, words)
  })
}

t.test('a token that the endpoint made a while ago ends when it says, where its claims count', async t => {
  const clock = new FakeClock()
  const claims = { iss: 'https://issuer.example/', exp: clock.nowMs() / 1000 + 3, iat: clock.nowMs() / 1000 - 3600 }
  const token: AccessToken = { value: new Secret('obviously-fake'), lifetimeMs: 3_600_000, scopes: [], ownScopes: [], claims, show: printable }
  const endpoint = { requestToken: async () => token, haveCredentialsChanged: () => false }
  const keys = new IssuerKeys({ clock, fetchJson: () => { throw new Error('not asked') }, issuer: claims.iss, timeoutMs: 1, parseUrl: parseHttpUrl })
  const lifetimeMs = async (mode: 'off' | 'claims'): Promise<number> =>
    (await verified(endpoint, new Verification({ clock, mode, expected: { issuer: claims.iss, audience: undefined, requiredScopes: [] }, keys })).requestToken()).lifetimeMs
  t.same([await lifetimeMs('off'), await lifetimeMs('claims')], [3_600_000, 3_000])
})

t.test('where claims count, scopes that only the response tells do not', async t => {
  const clock = new FakeClock()
  const token: AccessToken = { value: new Secret('obviously-fake'), lifetimeMs: 1, scopes: ['a'], ownScopes: [], claims: { iss: 'x', exp: 1e12 }, show: printable }
  const keys = new IssuerKeys({ clock, fetchJson: () => { throw new Error('not asked') }, issuer: 'x', timeoutMs: 1, parseUrl: parseHttpUrl })
  const verify = (mode: 'off' | 'claims') => (): void => new Verification({ clock, mode, expected: { issuer: 'x', audience: undefined, requiredScopes: ['a'] }, keys }).verifyScopes(token)
  t.doesNotThrow(verify('off'))
  t.throws(verify('claims'), { code: 'TOKEN-R-002', message: /lacks scope "a"/ })
})

t.test('a scope that repeats our secret or the token is not shown', async t => {
  const tokenServer = await startServer(t, (_req, res) => json(res, 200, { access_token: 'a-fake-token', expires_in: 3600, scope: 'a-fake-token a-fake-secret' }))
  const { line } = await startTestSidecar(t, { env: { BOOKABLE_TOKEN_URL: tokenServer, BOOKABLE_CLIENT_SECRET: 'a-fake-secret' } })
  t.match(await line('token refreshed'), { scope: '[token] [secret]' })
})

t.test('while the issuer\'s keys cannot be had, no token is asked for', async t => {
  const { status, body, tokenRequests } = await start(t, { VERIFY_TOKEN: 'signature', BOOKABLE_ISSUER: 'http://127.0.0.1:1/', TOKEN_WAIT_MS: '200' })
  t.equal(status, 503)
  t.match(body, /The keys of the issuer http:\/\/127.0.0.1:1\/ could not be had/)
  t.equal(tokenRequests, 0)
})
