import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { FakeClock } from './helpers/fake-clock.ts'
import { call } from './helpers/http.ts'
import { run, type RunningProcess } from './helpers/process.ts'
import { ENGINES, NO_REDIS, startRedis } from './helpers/redis.ts'
import { json, startServer, startTokenServer, type Teardown } from './helpers/servers.ts'
import { startTestSidecar } from './helpers/sidecar.ts'
import { startTlsFront } from './helpers/tls.ts'
import { untilElsewhere } from './helpers/until.ts'

const FIRST_TOKEN = /"(token refreshed|stored token taken)"/

/** The environment of each sidecar of a fleet, and what all of them ask for tokens. */
async function fleetOn (t: Teardown, redisUrl: string) {
  const tokenServer = await startTokenServer(t)
  const env = {
    PORT: '0',
    ADMIN_PORT: '0',
    BOOKABLE_CLIENT_ID: 'id',
    BOOKABLE_CLIENT_SECRET: 'obviously-fake-secret',
    BOOKABLE_TOKEN_URL: tokenServer.url,
    // Answers with the token that it got.
    BOOKABLE_API_URL: await startServer(t, (req, res) => res.end(req.headers.authorization)),
    TOKEN_STORE: 'redis',
    REDIS_URL: redisUrl
  }
  return { tokenServer, env }
}

async function tokenOf ({ seen }: RunningProcess): Promise<string> {
  const [line] = await seen('stdout', /^.*"listening".*$/m)
  return (await call((JSON.parse(line) as { url: string }).url, '/venues')).body.toString()
}

for (const { name: engine, skip } of ENGINES) {
  // Twenty of each would be ten seconds of CPU: the other engine takes the same commands, or it does not.
  const count = engine === 'redis' ? 20 : 4
  t.test(`${count} processes that start at once on ${engine} make one token request`, { skip }, async t => {
    const { tokenServer, env } = await fleetOn(t, (await startRedis(t, [], { engine })).url)
    const processes = Array.from({ length: count }, () => run(t, [], env))
    await Promise.all(processes.map(async ({ seen }) => seen('stdout', FIRST_TOKEN)))
    t.equal(tokenServer.requests, 1)
    t.same(new Set(await Promise.all(processes.map(tokenOf))), new Set(['Bearer token-1']))
    for (const { child } of processes) child.kill('SIGTERM')
    t.same(new Set(await Promise.all(processes.map(async ({ ended }) => ended))), new Set([0]))
  })
}

/** One sidecar asks and gets no answer until told; a second one waits for it. */
async function withHolder (t: Teardown) {
  const redis = await startRedis(t)
  const { tokenServer, env } = await fleetOn(t, redis.url)
  let answerHolder = (): void => {}
  const asked = new Promise<void>(resolve => {
    tokenServer.respond = (_req, res) => {
      tokenServer.respond = undefined
      answerHolder = () => json(res, 200, { access_token: 'token-of-the-holder', expires_in: 3600 })
      resolve()
    }
  })
  const holder = run(t, [], env)
  await asked
  const other = run(t, [], env)
  await other.seen('stdout', /redis is there/)
  const lock = /\S+:lock$/m.exec(await redis.ask('KEYS', '*:lock'))?.[0] ?? ''
  return {
    env,
    tokenServer,
    holder,
    other,
    answerHolder: () => answerHolder(),
    /** Who has the lock, and for how many milliseconds yet by the clock of Redis; -2 for none. */
    owner: async () => redis.ask('GET', lock),
    leftMs: async () => Number((await redis.ask('PTTL', lock)).slice(1))
  }
}

t.test('while one sidecar of a fleet asks for a token', { skip: NO_REDIS }, async t => {
  t.jobs = 2
  t.test('one that is killed delays the others by 3 seconds at most: it has the lock no longer than that, unless it renews it', { buffered: true }, async t => {
    const { tokenServer, holder, other, leftMs } = await withHolder(t)
    const looks = [await leftMs()]
    await untilElsewhere(async () => looks.push(await leftMs()) > 0 && (looks.at(-1) ?? 0) > (looks.at(-2) ?? 0))
    t.same(looks.filter(ms => ms < 0 || ms > 3_000), [])
    t.equal(tokenServer.requests, 1)
    holder.child.kill('SIGKILL')
    await other.seen('stdout', FIRST_TOKEN)
    t.equal(tokenServer.requests, 2)
  })

  t.test('one that is stopped gives the lock back, and does not delay the others', { buffered: true }, async t => {
    const { tokenServer, holder, other, owner } = await withHolder(t)
    const held = await owner()
    holder.child.kill('SIGTERM')
    t.equal(await holder.ended, 0)
    t.not(await owner(), held)
    await other.seen('stdout', FIRST_TOKEN)
    t.equal(tokenServer.requests, 2)
  })

  t.test('one that was only paused does not overwrite a newer token', { buffered: true }, async t => {
    const { env, tokenServer, holder, other, answerHolder } = await withHolder(t)
    holder.child.kill('SIGSTOP')
    await other.seen('stdout', FIRST_TOKEN)
    answerHolder()
    holder.child.kill('SIGCONT')
    await holder.seen('stdout', FIRST_TOKEN)
    t.equal(await tokenOf(holder), 'Bearer token-of-the-holder')
    // Who comes next gets the newer one.
    t.equal(await tokenOf(run(t, [], env)), 'Bearer token-2')
    t.equal(await tokenOf(other), 'Bearer token-2')
    t.equal(tokenServer.requests, 2)
  })
})

