import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { helpText } from '../src/commands/help.ts'
import { VERSION } from '../src/version.ts'
import { call } from './helpers/http.ts'
import { run, type RunningProcess } from './helpers/process.ts'
import { startTlsServer } from './helpers/tls.ts'
import { freePort, startServer, startTokenServer, type Teardown } from './helpers/servers.ts'

const FREE_PORTS = { PORT: '0', ADMIN_PORT: '0' }
const SECRET = 'obviously-fake-secret'

async function urlsOf ({ seen }: RunningProcess): Promise<{ url: string, adminUrl: string }> {
  const [line] = await seen('stdout', /^.*"listening".*$/m)
  return JSON.parse(line) as { url: string, adminUrl: string }
}

/** The environment of a sidecar whose API answers `from the api`, or as told. */
async function environment (t: Teardown, api: Parameters<typeof startServer>[1] = (_req, res) => res.end('from the api')) {
  const { url } = await startTokenServer(t)
  return { ...FREE_PORTS, BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: SECRET, BOOKABLE_TOKEN_URL: url, BOOKABLE_API_URL: await startServer(t, api) }
}

t.test('the demo prints three curl lines that work when pasted, in order, also where curl would ask a proxy of the site for localhost', async t => {
  const behindProxy = { http_proxy: 'http://127.0.0.1:1' }
  const demo = run(t, ['demo'], { ...FREE_PORTS, ...behindProxy, BOOKABLE_CLIENT_ID: 'ignored', BOOKABLE_API_URL: 'nonsense', TOKEN_STORE: 'redis', HTTPS_PROXY: 'http://127.0.0.1:1' })
  await demo.seen('stderr', /Ctrl-C/)
  const lines = demo.output.stderr.split('\n').filter(line => line.trim().startsWith('curl '))
  t.equal(lines.length, 3)
  const answers = []
  for (const line of lines) answers.push(JSON.parse((await promisify(execFile)('sh', ['-c', line.replace('curl ', 'curl -sS ')], { env: { PATH: process.env.PATH, ...behindProxy } })).stdout) as Record<string, unknown>)
  t.match(answers, [{ data: [{ name: /Dishoom/ }] }, { times: [{ type: 'book' }] }, { status: 'Confirmed' }])
  demo.child.kill('SIGINT')
  t.equal(await demo.ended, 0)
})

