import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { systemClock } from '../src/clock.ts'
import { check } from '../src/commands/check.ts'
import { createPool } from '../src/upstream/pool.ts'
import { startConnectProxy } from './helpers/connect-proxy.ts'
import { call } from './helpers/http.ts'
import { run, type RunningProcess } from './helpers/process.ts'
import { json, startServer, startTcpServer } from './helpers/servers.ts'
import { startTestSidecar } from './helpers/sidecar.ts'
import { startTlsFront, startTlsServer } from './helpers/tls.ts'

/** A name that nobody resolves: only through the proxy is there a way. */
const NAME = 'api.bookable.invalid'

/** The outside: token endpoint and API at one https origin, in a certificate for `name`. */
async function startOutside (t: Test, name = NAME) {
  const seen: string[] = []
  const { url, certPath } = await startTlsServer(t, (req, res) => {
    seen.push(`${req.headers.host} ${req.url} ${req.headers.authorization}`)
    if (req.url === '/oauth/token') return json(res, 200, { access_token: 'obviously-fake', token_type: 'Bearer', expires_in: 3600 })
    res.end('from the api')
  }, { name })
  return { url, port: new URL(url).port, seen, certPath }
}

function start (t: Test, { port, certPath }: { port: string, certPath: string }, env: Readonly<Record<string, string>>): RunningProcess {
  return run(t, [], {
    BOOKABLE_CLIENT_ID: 'test-client',
    BOOKABLE_CLIENT_SECRET: 'test-secret',
    BOOKABLE_API_URL: `https://${NAME}:${port}`,
    BOOKABLE_TOKEN_URL: `https://${NAME}:${port}/oauth/token`,
    PORT: '0',
    ADMIN_PORT: '0',
    TOKEN_WAIT_MS: '1000',
    NODE_EXTRA_CA_CERTS: certPath,
    ...env
  })
}

/** In this process, whose CAs are not asked for: for outsides that nobody gets to. */
async function startHere (t: Test, port: string, env: Readonly<Record<string, string>>) {
  return startTestSidecar(t, { apiUrl: `https://${NAME}:${port}`, env: { BOOKABLE_TOKEN_URL: `https://${NAME}:${port}/oauth/token`, TOKEN_WAIT_MS: '200', ...env } })
}

async function callThrough (sidecar: RunningProcess) {
  const [, url = ''] = await sidecar.seen('stdout', /"url":"([^"]+)"/)
  return call(url, '/venues')
}