t.test('a Redis that hangs fails no request, is told of once, and counts again when it takes writes', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const sidecar = await startTestSidecar(t, {
    // The reason to ask Redis for a newer token.
    api: (req, res) => {
      res.statusCode = req.headers['x-refuse'] === '1' && req.headers.authorization === 'Bearer token-1' ? 401 : 200
      res.end()
    },
    env: { TOKEN_STORE: 'redis', REDIS_URL: redis.url }
  })
  await sidecar.line('redis is there')
  await sidecar.line('token refreshed')
  const get = async (path: string): Promise<string> => (await call(sidecar.adminUrl, path)).body.toString()
  const redisMetric = async (): Promise<string | undefined> => /^bookable_sidecar_redis_up (\d)$/m.exec(await get('/metrics'))?.[1]
  t.same(JSON.parse(await get('/readyz')), { status: 'ok', redis: 'up' })
  t.equal(await redisMetric(), '1')

  redis.child.kill('SIGSTOP')
  t.equal((await call(sidecar.url, '/venues', { headers: { 'x-refuse': '1' } })).status, 200)
  t.equal(sidecar.tokenServer.requests, 2)
  t.match(await sidecar.line('redis cannot be used, going on alone'), { level: 40, reason: 'slow' })
  t.same(JSON.parse(await get('/readyz')), { status: 'ok', redis: 'slow, going on alone' })
  t.same(JSON.parse(await get('/livez')), { status: 'ok' })
  t.match(JSON.parse(await get('/status')), { redis: { state: 'away', reason: 'slow' } })
  t.equal(await redisMetric(), '0')
  t.match(await get('/'), /without Redis/)

  redis.child.kill('SIGCONT')
  await sidecar.line('redis is there', 2)
  t.same(JSON.parse(await get('/readyz')), { status: 'ok', redis: 'up' })
  t.equal(sidecar.log.filter(({ msg }) => /redis/.test(String(msg))).length, 3)
})

t.test('a Redis that is not there at the start costs no time', async t => {
  // It stands still: whoever waited for some time to pass would wait for ever.
  const sidecar = await startTestSidecar(t, { clock: new FakeClock(), env: { TOKEN_STORE: 'redis', REDIS_URL: 'redis://127.0.0.1:1' } })
  t.equal((await call(sidecar.url, '/venues')).status, 200)
  t.match(await sidecar.line('redis cannot be used, going on alone'), { reason: 'down' })
})

t.test('three sidecars with QUOTA_STORE=redis send what one may send, and not more', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  // It stands still: however long this takes, nobody is called late, and the window does not turn.
  const clock = new FakeClock()
  let sent = 0
  const apiUrl = await startServer(t, (_req, res) => {
    sent++
    res.writeHead(sent > 60 ? 429 : 200, {
      Date: new Date(clock.nowMs()).toUTCString(), 'X-RateLimit-Limit': 60, 'X-RateLimit-Remaining': Math.max(60 - sent, 0), 'X-RateLimit-Reset': clock.nowMs() / 1000 + 60
    })
    res.end()
  })
  const sidecars = await Promise.all([1, 2, 3].map(async () => {
    const sidecar = await startTestSidecar(t, { clock, apiUrl, env: { QUOTA_STORE: 'redis', REDIS_URL: redis.url, QUOTA_RESERVE: '0', COALESCE: 'false' } })
    await sidecar.line('redis is there')
    return sidecar
  }))
  for (const { url } of sidecars) await call(url, '/venues')
  const answers = (await Promise.all(sidecars.map(async ({ url }) => Promise.all(Array.from({ length: 40 }, async () => call(url, '/venues')))))).flat()
  t.equal(sent, 60)
  t.equal(answers.filter(({ status }) => status === 200).length, 57)
  for (const { status, body } of answers.filter(({ status }) => status !== 200)) t.match([status, body.toString()], [429, /RATE-R-001.*|is spent/])
  for (const { adminUrl } of sidecars) t.match(JSON.parse((await call(adminUrl, '/status')).body.toString()), { quota: { limit: 60, remaining: 0, fleet: { sidecars: 3, isAlone: false } } })
})

