import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { settle } from '../helpers/fake-clock.ts'
import { run, type RunningProcess } from '../helpers/process.ts'
import { freePort, sendRaw, startRefusing, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { untilElsewhere } from '../helpers/until.ts'
import { CanaryApp } from './app.ts'
import { Markers } from './markers.ts'
import { startStage } from './stage.ts'

const markers = new Markers()
const plant = markers.plant.bind(markers)

/** What may be shown, and is looked for to see that the search finds something. */
const CONTROLS = ['the path', 'the correlation id']

/** A mistake in the settings names the file, and so does the warning of one that went away: a path is no secret to who set it. */
const FILE_LINE = /_FILE: /

/** All that anybody outside the API's answers gets to see, line by line. */
const evidence: Array<{ readonly source: string, readonly line: string }> = []

function keep (source: string, text: string): void {
  evidence.push(...text.split('\n').map(line => ({ source, line })))
}

/** Of what comes back, what the sidecar made itself. @returns the codes */
function keepOwn (source: string, received: string): string | undefined {
  if (received.includes('application/problem+json')) keep(source, received)
  return /"code":"([^"]+)"/.exec(received)?.[1]
}

async function finish (name: string, process: RunningProcess): Promise<number | string | null> {
  const end = await process.ended
  keep(`${name}: stdout`, process.output.stdout)
  keep(`${name}: stderr`, process.output.stderr)
  return end
}

const stage = await startStage(t, markers)
const proxyUrl = `http://${plant('the user of the proxy', 'plain')}:${plant('the password of the proxy', 'plain')}@${new URL(stage.proxyOrigin).host}`

const base = {
  PORT: '0',
  ADMIN_PORT: '0',
  LOG_LEVEL: 'trace',
  BOOKABLE_API_URL: stage.apiOrigin,
  BOOKABLE_TOKEN_URL: `${stage.tokenOrigin}/good`,
  BOOKABLE_CLIENT_ID_FILE: stage.files.clientId,
  BOOKABLE_CLIENT_SECRET_FILE: stage.files.clientSecret,
  INBOUND_API_KEY_FILE: stage.files.key,
  HTTPS_PROXY: proxyUrl,
  NODE_EXTRA_CA_CERTS: '',
  TOKEN_WAIT_MS: '200',
  UPSTREAM_TIMEOUT_MS: '1500',
  SHUTDOWN_TIMEOUT_MS: '100'
}

async function serve (env: Readonly<Record<string, string>>) {
  const process = run(t, ['serve'], { ...base, ...env })
  const [line] = await process.seen('stdout', /^.*"listening".*$/m)
  const { url, adminUrl } = JSON.parse(line) as { url: string, adminUrl: string }
  return { process, adminUrl, url, app: new CanaryApp(markers, url) }
}

/** In this process, where only its answers and its log are of interest: a process of its own for each of seventeen would be seconds of CPU. */
async function serveHere (t: Teardown, name: string, env: Readonly<Record<string, string>>) {
  const sidecar = await startTestSidecar(t, { apiUrl: stage.apiOrigin, env: { ...base, BOOKABLE_CLIENT_ID: '', BOOKABLE_CLIENT_SECRET: '', ...env } })
  const app = new CanaryApp(markers, sidecar.url)
  return {
    ...sidecar,
    ask: async (requestLine: string) => keepOwn(name, await app.ask(requestLine)),
    async end () {
      await sidecar.drain()
      keep(`${name}: log`, sidecar.output.stdout)
    }
  }
}

