import { connect, type Socket } from 'node:net'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import type { Environment } from '../../src/config/read-settings.ts'
import { Secret } from '../../src/secret.ts'
import { systemClock } from '../../src/clock.ts'
import { parseTokenResponse } from '../../src/token/access-token.ts'
import { createTokenEndpoint } from '../../src/token/endpoint.ts'
import { createFetchJson } from '../../src/upstream/fetch-json.ts'
import { settle } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { run } from '../helpers/process.ts'
import { json, readBody, startServer, startTokenServer, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { answersIn, hasControls } from './answers.ts'

/** Each of these broke something when it was found at random. */

const CONNECT = 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** An app at the other end of a connection that it does not end, once something has come back, or nothing will. */
async function say (url: string, text: string): Promise<Socket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  socket.write(text)
  await new Promise(resolve => socket.once('data', resolve).once('close', resolve))
  return socket
}

/** In a process of its own, since it may die. */
async function startProcess (t: Teardown) {
  const { url: BOOKABLE_TOKEN_URL } = await startTokenServer(t)
  const sidecar = run(t, [], {
    PORT: '0', ADMIN_PORT: '0', BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake', BOOKABLE_API_URL: 'http://127.0.0.1:1', BOOKABLE_TOKEN_URL, SHUTDOWN_TIMEOUT_MS: '100'
  })
  const [line] = await sidecar.seen('stdout', /^.*"listening".*$/m)
  return { sidecar, urls: JSON.parse(line) as { url: string, adminUrl: string } }
}

t.test('a CONNECT whose app resets the connection harms nobody, on either listener', async t => {
  const { sidecar, urls } = await startProcess(t)
  for (const url of [urls.url, urls.adminUrl]) {
    for (let i = 0; i < 20; i++) {
      const app = await say(url, CONNECT)
      if (!app.destroyed) await new Promise(resolve => app.once('close', resolve).resetAndDestroy())
    }
    t.equal((await call(urls.adminUrl, '/livez').catch(() => undefined))?.status, 200)
  }
  t.notMatch(sidecar.output.stdout, 'unexpected error')
})

t.test('a CONNECT whose app stays on, or sends more than anybody reads, does not hold up the drain of either listener', async t => {
  const { sidecar, urls } = await startProcess(t)
  for (const bytes of [CONNECT, `${CONNECT}${'x'.repeat(100_000)}`]) {
    for (const url of [urls.url, urls.adminUrl]) {
      const app = await say(url, bytes)
      t.teardown(() => app.destroy())
    }
  }
  sidecar.child.kill('SIGTERM')
  t.equal(await sidecar.ended, 0)
})

t.test('the 100 Continue of a pipelined request never lands amid an answer', async t => {
  const held: Array<() => void> = []
  const { url } = await startTestSidecar(t, {
    api: (req, res) => {
      if (req.url === '/venues/1') held.push(() => res.end('first'))
      else req.resume().on('end', () => res.end('second'))
    }
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let received = ''
  socket.on('data', chunk => { received += String(chunk) })
  const closed = new Promise(resolve => socket.on('close', resolve))
  socket.write('GET /venues/1 HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /venues/2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}')
  while (held.length === 0) await settle()
  // The second answer waits for the first one.
  for (let turn = 0; turn < 20; turn++) await settle()
  held[0]?.()
  await closed
  t.same(answersIn(received).filter(({ status }) => status !== 100).map(({ body }) => body), ['first', 'second'])
})

t.test('a token whose dates are numerals without end does not live for ever', async t => {
  const endless = '9'.repeat(400)
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `a.${part({ exp: endless, iat: endless })}.c`
  t.equal(parseTokenResponse({ access_token: token, expires_in: 3600 }, 0).lifetimeMs, 3_600_000)
  t.throws(() => parseTokenResponse({ access_token: token, expires_in: endless }, 0), { code: 'TOKEN-R-002' })
})

t.test('a scope that is no text is none, whatever JSON it is', async t => {
  for (const scope of [{ toString: 1, valueOf: 1 }, {}, 7, true]) t.same(parseTokenResponse({ access_token: 'a', expires_in: 1, scope }, 0).scopes, [])
})

function requestToken (origin: string, secret: string, format: 'json' | 'form' = 'json') {
  return createTokenEndpoint({
    clock: systemClock,
    fetchJson: createFetchJson({ clock: systemClock, connectTimeoutMs: 5_000, proxyFor: () => undefined, stop: new AbortController().signal }),
    config: { url: new URL(origin), format, audience: undefined, scope: undefined, timeoutMs: 10_000, readCredentials: () => ({ clientId: new Secret('me@client'), clientSecret: new Secret(secret) }) }
  }).requestToken()
}

t.test('a secret that a token endpoint repeats with a line break in it is not put together again', async t => {
  const origin = await startServer(t, (_req, res) => json(res, 401, { error: 'obviously-\r\nfake-secret' }))
  const problem = await requestToken(origin, 'obviously-fake-secret').catch((error: unknown) => error)
  t.match(problem, { code: 'TOKEN-N-001' })
  t.notMatch(String(problem), 'obviously-fake-secret')
})

t.test('a secret that a token endpoint repeats as it was sent, in JSON or in a form, is not shown', async t => {
  const secret = 'fake+/="\\secret'
  for (const format of ['json', 'form'] as const) {
    const origin = await startServer(t, (req, res) => {
      void readBody(req).then(body => json(res, 400, { error: /client_secret\W+(.*?)("[,}]|&|$)/.exec(body.toString())?.[1] }))
    })
    const problem = await requestToken(origin, secret, format).catch((error: unknown) => error)
    t.match(problem, { code: 'TOKEN-N-001', message: /\[secret\]/ })
    t.notMatch(String(problem), 'fake')
  }
})

function refusalOf (environment: Environment): string {
  try {
    loadConfig({ BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake', ...environment })
  } catch (error) {
    return String(error)
  }
  return 'was taken'
}

for (const [name, value] of [
  ['BOOKABLE_API_URL', 'https://user:\npassword@a.example'],
  ['BOOKABLE_API_URL', 'https:\\\\user:password@a.example'],
  ['BOOKABLE_TOKEN_URL', 'https:user:password@a.example'],
  ['ALLOWED_HOSTS', 'https://user:password@a.example'],
  ['ROUTES', 'https://user:password@a.example/']
] as const) {
  t.test(`the password in ${name}=${JSON.stringify(value)} is not shown`, async t => {
    t.match(refusalOf({ [name]: value }), name)
    t.notMatch(refusalOf({ [name]: value }), 'password')
  })
}

for (const [name, value] of [['ROUTES', '/a\nPORT: b'], ['ALLOWED_HOSTS', 'a\u001b[2Jb'], ['BOOKABLE_CLIENT_SECRET_FILE', '/nowhere\nPORT: b'], ['LOG_LEVEL', '\u009b2J']] as const) {
  t.test(`what is wrong with ${name}=${JSON.stringify(value)} is told on one line, without controls`, async t => {
    const refusal = refusalOf({ [name]: value, ...(name.endsWith('_FILE') ? { BOOKABLE_CLIENT_SECRET: '' } : {}) })
    t.match(refusal, `${name}: `)
    t.notOk(hasControls(refusal), encodeURI(refusal))
  })
}

for (const value of ['Infinity', '-Infinity', '1e999', '9'.repeat(400)]) {
  t.test(`${value.slice(0, 9)} is no whole number within limits`, async t => {
    for (const name of ['PORT', 'UPSTREAM_TIMEOUT_MS', 'MAX_IN_FLIGHT']) t.match(refusalOf({ [name]: value }), `${name}: `)
  })
}