t.test('HTTPS_PROXY leads to the token endpoint and to the API through tunnels, with the proxy\'s credentials and TLS from end to end', async t => {
  const outside = await startOutside(t)
  const proxy = await startConnectProxy(t, outside.url)
  const sidecar = start(t, outside, { https_proxy: proxy.url.replace('//', '//me:p%40ss@') })
  const answer = await callThrough(sidecar)
  t.equal(answer.body.toString(), 'from the api')
  const tunnel = { authority: `${NAME}:${outside.port}`, authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` }
  t.same(proxy.tunnels, [tunnel, tunnel])
  t.same(proxy.others, [])
  t.same(outside.seen, [`${NAME}:${outside.port} /oauth/token undefined`, `${NAME}:${outside.port} /venues Bearer obviously-fake`])
})

t.test('a proxy that answers in the API\'s name gets neither the credentials nor a token', async t => {
  const impostor = await startOutside(t, 'impostor.invalid')
  const proxy = await startConnectProxy(t, impostor.url)
  const sidecar = start(t, impostor, { HTTPS_PROXY: proxy.url, NODE_TLS_REJECT_UNAUTHORIZED: '0' })
  t.equal((await callThrough(sidecar)).status, 503)
  await sidecar.seen('stdout', /ERR_TLS_CERT_ALTNAME_INVALID/)
  t.same(impostor.seen, [])
})

t.test('a proxy that refuses, is not there or makes no tunnels is named in the log, without its credentials', async t => {
  const outside = await startOutside(t)
  const refusing = await startConnectProxy(t, outside.url, 407)
  const plain = await startServer(t, (_req, res) => res.end('hello'))
  for (const [proxy, words] of [
    [refusing.url, /the outbound proxy [\d.:]+ answered CONNECT [^ ]+ with status 407/],
    [plain, /the outbound proxy [\d.:]+ cannot be reached/],
    ['http://127.0.0.1:1', /the outbound proxy [\d.:]+ cannot be reached: connect ECONNREFUSED/]
  ] as const) {
    const { url, line, output } = await startHere(t, outside.port, { HTTPS_PROXY: proxy.replace('//', '//me:hunter2@') })
    const answer = await call(url, '/venues')
    t.match(JSON.parse(answer.body.toString()), { code: 'TOKEN-R-001' })
    t.match(JSON.stringify(await line('no usable token')), words)
    t.notMatch(output.stdout + answer.body.toString(), /hunter2/)
  }
})

for (const [what, name, isTrusted] of [['has its own name', 'localhost', true], ['has the name of the API', NAME, false]] as const) {
  t.test(`an https proxy whose certificate ${what} ${isTrusted ? 'is trusted' : 'does not get the proxy\'s credentials'}`, async t => {
    const outside = await startOutside(t)
    const tunnels = await startConnectProxy(t, outside.url)
    const proxy = await startTlsFront(t, tunnels.url, name)
    const certPath = join(mkdtempSync(join(tmpdir(), 'ca-')), 'both.pem')
    writeFileSync(certPath, readFileSync(outside.certPath, 'utf8') + readFileSync(proxy.certPath, 'utf8'))
    const sidecar = start(t, { ...outside, certPath }, { HTTPS_PROXY: proxy.url.replace('//', '//me:hunter2@') })
    t.equal((await callThrough(sidecar)).status, isTrusted ? 200 : 503)
    t.equal(tunnels.tunnels.length, isTrusted ? 2 : 0)
  })
}

t.test('a tunnel in which nobody speaks is given up, and its connection closed', async t => {
  const closed: Array<Promise<unknown>> = []
  const proxy = await startTcpServer(t, socket => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    closed.push(new Promise(resolve => socket.resume().on('close', resolve)))
  })
  const dispatcher = createPool({
    clock: systemClock, config: { origin: `https://${NAME}`, connections: 1, connectTimeoutMs: 100, proxy: { url: new URL(proxy), authorization: undefined } }
  })
  await t.rejects(request(`https://${NAME}/`, { dispatcher }), { code: 'CONNECT_TIMEOUT' })
  t.equal(closed.length, 1)
  await Promise.all(closed)
  await dispatcher.destroy()
})

t.test('a proxy that never answers costs no more than the time to connect', async t => {
  const { url, line } = await startHere(t, '1', { HTTPS_PROXY: await startTcpServer(t, () => {}), TOKEN_TIMEOUT_MS: '300' })
  t.match(JSON.parse((await call(url, '/venues')).body.toString()), { code: 'TOKEN-R-001' })
  t.match(JSON.stringify(await line('no usable token')), /did not answer in 300 ms|no connection in 300 ms/)
})

t.test('loopback is reached without the proxy', async t => {
  const outside = await startOutside(t, 'localhost')
  const proxy = await startConnectProxy(t, outside.url)
  const sidecar = start(t, outside, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, BOOKABLE_API_URL: outside.url, BOOKABLE_TOKEN_URL: `${outside.url}/oauth/token` })
  t.equal((await callThrough(sidecar)).status, 200)
  t.same([proxy.tunnels, proxy.others], [[], []])
})

t.test('what NO_PROXY names is reached without the proxy', async t => {
  const proxy = await startConnectProxy(t, 'http://127.0.0.1:1')
  const { url, line } = await startHere(t, '443', { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, NO_PROXY: `localhost, .${NAME.slice(4)}` })
  t.equal((await call(url, '/venues')).status, 503)
  t.match(JSON.stringify(await line('no usable token')), /ENOTFOUND|EAI_AGAIN/)
  t.same([proxy.tunnels, proxy.others], [[], []])
})

t.test('a proxy URL that is none is a mistake, told without its credentials', async t => {
  for (const value of ['socks5://me:hunter2@proxy:1080', 'me:hunter2@:::', 'http://me:hunter2%zz@proxy:1']) {
    const steps = await check({ BOOKABLE_CLIENT_ID: 'a', BOOKABLE_CLIENT_SECRET: 'b', HTTPS_PROXY: value })
    t.match(steps, [{ name: 'settings', ok: false, detail: /HTTPS_PROXY: its value / }])
    t.notMatch(JSON.stringify(steps), /hunter2/)
  }
})