t.test('everything that an app can send in the life of a sidecar is answered, or refused by its code', async t => {
  const { process, adminUrl, app } = await serve({ BOOKABLE_TOKEN_URL: `${stage.tokenOrigin}/short`, TOKEN_WAIT_MS: '5000' })
  await process.seen('stdout', /token refreshed/)
  const query = `email=${encodeURIComponent(plant('a query'))}`
  const body = JSON.stringify({ firstName: plant('the body of a request') })
  const codes: Array<string | undefined> = []
  const ask = async (...request: Parameters<CanaryApp['ask']>): Promise<void> => { codes.push(keepOwn(request[0], await app.ask(...request))) }

  await ask(`GET /venues/${plant('the path', 'plain')}?${query}`)
  await ask(`POST /venues/1/booking?${query}`, { body })
  // With a key it would be too large.
  await ask(`PUT /venues/1/booking?${query}`, { body: body.repeat(2_000) })
  codes.push(keepOwn('chunked', await app.upload(`/venues/1/booking?${query}`, body)))
  await ask(`GET /venues/fails?${query}`)
  await ask(`POST /venues/replayed?${query}`, { body })
  await ask(`POST /venues/unauthorized?${query}`, { body })
  t.same(codes.splice(0), Array(7).fill(undefined))
  t.ok(stage.apiRequests.some(text => markers.foundIn(text).includes('the access token')), 'the API got the token')

  await ask(`GET /venues?${query}`, { headers: [`Host: ${plant('a host', 'plain')}.example`] })
  await ask(`GET /venues?${query}`, { headers: [`Origin: https://${plant('an origin', 'plain')}.example`] })
  await ask(`GET /venues?${query}`, { headers: [`X-Api-Key: ${plant('a wrong key')}`] })
  await ask(`GET /venues?${query}`, { headers: ['X-Api-Key: no', `Authorization: Basic ${Buffer.from(`user:${plant('a wrong password')}`).toString('base64')}`] })
  await ask(`GET /venues/../x?${query}`)
  await ask(`GET /venues#${plant('a fragment', 'plain')}`)
  await ask(`GET /operators?${query}`)
  await ask(`TRACE /venues?${query}`)
  await ask(`GET /venues?${query}`, { headers: Array<string>(500).fill(`A: ${plant('one of too many headers')}`) })
  await ask(`GET /venues?${query}`, { headers: [`X: ${plant('a header that is too long').repeat(600)}`] })
  await ask(`GET /venues?${query}`, { headers: [`Expect: ${plant('an expectation', 'plain')}`] })
  await ask(`GET /venues/breaks?${query}`)
  await ask(`GET /venues/hangs?${query}`)
  await ask(`POST /venues/hangs?${query}`, { body })
  t.same(codes.splice(0), [
    'PROXY-N-003', 'PROXY-N-004', 'PROXY-N-005', 'PROXY-N-005', 'PROXY-N-006', 'PROXY-N-006', 'PROXY-N-001', 'PROXY-N-002', 'PROXY-N-007', 'PROXY-N-007', 'PROXY-N-006', undefined, 'UPSTR-R-002', 'UPSTR-N-001'
  ])

  for (const [what, text] of [
    ['a method', `${plant('a method', 'plain').toUpperCase()} /venues HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['no HTTP', `${plant('what is no HTTP')}\r\n\r\n`],
    ['a header without a colon', `GET /venues HTTP/1.1\r\nHost: localhost\r\n${plant('a header without a colon')}\r\n\r\n`],
    ['a broken chunk', `POST /venues HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: ${plant('the key for apps')}\r\nTransfer-Encoding: chunked\r\n\r\n${plant('a broken chunk')}\r\n`],
    ['a tunnel', `CONNECT ${plant('the target of a tunnel', 'plain')}.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n`]
  ] as const) {
    t.match(keepOwn(what, await app.send(text)), /^PROXY-N-00[26]$/, what)
  }
  await app.leave(`/venues/1/booking?${query}`)
  await process.seen('stdout', /"aborted":true/)

  for (const path of ['/', '/livez', '/readyz', '/healthz', '/startupz', '/metrics', '/status', '/nowhere']) {
    const received = await sendRaw(adminUrl, `GET ${path}?${plant('a query of an operator', 'plain')} HTTP/1.1\r\nHost: localhost\r\nCookie: ${plant('a cookie of an operator')}\r\nConnection: close\r\n\r\n`)
    t.match(received, /^HTTP\/1\.1 (200|404) /)
    keep(`admin ${path}`, received)
  }

  writeFileSync(stage.files.clientSecret, plant('the client secret after its rotation'))
  await untilElsewhere(async () => stage.tokenRequests.some(text => markers.foundIn(text).includes('the client secret after its rotation')))
  rmSync(stage.files.clientSecret)
  await process.seen('stdout', /secret file unreadable/)

  const cut = app.ask(`POST /venues/hangs?${query}`, { body })
  const before = stage.apiRequests.length
  while (stage.apiRequests.length === before) await settle()
  process.child.kill('SIGTERM')
  t.equal(keepOwn('a drain that is cut short', await cut), 'UPSTR-N-001')
  t.equal(await finish('serve', process), 1)
  writeFileSync(stage.files.clientSecret, plant('the client secret'))
})

t.test('a token endpoint that refuses, fails, hangs or talks is told to the app by its code', async t => {
  const rows = [
    ['/refuses', 'TOKEN-N-001'], ['/echoes', 'TOKEN-N-001'], ['/echoes-the-secret', 'TOKEN-N-001'], ['/html', 'TOKEN-R-002'], ['/broken-json', 'TOKEN-R-002'], ['/wrong-type', 'TOKEN-R-002'],
    ['/no-lifetime', 'TOKEN-R-002'], ['/fails', 'TOKEN-R-001'], ['/limits', 'TOKEN-R-001'], ['/redirects', 'TOKEN-R-001'], ['/resets', 'TOKEN-R-001'], ['/hangs', 'TOKEN-R-001']
  ] as const
  await Promise.all(rows.map(async ([path, code], i) => {
    const name = `token endpoint ${path}`
    const format = i % 2 === 0 ? 'json' : 'form'
    const { ask, adminUrl, line, end } = await serveHere(t, name, { BOOKABLE_TOKEN_URL: stage.tokenOrigin + path, BOOKABLE_TOKEN_REQUEST_FORMAT: format, ...(path === '/hangs' ? { TOKEN_TIMEOUT_MS: '500' } : {}) })
    await line('no usable token')
    t.equal(await ask('GET /venues'), code, name)
    keep(name, await sendRaw(adminUrl, 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))
    await end()
  }))
})

t.test('an API, a token endpoint or a proxy that cannot be reached is told to the app by its code', async t => {
  const refusing = await startRefusing(t)
  for (const [name, env, code] of [
    ['the API refuses to connect', { BOOKABLE_API_URL: refusing }, 'UPSTR-R-001'],
    ['the token endpoint refuses to connect', { BOOKABLE_TOKEN_URL: refusing }, 'TOKEN-R-001'],
    ['the proxy refuses a tunnel to the API', { BOOKABLE_API_URL: 'https://api.invalid' }, 'UPSTR-R-001'],
    ['the proxy refuses a tunnel to the token endpoint', { BOOKABLE_TOKEN_URL: 'https://auth.invalid/token' }, 'TOKEN-R-001'],
    ['the proxy cannot be reached', { BOOKABLE_API_URL: 'https://api.invalid', HTTPS_PROXY: proxyUrl.replace(/@.*/, `@${new URL(refusing).host}`) }, 'UPSTR-R-001']
  ] as const) {
    const { ask, line, end } = await serveHere(t, name, env)
    await Promise.race([line('token refreshed'), line('no usable token')])
    t.equal(await ask('GET /venues'), code, name)
    await end()
  }
})

t.test('starts that fail, and checks, end by their exit codes', async t => {
  const taken = String(await freePort())
  const { process, url } = await serve({ PORT: taken })
  t.match(url, taken)
  for (const [name, args, env, end] of [
    ['a taken port', ['serve'], { PORT: taken }, 1],
    ['check', ['check'], {}, 0],
    ['check --json', ['check', '--json'], {}, 0],
    ['check of a refusal', ['check', '--json'], { BOOKABLE_TOKEN_URL: `${stage.tokenOrigin}/echoes` }, 1],
    ['check through the proxy', ['check'], { BOOKABLE_TOKEN_URL: 'https://auth.invalid/token' }, 1],
    ['secrets that are set twice', ['serve'], { BOOKABLE_CLIENT_SECRET: plant('a client secret in the environment'), INBOUND_API_KEY: plant('a key in the environment') }, 2],
    ['files that are not there', ['check', '--json'], { BOOKABLE_CLIENT_SECRET_FILE: `${stage.files.clientSecret}.gone` }, 1],
    ['URLs with passwords', ['serve'], {
      BOOKABLE_API_URL: `https://user:${plant('a password in BOOKABLE_API_URL')}@a.example`,
      BOOKABLE_TOKEN_URL: `https:\\\\user:${plant('a password in BOOKABLE_TOKEN_URL', 'plain')}@a.example`,
      HTTPS_PROXY: `ftp://user:${plant('a password in HTTPS_PROXY', 'plain')}%zz@a.example`,
      ALLOWED_HOSTS: `https://user:${plant('a password in ALLOWED_HOSTS', 'plain')}@a.example`,
      PORT: 'x'
    }, 2]
  ] as const) {
    t.equal(await finish(name, run(t, args, { ...base, ...env })), end, name)
  }
  process.child.kill('SIGTERM')
  await finish('who had the port', process)
})

