import { request as httpRequest } from 'node:http'
import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call } from '../helpers/http.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { holdingApi, inFlight } from './helper.ts'

const AVAILABILITY = '/venues/29/availability?date=2026-06-01'

/** How a write ends, and whether a read after it may still join one from before it. */
const endings: ReadonlyArray<readonly [method: string, status: number, mayJoin: boolean]> = [
  ['POST', 201, false], ['PUT', 200, false], ['PATCH', 200, false], ['DELETE', 204, false], ['POST', 302, false], ['POST', 500, false], ['POST', 503, false],
  ['POST', 400, false], ['POST', 409, false], ['DELETE', 404, false], ['OPTIONS', 200, true], ['HEAD', 200, true]
]

for (const [method, status, mayJoin] of endings) {
  t.test(`a GET after ${method} that was answered ${status} ${mayJoin ? 'may join' : 'never gets the answer of'} one from before it`, async t => {
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api })
    const before = [call(sidecar.url, AVAILABILITY), call(sidecar.url, AVAILABILITY)]
    await inFlight(sidecar, 2)
    await arrival()
    const written = new Promise<void>(resolve => { void call(sidecar.url, '/venues/29/booking', { method, onHead: resolve }).then(() => {}) })
    const { res } = await arrival(2)
    res.writeHead(status).flushHeaders()
    if (method === 'HEAD' || status === 204) res.end()
    await written
    // The app knows of its booking now, though its answer has not ended.
    const after = call(sidecar.url, AVAILABILITY)
    if (!mayJoin) (await arrival(3)).res.end('after')
    else await inFlight(sidecar, method === 'HEAD' || status === 204 ? 3 : 4)
    held[0]?.res.end('before')
    t.same((await Promise.all(before)).map(({ body }) => String(body)), ['before', 'before'])
    t.equal(String((await after).body), mayJoin ? 'before' : 'after')
    res.end()
  })
}

for (const [what, end, code] of [
  ['broke off', 'break', 'UPSTR-N-001'], ['was not answered in time', 'time', 'UPSTR-N-001'], ['was given up by its app', 'leave', undefined]
] as const) {
  t.test(`a GET after a booking that ${what} never gets the answer of one from before it`, async t => {
    const clock = new FakeClock()
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api, clock, env: { UPSTREAM_TIMEOUT_MS: '1000' } })
    await sidecar.line('token refreshed')
    const write = httpRequest(`${sidecar.url}/venues/29/booking`, { method: 'POST', agent: false })
    const written = new Promise<string>(resolve => {
      write.on('response', res => { res.on('data', data => resolve(String(data))) }).on('error', () => resolve('')).on('close', () => resolve(''))
    })
    write.end('{}')
    const { req } = await arrival()
    await clock.advanceMs(100)
    const before = call(sidecar.url, AVAILABILITY)
    const { res } = await arrival(2)
    if (end === 'break') req.socket.resetAndDestroy()
    else if (end === 'leave') write.destroy()
    else await clock.advanceMs(900)
    if (code === undefined) await sidecar.requestLine()
    else t.match(JSON.parse(await written), { code })
    const after = call(sidecar.url, AVAILABILITY)
    ;(await arrival(3)).res.end('after')
    res.end('before')
    t.equal(String((await before).body), 'before')
    t.equal(String((await after).body), 'after')
    t.equal(held.length, 3)
  })
}

t.test('a write that was never sent changes nothing: a GET after it may join one from before it', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api, env: { UPSTREAM_CONNECTIONS: '1' } })
  const before = call(sidecar.url, AVAILABILITY)
  const { res } = await arrival()
  const write = httpRequest(`${sidecar.url}/venues/29/booking`, { method: 'POST', agent: false }).on('error', () => {})
  write.end('{}')
  await inFlight(sidecar, 2)
  write.destroy()
  await sidecar.requestLine()
  const after = call(sidecar.url, AVAILABILITY)
  await inFlight(sidecar, 2)
  res.end('before')
  t.same((await Promise.all([before, after])).map(({ body }) => String(body)), ['before', 'before'])
  t.equal(held.length, 1)
})
