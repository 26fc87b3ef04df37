import { connect } from 'node:net'
import t from 'tap'
import { FakeClock } from './helpers/fake-clock.ts'
import { call } from './helpers/http.ts'
import { startTestSidecar } from './helpers/sidecar.ts'
import { until } from './helpers/until.ts'

/** An API that holds every request until told. */
function holdingApi () {
  const held: Array<() => void> = []
  return { held, api: (_req: unknown, res: { end (text: string): unknown }) => { held.push(() => res.end('late')) } }
}

t.test('a drain waits for the requests that run, and is clean', async t => {
  const { held, api } = holdingApi()
  const { url, drain, line } = await startTestSidecar(t, { api })
  const running = call(url, '/venues')
  await until(() => held.length === 1)
  const drained = drain()
  held[0]?.()
  t.match(await running, { status: 200, headers: { connection: 'close' } })
  t.equal(await drained, true)
  await t.rejects(call(url, '/venues'), { code: 'ECONNREFUSED' })
  t.match(await line('drain started'), { inFlight: 1 })
  t.match(await line('drain ended'), { level: 30 })
})

t.test('while a drain waits, it is live but not ready, and an open connection ends with its answer', async t => {
  const { held, api } = holdingApi()
  const { url, adminUrl, drain } = await startTestSidecar(t, { api })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let received = ''
  const closed = new Promise(resolve => { socket.on('data', chunk => { received += String(chunk) }).on('close', resolve) })
  socket.write('GET /venues/1 HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => held.length === 1)
  const drained = drain()
  t.equal((await call(adminUrl, '/readyz')).status, 503)
  t.equal((await call(adminUrl, '/livez')).status, 200)
  socket.write('GET /venues/2 HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await call(adminUrl, '/livez')
  held[0]?.()
  await closed
  t.match(received, /^HTTP\/1\.1 200 OK/)
  t.match(received, /Connection: close/)
  t.equal(held.length, 1)
  t.equal(await drained, true)
})

t.test('during SHUTDOWN_DELAY_MS requests are still served, not ready, with Connection: close', async t => {
  const clock = new FakeClock()
  const { url, adminUrl, drain, line } = await startTestSidecar(t, { clock, env: { SHUTDOWN_DELAY_MS: '5000' } })
  await line('token refreshed')
  const drained = drain()
  t.match(await call(url, '/venues'), { status: 200, headers: { connection: 'close' } })
  t.equal((await call(adminUrl, '/readyz')).status, 503)
  await clock.runUntil(drained)
  t.equal(await drained, true)
})

t.test('at its limit a drain tells each request the truth', async t => {
  const clock = new FakeClock()
  const { held, api } = holdingApi()
  const { url, drain, line } = await startTestSidecar(t, { clock, api, env: { SHUTDOWN_TIMEOUT_MS: '1000', UPSTREAM_CONNECTIONS: '2' } })
  await line('token refreshed')
  const read = call(url, '/venues/1')
  const write = call(url, '/venues/2', { method: 'POST', body: '{}' })
  await until(() => held.length === 2)
  const timers = clock.pendingTimers
  const queued = call(url, '/venues/3', { method: 'POST', body: '{}' })
  await until(() => clock.pendingTimers > timers)
  const drained = drain()
  await clock.runUntil(drained)
  t.equal(await drained, false)
  t.match(JSON.parse((await read).body.toString()), { code: 'DRAIN-R-001', status: 503 })
  t.match(JSON.parse((await write).body.toString()), { code: 'UPSTR-N-001', status: 502 })
  t.match(JSON.parse((await queued).body.toString()), { code: 'DRAIN-R-001', status: 503 })
})
