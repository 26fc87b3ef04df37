import { createPublicKey, verify } from 'node:crypto'
import t from 'tap'
import { exchange, postJson, start, tokenRequest } from './helper.ts'

t.test('a token request as JSON and as a form are answered alike', async t => {
  const { simulator } = await start(t)
  const form = new URLSearchParams(tokenRequest(simulator))
  for (const answer of [
    await postJson(simulator.tokenUrl, tokenRequest(simulator)),
    await exchange(simulator.tokenUrl, { method: 'POST', body: form })
  ]) {
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.match(answer.body, { expires_in: 3600, token_type: 'Bearer', scope: 'venue:read venue-booking:create' })
  }
  t.equal(simulator.counts.tokenRequests, 3, 'the one of the helper is counted too')
})

t.test('an access token is a JWT that the published keys verify', async t => {
  const { simulator, clock } = await start(t, { tokenLifetimeS: 900 })
  const { body: { access_token: token, expires_in: expiresInS } } = await postJson(simulator.tokenUrl, tokenRequest(simulator))
  const { body: { keys: [jwk = {}] } } = await exchange(`${simulator.origin}/.well-known/jwks.json`, {})
  const [header = '', claims = '', signature = ''] = token.split('.')

  const iat = clock.nowMs() / 1000
  t.equal(expiresInS, 900)
  t.strictSame(decode(header), { alg: 'ES256', typ: 'JWT', kid: jwk['kid'] })
  t.match(decode(claims), {
    iss: `${simulator.origin}/`,
    sub: `${simulator.clientId}@clients`,
    aud: 'api.bookabletech.com',
    azp: simulator.clientId,
    iat,
    exp: iat + 900,
    scope: 'venue:read venue-booking:create',
    jti: String
  })
  t.notOk('d' in jwk, 'the private part of the key stays here')
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
  t.ok(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')))
})

t.test('no two access tokens are the same', async t => {
  const { simulator } = await start(t)
  const answers = await Promise.all([1, 2, 3].map(async () => postJson(simulator.tokenUrl, tokenRequest(simulator))))
  t.equal(new Set(answers.map(({ body }) => body.access_token)).size, 3)
})

t.test('the discovery document leads to the token endpoint and the keys', async t => {
  const { simulator } = await start(t)
  const { body } = await exchange(`${simulator.origin}/.well-known/openid-configuration`, {})
  t.strictSame(body, {
    issuer: `${simulator.origin}/`,
    token_endpoint: simulator.tokenUrl,
    jwks_uri: `${simulator.origin}/.well-known/jwks.json`
  })
})

// One for both tables: a refusal changes nothing in it.
const refusing = await start(t)

for (const [mistake, change, status, error] of [
  ['no grant type', { grant_type: undefined }, 400, 'invalid_request'],
  ['another grant type', { grant_type: 'password' }, 403, 'unsupported_grant_type'],
  ['no client id', { client_id: undefined }, 400, 'invalid_request'],
  ['an empty secret', { client_secret: '' }, 400, 'invalid_request'],
  ['a secret that is no text', { client_secret: 1 }, 400, 'invalid_request'],
  ['an unknown client', { client_id: 'someone' }, 401, 'access_denied'],
  ['a wrong secret', { client_secret: 'wrong' }, 401, 'access_denied'],
  ['no audience', { audience: undefined }, 403, 'access_denied'],
  ['another audience', { audience: 'api.example.com' }, 403, 'access_denied']
] as const) {
  t.test(`a token request with ${mistake} gets ${status} ${error}`, async t => {
    const { simulator } = refusing
    const answer = await postJson(simulator.tokenUrl, { ...tokenRequest(simulator), ...change })
    t.equal(answer.status, status)
    t.match(answer.body, { error, error_description: /./ })
    t.notMatch(answer.text, /access_token/)
  })
}

for (const [body, type] of [['{', 'application/json'], ['<xml/>', 'text/xml'], ['words', 'text/plain'], ['', 'application/json'], ['[]', 'application/json']] as const) {
  t.test(`a token request of ${JSON.stringify(body)} as ${type} is an invalid_request`, async t => {
    const { simulator } = refusing
    const answer = await exchange(simulator.tokenUrl, { method: 'POST', body, headers: { 'content-type': type } })
    t.equal(answer.status, 400)
    t.equal(answer.body.error, 'invalid_request')
  })
}

function decode (part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}
