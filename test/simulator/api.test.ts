import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { exchange, start, tokenRequest } from './helper.ts'

for (const [authorization, code, challenge] of [
  [undefined, 'IDENT-N-101', 'Bearer'],
  ['Basic YTpi', 'IDENT-N-101', 'Bearer'],
  ['Bearer', 'IDENT-N-101', 'Bearer'],
  ['Bearer made.up.token', 'IDENT-N-102', 'Bearer error="invalid_token"']
] as const) {
  t.test(`a request with ${authorization === undefined ? 'no authorization' : `the authorization ${authorization}`} gets 401 ${code} and costs no quota`, async t => {
    const { simulator, call } = await start(t)
    const answer = await exchange(`${simulator.origin}/venues`, { headers: { ...(authorization && { authorization }), 'x-correlation-id': 'abc-1' } })
    t.equal(answer.status, 401)
    t.match(answer.body, { code, status: 401, isRetryable: false })
    t.equal(answer.headers.get('www-authenticate'), challenge)
    t.equal(answer.headers.get('x-correlation-id'), 'abc-1')
    t.equal(answer.headers.get('x-ratelimit-remaining'), null)
    t.equal((await call('GET', '/venues')).headers.get('x-ratelimit-remaining'), '199')
    t.equal(simulator.counts.apiRequests, 2)
  })
}

for (const [ageMs, status] of [[0, 200], [9_999, 200], [10_000, 401]] as const) {
  t.test(`an access token of 10 s gets ${status} at the age of ${ageMs} ms`, async t => {
    const { clock, call } = await start(t, { tokenLifetimeS: 10 })
    clock.jumpWallMs(ageMs)
    t.equal((await call('GET', '/venues')).status, status)
  })
}

t.test('a token of another simulator is no good here', async t => {
  const here = await start(t)
  const there = await start(t)
  t.equal((await there.call('GET', '/venues')).status, 200)
  const { body } = await exchange(there.simulator.tokenUrl, { method: 'POST', body: new URLSearchParams(tokenRequest(there.simulator)) })
  t.equal((await here.call('GET', '/venues', undefined, { authorization: `Bearer ${body.access_token}` })).status, 401)
})

for (const [method, path, body, type, status, code] of [
  ['GET', '/nothing', undefined, undefined, 404, 'HTTP-N-404'],
  ['POST', '/venues/nothing/at/all', '<xml/>', 'text/xml', 404, 'HTTP-N-404'],
  ['GET', '/operators/29/tms-credentials', undefined, undefined, 404, 'HTTP-N-404'],
  ['POST', '/venues', '{}', 'application/json', 405, 'HTTP-N-405'],
  ['PUT', '/venues/1', '<xml/>', 'text/xml', 405, 'HTTP-N-405'],
  ['GET', '/venues/1/booking', undefined, undefined, 405, 'HTTP-N-405'],
  ['POST', '/venues/1/booking', '<xml/>', 'text/xml', 415, 'HTTP-N-415'],
  ['POST', '/venues/1/booking', '{', 'application/json', 400, 'HTTP-N-400'],
  ['POST', '/venues/1/booking', `"${'x'.repeat(2 ** 20)}"`, 'application/json', 413, 'HTTP-N-413'],
  ['GET', '/venues/%zz', undefined, undefined, 400, 'HTTP-N-400']
] as const) {
  t.test(`${method} ${path} with ${type ?? 'no'} body gets ${status} ${code} as a problem`, async t => {
    const { call } = await start(t)
    const answer = await call(method, path, body, type && { 'content-type': type })
    t.equal(answer.status, status)
    t.match(answer.headers.get('content-type'), 'application/problem+json')
    t.match(answer.body, { type: /^https:/, title: /./, status, detail: /./, code, isRetryable: false })
  })
}

t.test('a wrong method is told which ones are right', async t => {
  const { call } = await start(t)
  t.equal((await call('PUT', '/venues/bookings/1')).headers.get('allow'), 'GET, HEAD, PATCH, DELETE, OPTIONS')
})

t.test('HEAD is GET without its body', async t => {
  const { call } = await start(t)
  const get = await call('GET', '/venues')
  const head = await call('HEAD', '/venues')
  t.equal(head.status, 200)
  t.equal(head.text, '')
  t.equal(head.headers.get('content-length'), get.headers.get('content-length'))
})

t.test('OPTIONS lists the methods of a resource', async t => {
  const { call } = await start(t)
  const answer = await call('OPTIONS', '/venues/1/booking')
  t.equal(answer.status, 204)
  t.equal(answer.headers.get('allow'), 'POST, OPTIONS')
})

t.test('a correlation id comes back on answers and on problems', async t => {
  const { call } = await start(t)
  for (const path of ['/venues', '/venues/none', '/nothing']) {
    t.equal((await call('GET', path, undefined, { 'x-correlation-id': 'my-id' })).headers.get('x-correlation-id'), 'my-id')
  }
  t.equal((await call('GET', '/venues')).headers.get('x-correlation-id'), null)
})

t.test('the simulator listens on loopback only', async t => {
  const { simulator } = await start(t)
  t.match(simulator.origin, /^http:\/\/127\.0\.0\.1:\d+$/)
})

t.test('a port that is taken is refused with EADDRINUSE', async t => {
  const { simulator } = await start(t)
  await t.rejects(startSimulator({ clock: new FakeClock(), port: Number(new URL(simulator.origin).port) }), { code: 'EADDRINUSE' })
})

t.test('close cuts connections that are kept open', async t => {
  const simulator = await startSimulator({ clock: new FakeClock() })
  const socket = connect(Number(new URL(simulator.origin).port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /.well-known/jwks.json HTTP/1.1\r\nHost: simulator\r\n\r\n')
  await once(socket, 'data')
  const closed = once(socket, 'close')
  await simulator.close()
  await closed
  await t.rejects(exchange(simulator.origin, {}))
})
