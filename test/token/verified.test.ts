import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { call } from '../helpers/http.ts'
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

t.test('while the issuer\'s keys cannot be had, no token is asked for', async t => {
  const { status, body, tokenRequests } = await start(t, { VERIFY_TOKEN: 'signature', BOOKABLE_ISSUER: 'http://127.0.0.1:1/', TOKEN_WAIT_MS: '200' })
  t.equal(status, 503)
  t.match(body, /The keys of the issuer http:\/\/127.0.0.1:1\/ could not be had/)
  t.equal(tokenRequests, 0)
})