for (const isTrusted of [true, false]) {
  t.test(`a rediss server whose authority is ${isTrusted ? '' : 'not '}in NODE_EXTRA_CA_CERTS ${isTrusted ? 'shares the token' : 'gets neither password nor token'}`, { skip: NO_REDIS }, async t => {
    const redis = await startRedis(t, ['requirepass obviously-fake'], { password: 'obviously-fake' })
    const { env } = await fleetOn(t, redis.url)
    const { url, certPath } = await startTlsFront(t, redis.url, 'localhost')
    const sidecar = run(t, [], {
      ...env,
      REDIS_URL: url.replace('https://', 'rediss://:obviously-fake@'),
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      ...(isTrusted ? { NODE_EXTRA_CA_CERTS: certPath } : {})
    })
    const [line] = await sidecar.seen('stdout', /^.*"(redis is there|redis cannot be used.*)".*$/m)
    t.match(JSON.parse(line), isTrusted ? { msg: 'redis is there' } : { reason: 'untrusted', detail: /self-signed/ })
    t.equal(await tokenOf(sidecar), 'Bearer token-1')
    t.notMatch(sidecar.output.stdout, 'obviously-fake')
  })
}

t.test('a restart with TOKEN_STORE=file costs no token request', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'token-file-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const tokenServer = await startTokenServer(t)
  const env = { TOKEN_STORE: 'file', TOKEN_STORE_PATH: join(dir, 'token'), BOOKABLE_TOKEN_URL: tokenServer.url }
  for (const message of ['token refreshed', 'stored token taken']) {
    const sidecar = await startTestSidecar(t, { env })
    await sidecar.line(message)
    t.match((await call(sidecar.adminUrl, '/metrics')).body.toString(), message === 'token refreshed' ? /refreshes_total\{outcome="ok",reason="start"\} 1/ : /^(?!.*refreshes_total\{)/s)
    // At once: it waits for the file.
    await sidecar.drain()
    t.same(readdirSync(dir), ['token'])
  }
  t.equal(tokenServer.requests, 1)
})

t.test('a stored token that cannot be used is told of once, however long none is to be had', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'token-file-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'token')
  writeFileSync(path, 'torn', { mode: 0o600 })
  const clock = new FakeClock()
  const sidecar = await startTestSidecar(t, { clock, env: { TOKEN_STORE: 'file', TOKEN_STORE_PATH: path, BOOKABLE_TOKEN_URL: 'http://127.0.0.1:1' } })
  await clock.runUntil(sidecar.line('no usable token', 5))
  t.same(sidecar.log.filter(({ msg }) => msg === 'token store refused').map(({ reason }) => reason), [`${path} is torn, or no token store; it will be replaced`])
})

interface Coverage { readonly result: ReadonlyArray<{ readonly url: string }> }

for (const [what, settings, isLoaded] of [
  ['no setting of it', { TOKEN_STORE: '', REDIS_URL: '' }, false],
  ['REDIS_URL, but no store in it,', { TOKEN_STORE: 'file', QUOTA_STORE: 'memory', IDEMPOTENCY_STORE: 'memory', REDIS_URL: 'redis://127.0.0.1:1' }, false],
  // That it is seen where it is loaded.
  ['TOKEN_STORE=redis', {}, true]
] as const) {
  t.test(`with ${what} ioredis is ${isLoaded ? 'loaded' : 'neither loaded nor compiled'}`, { skip: isLoaded && NO_REDIS }, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'coverage-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const { env } = await fleetOn(t, isLoaded ? (await startRedis(t)).url : '')
    const sidecar = run(t, [], { ...env, ...settings, TOKEN_STORE_PATH: join(dir, 'token'), NODE_V8_COVERAGE: join(dir, 'coverage') })
    await sidecar.seen('stdout', FIRST_TOKEN)
    await sidecar.seen('stdout', /"listening"/)
    if (isLoaded) await sidecar.seen('stdout', /"redis (is there|cannot be used)/)
    sidecar.child.kill('SIGTERM')
    t.equal(await sidecar.ended, 0)
    // Every script that V8 has compiled.
    const scripts = readdirSync(join(dir, 'coverage')).flatMap(name => (JSON.parse(readFileSync(join(dir, 'coverage', name), 'utf8')) as Coverage).result).map(({ url }) => url)
    t.ok(scripts.some(url => url.endsWith('/program.cjs')))
    t.equal(scripts.some(url => url.endsWith('/ioredis')), isLoaded)
  })
}
