import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { json, sendRaw } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

async function scrape (adminUrl: string): Promise<string> {
  return (await call(adminUrl, '/metrics')).body.toString()
}

/** The value of the one sample that starts so; undefined where there is none. */
function valueOf (text: string, sample: string): number | undefined {
  const line = text.split('\n').find(line => line.startsWith(`bookable_sidecar_${sample} `))
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}

t.test('requests are counted by route, method and status, with labels that no app can multiply', async t => {
  const { url, adminUrl, requestLine } = await startTestSidecar(t, { api: (req, res) => res.writeHead(req.url === '/venues/x' ? 404 : 200).end('x') })
  for (const [method, path] of [['GET', '/venues'], ['GET', '/venues/x'], ['GET', '/venues/x'], ['POST', '/bookings/1'], ['GET', '/operators']] as const) await call(url, path, { method })
  for (const method of ['PURGE', 'MKCOL']) await sendRaw(url, `${method} /venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  await requestLine(7)
  const text = await scrape(adminUrl)
  t.same([...text.matchAll(/^bookable_sidecar_requests_total(.*)$/gm)].map(([, sample]) => sample).sort(), [
    '{route="/bookings",method="POST",status="200"} 1',
    '{route="/venues",method="GET",status="200"} 1',
    '{route="/venues",method="GET",status="404"} 2',
    '{route="/venues",method="other",status="405"} 2',
    '{route="none",method="GET",status="404"} 1'
  ])
  t.equal(valueOf(text, 'request_duration_seconds_count{route="/venues"}'), 5)
  t.equal(valueOf(text, 'upstream_duration_seconds_count{route="/venues"}'), 3)
  t.equal(valueOf(text, 'in_flight_requests'), 0)
})

t.test('token refreshes are counted by outcome and reason, and the end of the token is told once there is one', async t => {
  const clock = new FakeClock()
  const { adminUrl, tokenServer, line } = await startTestSidecar(t, { clock, env: { LOG_LEVEL: 'info' } })
  await line('token refreshed')
  const expiresAtS = valueOf(await scrape(adminUrl), 'token_expires_at_seconds')
  t.equal(expiresAtS, clock.nowMs() / 1000 + 3600)
  tokenServer.respond = (_req, res) => json(res, 401, { error: 'access_denied' })
  await clock.runUntil(line('token refresh failed, current token still valid'))
  const text = await scrape(adminUrl)
  t.equal(valueOf(text, 'token_refreshes_total{outcome="ok",reason="start"}'), 1)
  t.equal(valueOf(text, 'token_refreshes_total{outcome="TOKEN-N-001",reason="due"}'), 1)
  t.equal(valueOf(text, 'token_refresh_duration_seconds_count'), 2)
  t.equal(valueOf(text, 'token_expires_at_seconds'), expiresAtS)
})

t.test('while there never was a token or a quota, nothing is told of them', async t => {
  const { adminUrl, line } = await startTestSidecar(t, { env: { BOOKABLE_TOKEN_URL: 'http://127.0.0.1:1/' } })
  await line('no usable token')
  const text = await scrape(adminUrl)
  for (const sample of ['token_expires_at_seconds', 'quota_limit', 'quota_remaining']) t.equal(valueOf(text, sample), undefined, sample)
})

t.test('the quota is what the API said last', async t => {
  const { url, adminUrl } = await startTestSidecar(t, {
    api: (_req, res) => res.writeHead(200, { 'X-RateLimit-Limit': 200, 'X-RateLimit-Remaining': 31, 'X-RateLimit-Reset': Math.floor(Date.now() / 1000) + 60 }).end()
  })
  await call(url, '/venues')
  const text = await scrape(adminUrl)
  t.same([valueOf(text, 'quota_limit'), valueOf(text, 'quota_remaining')], [200, 31])
})

/** Everything there is to tell, once. */
async function scrapeAll (t: Test): Promise<string> {
  const { url, adminUrl } = await startTestSidecar(t, {
    api: (_req, res) => res.writeHead(200, { 'X-RateLimit-Limit': 200, 'X-RateLimit-Remaining': 31, 'X-RateLimit-Reset': Math.floor(Date.now() / 1000) + 60 }).end()
  })
  await call(url, '/venues')
  return scrape(adminUrl)
}

t.test('the metrics are those of the contract, each with help and type, and process_* of the client library', async t => {
  const text = await scrapeAll(t)
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
  t.same(names.filter(name => name.startsWith('bookable_')).sort(), [
    'bookable_sidecar_build_info gauge',
    'bookable_sidecar_cache_total counter',
    'bookable_sidecar_coalesced_total counter',
    'bookable_sidecar_in_flight_requests gauge',
    'bookable_sidecar_quota_limit gauge',
    'bookable_sidecar_quota_remaining gauge',
    'bookable_sidecar_quota_wait_seconds histogram',
    'bookable_sidecar_redis_up gauge',
    'bookable_sidecar_repeats_total counter',
    'bookable_sidecar_request_duration_seconds histogram',
    'bookable_sidecar_requests_total counter',
    'bookable_sidecar_token_expires_at_seconds gauge',
    'bookable_sidecar_token_refresh_duration_seconds histogram',
    'bookable_sidecar_token_refreshes_total counter',
    'bookable_sidecar_upstream_duration_seconds histogram'
  ])
  t.same(names.filter(name => !/^(bookable_sidecar|process)_/.test(name)), [])
  t.equal([...text.matchAll(/^# HELP \S+ .{10,}$/gm)].length, names.length)
  t.match(text, /^bookable_sidecar_build_info\{version="\d+\.\d+\.\d+",node="v\d+[^"]*"\} 1$/m)
})

const promtool = spawnSync('promtool', ['--version'])
t.test('promtool finds nothing to complain of', {
  skip: promtool.error !== undefined && process.env.CI !== 'true' ? 'promtool is not installed (Debian: prometheus)' : false
}, async t => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await scrapeAll(t), encoding: 'utf8' })
  t.equal(`${stdout}${stderr}`.replace(/^process_\S+ .*\n/gm, ''), '')
  t.equal(status === 0 || /^(process_\S+ .*\n)+$/.test(`${stdout}${stderr}`), true)
})
