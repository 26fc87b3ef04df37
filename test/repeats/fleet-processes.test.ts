import { once } from 'node:events'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { settle } from '../helpers/fake-clock.ts'
import { recorder } from '../helpers/http.ts'
import { run, type RunningProcess } from '../helpers/process.ts'
import { NO_REDIS, startRedis, type RunningRedis } from '../helpers/redis.ts'
import { json, startServer, type Teardown } from '../helpers/servers.ts'
import { untilElsewhere } from '../helpers/until.ts'
import { BOOKING } from '../simulator/helper.ts'
import { book, problemOf } from './helper.ts'

/** The built program as one sidecar of a fleet. */
async function startPod (t: Teardown, redis: RunningRedis, env: Readonly<Record<string, string>>): Promise<RunningProcess & { readonly url: string }> {
  const sidecar = run(t, [], {
    PORT: '0', ADMIN_PORT: '0', BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake-secret', IDEMPOTENCY_STORE: 'redis', REDIS_URL: redis.url, ...env
  })
  const [line] = await sidecar.seen('stdout', /^.*"listening".*$/m)
  await sidecar.seen('stdout', /"redis is there"/)
  return { ...sidecar, url: (JSON.parse(line) as { url: string }).url }
}

async function isRecorded (redis: RunningRedis): Promise<void> {
  await untilElsewhere(async () => (await redis.ask('KEYS', '*:repeat:*')).includes(':repeat:'))
}

/** By the clock of Redis. */
async function leaseIn (redis: RunningRedis): Promise<{ leaseEndMs: number, nowMs: number }> {
  const [, key = ''] = /^(\S+:repeat:\S+)$/m.exec(await redis.ask('KEYS', '*:repeat:*')) ?? []
  const [, leaseEndMs] = /^(\d{10,})$/m.exec(await redis.ask('HGET', key, 'lease')) ?? []
  const [, seconds, micros] = /^(\d{10,})\r\n\$\d+\r\n(\d+)$/m.exec(await redis.ask('TIME')) ?? []
  return { leaseEndMs: Number(leaseEndMs), nowMs: Number(seconds) * 1000 + Number(micros) / 1000 }
}

t.jobs = 2

t.test('a booking under way in a sidecar that is killed is unknown to all once its lease of 5 seconds has ended, and never sent again', { skip: NO_REDIS, buffered: true }, async t => {
  const redis = await startRedis(t)
  const simulator = await startSimulator({ clock: systemClock, faults: { 'api-hang': true } })
  t.teardown(async () => simulator.close())
  const { compositeId, ...table } = simulator.example
  const order = { key: 'adas-table', path: `/venues/${encodeURIComponent(compositeId)}/booking`, body: JSON.stringify({ ...BOOKING, ...table }), headers: { 'Content-Type': 'application/json' } }
  const env = {
    BOOKABLE_API_URL: simulator.origin, BOOKABLE_TOKEN_URL: simulator.tokenUrl, BOOKABLE_AUDIENCE: simulator.audience, BOOKABLE_CLIENT_ID: simulator.clientId, BOOKABLE_CLIENT_SECRET: simulator.clientSecret
  }
  const [one, two] = await Promise.all([startPod(t, redis, env), startPod(t, redis, env)])
  const first = book(one.url, order).catch(() => 'the connection broke')
  while (simulator.counts.bookings === 0) await settle()
  one.child.kill('SIGKILL')
  t.equal(await first, 'the connection broke')
  simulator.setFaults({})
  const { leaseEndMs, nowMs } = await leaseIn(redis)
  t.ok(leaseEndMs - nowMs <= 5_000, `${leaseEndMs - nowMs} ms are left`)

  t.match(problemOf(await book(two.url, order)), { status: 502, code: 'UPSTR-N-001', detail: /another sidecar.*not sent/ }, 'a repeat at another sidecar')
  const again = await startPod(t, redis, env)
  t.match(problemOf(await book(again.url, order)), { status: 502, code: 'UPSTR-N-001' }, 'a repeat at the same one, restarted')
  t.equal(simulator.counts.bookings, 1)
  t.equal((await book(again.url, { ...order, key: 'another' })).status, 201, 'a new key is a new booking')
  t.equal(simulator.counts.bookings, 2)
})

t.test('a sidecar that was paused until others were told that nobody knows does not send any more', { skip: NO_REDIS, buffered: true }, async t => {
  const redis = await startRedis(t)
  const { seen, api } = recorder((_req, res) => res.writeHead(201).end('booked'))
  let giveTokens = (): void => {}
  const told = new Promise<void>(resolve => { giveTokens = resolve })
  const tokenUrl = await startServer(t, async (_req, res) => {
    await told
    json(res, 200, { access_token: 'token', token_type: 'Bearer', expires_in: 3600 })
  })
  const env = { BOOKABLE_API_URL: await startServer(t, api), BOOKABLE_TOKEN_URL: tokenUrl, TOKEN_WAIT_MS: '60000', TOKEN_TIMEOUT_MS: '60000' }
  const [one, two] = await Promise.all([startPod(t, redis, env), startPod(t, redis, env)])
  const first = book(one.url, { key: 'k' })
  await isRecorded(redis)
  one.child.kill('SIGSTOP')
  t.match(problemOf(await book(two.url, { key: 'k' })), { code: 'UPSTR-N-001' })
  giveTokens()
  one.child.kill('SIGCONT')
  t.match(problemOf(await first), { status: 503, code: 'LOAD-R-001', detail: /held up.*Nothing was sent/ })
  t.equal(seen.length, 0)
  // Nothing was done, so that the key is new.
  let repeat = await book(two.url, { key: 'k' })
  while (repeat.status === 502) repeat = await book(two.url, { key: 'k' })
  t.equal(repeat.body.toString(), 'booked')
  t.equal(seen.length, 1)
  one.child.kill('SIGTERM')
  await once(one.child, 'close')
})
