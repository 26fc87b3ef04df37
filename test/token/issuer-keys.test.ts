import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { parseHttpUrl } from '../../src/config/parse.ts'
import { Secret } from '../../src/secret.ts'
import { IssuerKeys } from '../../src/token/issuer-keys.ts'
import { createFetchJson } from '../../src/upstream/fetch-json.ts'
import { json, startRefusing, startServer } from '../helpers/servers.ts'

type Algorithm = 'RS256' | 'ES256' | 'PS256'

/** An issuer that publishes its keys, and can be made to change them and to fail. */
async function startIssuer (t: Test, metadata?: (origin: string) => object) {
  const state = { keys: new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>(), jwks: [] as object[], fetches: [] as string[], isDown: false }
  const origin: string = await startServer(t, (req, res) => {
    state.fetches.push(req.url ?? '')
    if (state.isDown) return json(res, 500, {})
    if (req.url === '/keys' || req.url === '/.well-known/jwks.json') return json(res, 200, { keys: state.jwks })
    if (req.url === '/.well-known/openid-configuration' && metadata !== undefined) return json(res, 200, metadata(origin))
    json(res, 404, {})
  })
  return Object.assign(state, {
    issuer: `${origin}/`,
    addKey: async (kid: string, alg: Algorithm) => {
      const pair = await generateKeyPair(alg)
      state.keys.set(kid, pair)
      state.jwks.push({ ...await exportJWK(pair.publicKey), kid, alg, use: 'sig' })
    },
    sign: async (kid: string, alg: string, key = state.keys.get(kid)?.privateKey) => {
      if (key === undefined) throw new Error(`no key ${kid}`)
      return new Secret(await new SignJWT({ scope: 'venue:read' }).setProtectedHeader({ alg, kid }).sign(key))
    }
  })
}

function keysOf (issuer: string): IssuerKeys {
  const fetchJson = createFetchJson({ clock: systemClock, connectTimeoutMs: 5000, proxyFor: () => undefined, stop: new AbortController().signal })
  return new IssuerKeys({ clock: systemClock, fetchJson, issuer, timeoutMs: 5000, parseUrl: parseHttpUrl })
}

for (const alg of ['RS256', 'ES256', 'PS256'] as const) {
  t.test(`a token that the issuer signed by ${alg} is good, and the keys are fetched once`, async t => {
    const server = await startIssuer(t, origin => ({ issuer: `${origin}/`, jwks_uri: `${origin}/keys` }))
    await server.addKey('one', alg)
    const keys = keysOf(server.issuer)
    await keys.verify(await server.sign('one', alg))
    await keys.verify(await server.sign('one', alg))
    t.same(server.fetches, ['/.well-known/openid-configuration', '/keys'])
  })
}

t.test('where there is no metadata, or it tells no keys, they are found at jwks.json', async t => {
  for (const metadata of [undefined, () => ({})]) {
    const server = await startIssuer(t, metadata)
    await server.addKey('one', 'ES256')
    await keysOf(server.issuer).verify(await server.sign('one', 'ES256'))
    t.equal(server.fetches.at(-1), '/.well-known/jwks.json')
  }
})

t.test('a token that is not signed by a private key of the issuer is refused', async t => {
  const server = await startIssuer(t)
  await server.addKey('one', 'RS256')
  await server.addKey('two', 'ES256')
  const keys = keysOf(server.issuer)
  const foreign = await generateKeyPair('ES256')
  const [head = '', payload = '', signature = ''] = (await server.sign('two', 'ES256')).reveal().split('.')
  const hmacKey = new TextEncoder().encode(JSON.stringify(server.jwks[0]))
  for (const [what, token] of [
    ['signed by someone else', await server.sign('two', 'ES256', foreign.privateKey)],
    ['with a key that is not there', await server.sign('three', 'ES256', foreign.privateKey)],
    ['not signed at all', new Secret(new UnsecuredJWT({ scope: 'venue:read' }).encode())],
    ['signed by HMAC with the public key', new Secret(await new SignJWT({}).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(hmacKey))],
    ['of an algorithm that is not allowed', await server.sign('one', 'RS512', (await generateKeyPair('RS512')).privateKey)],
    ['changed after it was signed', new Secret(`${head}.${Buffer.from('{"scope":"everything"}').toString('base64url')}.${signature}`)],
    ['without a signature', new Secret(`${head}.${payload}.`)],
    ['opaque', new Secret('obviously-fake')]
  ] as const) {
    await t.rejects(keys.verify(token), { code: 'TOKEN-R-002', message: /^The signature of the token is not one of/ }, what)
  }
})

t.test('keys that the issuer changed are fetched again', async t => {
  const server = await startIssuer(t)
  await server.addKey('one', 'ES256')
  const keys = keysOf(server.issuer)
  await keys.verify(await server.sign('one', 'ES256'))
  server.jwks.length = 0
  await server.addKey('two', 'ES256')
  await keys.verify(await server.sign('two', 'ES256'))
  await t.rejects(keys.verify(await server.sign('one', 'ES256')), { code: 'TOKEN-R-002' })
})

t.test('keys that cannot be had are told before a token is asked for, and asked for again the next time', async t => {
  const server = await startIssuer(t)
  await server.addKey('one', 'ES256')
  server.isDown = true
  const keys = keysOf(server.issuer)
  await t.rejects(keys.load(), { code: 'TOKEN-R-002', message: /The keys of the issuer http:\/\/127.0.0.1:\d+\/ could not be had/ })
  server.isDown = false
  await keys.load()
  await t.rejects(keysOf(`${await startRefusing(t)}/`).load(), { code: 'TOKEN-R-002' })
})

t.test('metadata that could not be had once is asked for again, so that the keys are found where they are', async t => {
  const server = await startIssuer(t, origin => ({ issuer: `${origin}/`, jwks_uri: `${origin}/keys` }))
  await server.addKey('one', 'ES256')
  const keys = keysOf(server.issuer)
  server.isDown = true
  await t.rejects(keys.load(), { code: 'TOKEN-R-002' })
  server.isDown = false
  await keys.verify(await server.sign('one', 'ES256'))
  t.equal(server.fetches.at(-1), '/keys')
})

t.test('metadata of another issuer, or that leads to plain http elsewhere, is refused', async t => {
  const other = await startIssuer(t, origin => ({ issuer: 'https://evil.example/', jwks_uri: `${origin}/keys` }))
  await t.rejects(keysOf(other.issuer).load(), { code: 'TOKEN-R-002', message: /is of issuer "https:\/\/evil.example\/"/ })
  const plain = await startIssuer(t, origin => ({ issuer: `${origin}/`, jwks_uri: 'http://keys.example/keys' }))
  await t.rejects(keysOf(plain.issuer).load(), { code: 'TOKEN-R-002', cause: { message: /plain http/ } })
  // Loopback may be spoken to without TLS, but not in the name of an issuer that has it.
  const near = new IssuerKeys({
    clock: systemClock, timeoutMs: 5000, parseUrl: parseHttpUrl, issuer: 'https://issuer.example/', fetchJson: async () => ({ status: 200, headers: {}, json: { jwks_uri: 'http://127.0.0.1/keys' } })
  })
  await t.rejects(near.load(), { code: 'TOKEN-R-002', cause: { message: /not https/ } })
})