t.test('an uncaught exception amid requests is told, and ends it with 1', async t => {
  const hook = join(mkdtempSync(join(tmpdir(), 'hook-')), 'throw-on-sigusr1.cjs')
  writeFileSync(hook, "process.on('SIGUSR1', () => { throw new Error('out of the blue') })")
  const { process, app } = await serve({ NODE_OPTIONS: `--require ${hook}` })
  await process.seen('stdout', /token refreshed/)
  const before = stage.apiRequests.length
  const cut = app.ask('GET /venues/hangs')
  while (stage.apiRequests.length === before) await settle()
  process.child.kill('SIGUSR1')
  keepOwn('a crash', await cut)
  t.equal(await finish('a crash', process), 1)
  t.match(process.output.stdout, 'out of the blue')
})

t.test('of all that was planted meanwhile nothing is found in any output, but the path and the correlation id', async t => {
  for (const control of CONTROLS) t.ok(evidence.some(({ line }) => markers.foundIn(line).includes(control)), `${control} is found`)
  t.ok(evidence.some(({ line }) => FILE_LINE.test(line) && markers.foundIn(line).includes('the path of a secret file')))
  const found = evidence.flatMap(({ source, line }) => markers.foundIn(line).map(where => ({ where, source, line: line.slice(0, 300) })))
  t.same(found.filter(({ where, line }) => !CONTROLS.includes(where) && !(where === 'the path of a secret file' && FILE_LINE.test(line))), [])
  t.ok(markers.all.length > 60, `${markers.all.length} markers, ${evidence.length} lines`)
})