t.test('a second process uses the demo\'s simulator with the credentials that it prints', async t => {
  const demo = run(t, ['demo'], FREE_PORTS)
  await demo.seen('stderr', /Ctrl-C/)
  t.match(demo.output.stderr, /^ *curl 'http:/m)
  const printed = Object.fromEntries([...demo.output.stderr.matchAll(/(BOOKABLE_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]))
  const second = run(t, ['serve'], { ...FREE_PORTS, ...printed })
  const { url } = await urlsOf(second)
  t.match(JSON.parse((await call(url, '/venues?venueName=dishoom')).body.toString()), { data: [{ name: /Dishoom/ }] })
  const check = run(t, ['check', '--json'], printed)
  t.equal(await check.ended, 0)
  t.match(JSON.parse(check.output.stdout), { ok: true, steps: [{ name: 'settings' }, { name: 'dns' }, { name: 'tls' }, { name: 'token', facts: { lifetimeS: 3600 } }, { name: 'claims', facts: { audience: 'api.bookabletech.com' } }, { name: 'scopes', facts: { scopes: ['venue:read', 'venue-booking:create'] } }, { name: 'api', facts: { status: 200 } }, { name: 'quota', facts: { limit: 200 } }] })
})

t.test('localhost answers on 127.0.0.1 and, where there is one, on ::1', async t => {
  const { url } = await urlsOf(run(t, [], await environment(t)))
  const { port } = new URL(url)
  t.equal((await call(`http://127.0.0.1:${port}`, '/venues')).status, 200)
  const answer = await call(`http://[::1]:${port}`, '/venues').catch((error: NodeJS.ErrnoException) => error.code)
  t.match(answer, typeof answer === 'string' ? /EADDRNOTAVAIL|EAFNOSUPPORT/ : { status: 200 })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets a running request finish and ends with 0`, async t => {
    let finish = (): void => {}
    const arrived = new Promise<void>(resolve => { finish = resolve })
    let answer = (): void => {}
    const sidecar = run(t, [], await environment(t, (_req, res) => {
      answer = () => res.end('late')
      finish()
    }))
    const { url } = await urlsOf(sidecar)
    const running = call(url, '/venues')
    await arrived
    sidecar.child.kill(signal)
    await sidecar.seen('stdout', /drain started/)
    answer()
    t.equal((await running).body.toString(), 'late')
    t.equal(await sidecar.ended, 0)
    t.equal(sidecar.output.stderr, '')
  })
}

t.test('a drain that is cut short ends with 1', async t => {
  let arrive = (): void => {}
  const arrived = new Promise<void>(resolve => { arrive = resolve })
  const sidecar = run(t, [], { ...await environment(t, () => arrive()), SHUTDOWN_TIMEOUT_MS: '50' })
  const running = call((await urlsOf(sidecar)).url, '/venues')
  await arrived
  sidecar.child.kill('SIGTERM')
  t.match(JSON.parse((await running).body.toString()), { code: 'DRAIN-R-001' })
  t.equal(await sidecar.ended, 1)
})

t.test('a second signal ends it at once with 1', async t => {
  let arrive = (): void => {}
  const arrived = new Promise<void>(resolve => { arrive = resolve })
  const sidecar = run(t, [], await environment(t, () => arrive()))
  const running = call((await urlsOf(sidecar)).url, '/venues').catch((error: NodeJS.ErrnoException) => error.code)
  await arrived
  sidecar.child.kill('SIGTERM')
  await sidecar.seen('stdout', /drain started/)
  sidecar.child.kill('SIGTERM')
  t.equal(await sidecar.ended, 1)
  t.equal(await running, 'ECONNRESET')
})

t.test('bad settings are told all at once, without a stack, and end with 2', async t => {
  const { ended, output } = run(t, [], { PORT: 'abc', BOOKABLE_ENVIRONMENT: 'moon' })
  t.equal(await ended, 2)
  t.equal(output.stdout, '')
  t.same(output.stderr.trim().split('\n').map(line => line.split(':')[0]), ['BOOKABLE_CLIENT_ID', 'BOOKABLE_CLIENT_SECRET', 'BOOKABLE_ENVIRONMENT', 'PORT'])
})

t.test('an unknown word or option is named, points to --help, and ends with 2', async t => {
  await Promise.all(([
    [['srve'], 'srve'], [['serve', 'now'], 'now'], [['--prot'], '--prot'], [['wait', '--timeout', 'x'], 'x'], [['wait', '--timeout'], '--timeout'],
    [['serve', '--json'], '--json'], [['serve', '--fault', 'api-hang'], '--fault'], [['serve', '--timeout', '1'], '--timeout'], [['demo', '--fault', 'api-hnag'], 'api-hnag']
  ] as const).map(async ([args, word]) => {
    const { ended, output } = run(t, args)
    t.equal(await ended, 2, word)
    t.match(output.stderr.trim().split('\n'), [/--help/])
    t.match(output.stderr, word)
  }))
})

t.test('--help and --version are told on stdout, whatever the command and the settings, and end with 0', async t => {
  for (const [option, text] of [['--help', helpText()], ['-h', helpText()], ['--version', `${VERSION}\n`]] as const) {
    const { ended, output } = run(t, ['demo', option], { PORT: 'abc' })
    t.equal(await ended, 0)
    t.same(output, { stdout: text, stderr: '' })
  }
})

t.test('a taken port is one line that says so, and ends with 1', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const port = String((server.address() as AddressInfo).port)
  for (const name of ['PORT', 'ADMIN_PORT']) {
    const { ended, output } = run(t, [], { ...await environment(t), [name]: port })
    t.equal(await ended, 1)
    t.match(output.stderr.trim().split('\n'), [new RegExp(`^${name} ${port} is taken on 127\\.0\\.0\\.1`)])
    t.notMatch(output.stdout, /TOKEN-/)
  }
})

t.test('healthcheck and wait tell whether a sidecar is ready, and need no credentials', async t => {
  const ADMIN_PORT = String(await freePort())
  t.equal(await run(t, ['healthcheck'], { ADMIN_PORT }).ended, 1)
  t.equal(await run(t, ['healthcheck'], { ADMIN_PORT: 'x' }).ended, 1)
  const early = run(t, ['wait', '--timeout', '30'], { ADMIN_PORT, ADMIN_HOST: '0.0.0.0' })
  const inVain = run(t, ['wait', '--timeout', '0'], { ADMIN_PORT })
  t.equal(await inVain.ended, 1)
  t.match(inVain.output.stderr, /gave up after 0 s: no sidecar answers at ADMIN_HOST localhost/)
  const sidecar = run(t, [], { ...await environment(t), ADMIN_PORT })
  t.equal(await early.ended, 0)
  t.equal(await run(t, ['healthcheck'], { ADMIN_PORT }).ended, 0)
  sidecar.child.kill('SIGTERM')
  await sidecar.ended
})

for (const [what, certificate, isTrusted, outcome] of [
  ['that NODE_EXTRA_CA_CERTS vouches for', {}, true, 'from the api'],
  ['that nobody vouches for', {}, false, 'SELF_SIGNED'],
  ['that has expired', { days: -1 }, true, 'CERT_HAS_EXPIRED'],
  ['for another name', { name: 'elsewhere.example' }, true, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['but TLS 1.1', { maxVersion: 'TLSv1.1' }, true, 'PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL']
] as const) {
  t.test(`an API with a certificate ${what} ${outcome === 'from the api' ? 'is trusted' : 'never gets a request, nor its token'}`, async t => {
    let requests = 0
    const api = await startTlsServer(t, (_req, res) => {
      requests++
      res.end('from the api')
    }, certificate)
    const env = {
      ...await environment(t),
      BOOKABLE_API_URL: api.url,
      // Node's own switches must not turn it off either.
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0',
      ...(isTrusted ? { NODE_EXTRA_CA_CERTS: api.certPath } : {})
    }
    const sidecar = run(t, [], env)
    const { status, body } = await call((await urlsOf(sidecar)).url, '/venues', { method: 'DELETE' })
    if (outcome === 'from the api') {
      t.equal(body.toString(), outcome)
      const check = run(t, ['check'], env)
      t.equal(await check.ended, 0)
      t.match(check.output.stdout, /✓ tls: .*localhost:\d+: TLSv1\.3, certificate valid until 20\d\d-\d\d-\d\d\n/)
    } else {
      t.equal(status, 502)
      t.match(JSON.parse(body.toString()), { code: 'UPSTR-R-001', detail: /Nothing was sent/ })
      await sidecar.seen('stdout', new RegExp(outcome))
      t.equal(requests, 0)
    }
  })
}

t.test('after SIGSTOP beyond the token\'s life, the next request carries a newer token', async t => {
  let issued = 0
  const sent: number[] = []
  const sidecar = run(t, [], {
    ...await environment(t, (req, res) => {
      sent.push(Number(req.headers.authorization?.replace('Bearer ', '')))
      res.end()
    }),
    BOOKABLE_TOKEN_URL: await startServer(t, (_req, res) => res.end(JSON.stringify({ access_token: String(++issued), expires_in: 1 })))
  })
  const { url } = await urlsOf(sidecar)
  await sidecar.seen('stdout', /token refreshed/)
  sidecar.child.kill('SIGSTOP')
  const before = issued
  const answer = call(url, '/venues')
  // Real time, since a stopped process has no clock to inject: all tokens from before expire.
  await new Promise(resolve => setTimeout(resolve, 1_200))
  sidecar.child.kill('SIGCONT')
  t.equal((await answer).status, 200)
  t.ok(sent.length === 1 && sent.every(token => token > before), `token ${sent.join()}, ${before} were issued before`)
})

t.test('an unexpected exception is logged, drains, and ends with 1', async t => {
  const hook = join(mkdtempSync(join(tmpdir(), 'hook-')), 'throw-on-sigusr1.cjs')
  writeFileSync(hook, "process.on('SIGUSR1', () => { throw new Error('out of the blue') })")
  let arrive = (): void => {}
  const arrived = new Promise<void>(resolve => { arrive = resolve })
  let answer = (): void => {}
  const sidecar = run(t, [], {
    ...await environment(t, (_req, res) => {
      answer = () => res.end('late')
      arrive()
    }),
    NODE_OPTIONS: `--require ${hook}`
  })
  const running = call((await urlsOf(sidecar)).url, '/venues')
  await arrived
  sidecar.child.kill('SIGUSR1')
  const [line] = await sidecar.seen('stdout', /^.*unexpected error.*$/m)
  t.match(JSON.parse(line), { level: 60, err: { message: 'out of the blue' } })
  await sidecar.seen('stdout', /drain started/)
  answer()
  t.equal((await running).body.toString(), 'late')
  t.equal(await sidecar.ended, 1)
})

t.test('a fault of its own is told with its stack, and ends with 1', async t => {
  const hook = join(mkdtempSync(join(tmpdir(), 'hook-')), 'no-http.cjs')
  writeFileSync(hook, "const http = require('node:http'); http.get = http.createServer = () => { throw new Error('out of the blue') }")
  for (const command of ['serve', 'healthcheck']) {
    const { ended, output } = run(t, [command], { ...await environment(t), NODE_OPTIONS: `--require ${hook}` })
    t.equal(await ended, 1)
    t.match(output.stdout + output.stderr, /Error: out of the blue(\n|\\n) +at /)
  }
})

t.test('a rotated secret file is used at the next token request, without a restart', async t => {
  const path = join(mkdtempSync(join(tmpdir(), 'secrets-')), 'secret')
  writeFileSync(path, 'old\n')
  const secrets: string[] = []
  const tokenUrl = await startServer(t, (req, res) => {
    let body = ''
    req.on('data', chunk => { body += String(chunk) }).on('end', () => {
      secrets.push((JSON.parse(body) as { client_secret: string }).client_secret)
      if (secrets.length === 1) writeFileSync(path, 'new\n')
      res.end(JSON.stringify({ access_token: 'a', expires_in: 1 }))
    })
  })
  const { BOOKABLE_CLIENT_SECRET: _, ...env } = await environment(t)
  const sidecar = run(t, [], { ...env, BOOKABLE_TOKEN_URL: tokenUrl, BOOKABLE_CLIENT_SECRET_FILE: path })
  await sidecar.seen('stdout', /token refreshed[^]*token refreshed/)
  t.same(secrets.slice(0, 2), ['old', 'new'])
})
