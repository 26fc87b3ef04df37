import { request as httpRequest } from 'node:http'
import t from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { call, valuesOf, type Answer } from '../helpers/http.ts'
import { startRefusing, startTcpServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { until } from '../helpers/until.ts'
import { holdingApi, inFlight, type Held } from './helper.ts'

const PATH = '/venues/29/availability?date=2026-06-01'

const bodies = (answers: readonly Answer[]): string[] => answers.map(({ body }) => body.toString())
const codeOf = ({ body }: Answer): unknown => (JSON.parse(body.toString()) as { code: unknown }).code

t.test('identical GETs in flight are one upstream call, and each answer is the API\'s with its own correlation id', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const ids = Array.from({ length: 10 }, (_, i) => `correlation-id-${i}`)
  const answers = ids.map(id => call(sidecar.url, PATH, { headers: { 'X-Correlation-ID': id } }))
  await inFlight(sidecar, 10)
  const { req, res } = await arrival()
  res.writeHead(404, 'Nothing here', ['X-A', '1', 'x-a', '2', 'Content-Type', 'text/odd', 'X-Correlation-ID', 'of the api'])
  res.write('first, ')
  await new Promise(resolve => setImmediate(resolve))
  res.end('last')
  const all = await Promise.all(answers)
  t.equal(held.length, 1)
  t.ok(ids.includes(String(req.headers['x-correlation-id'])))
  t.same(all.map(({ raw }) => valuesOf(raw, 'x-correlation-id')), ids.map(id => [id]))
  t.same([...new Set(bodies(all))], ['first, last'])
  t.same([...new Set(all.map(({ status }) => status))], [404])
  const others = all.map(({ raw }) => raw.filter((_, i) => !['x-correlation-id', 'connection', 'keep-alive'].includes((raw[i - i % 2] ?? '').toLowerCase())).join())
  t.same([...new Set(others.map(text => text.replace(/,Transfer-Encoding,chunked/i, '')))].length, 1, 'nothing is added')
  const lines = await Promise.all(ids.map((_, i) => sidecar.requestLine(i + 1)))
  t.same(lines.map(({ attempts }) => attempts).toSorted(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  t.equal(lines.filter(line => line.upstreamMs !== undefined).length, 1)
})

t.test('a GET that comes when the answer is under way joins, and one that comes after its end is a new call', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  let begun = (): void => {}
  const hasBegun = new Promise<void>(resolve => { begun = resolve })
  const first = call(sidecar.url, PATH, { onHead: begun })
  ;(await arrival()).res.write('one, ')
  await hasBegun
  const second = call(sidecar.url, PATH)
  await inFlight(sidecar, 2)
  held[0]?.res.end('two')
  t.same(bodies(await Promise.all([first, second])), ['one, two', 'one, two'])
  const third = call(sidecar.url, PATH)
  ;(await arrival(2)).res.end('three')
  t.equal((await third).body.toString(), 'three')
})

for (const [what, ...requests] of [
  ['Accept', [PATH, { Accept: 'a' }], [PATH, { Accept: 'b' }]],
  ['Accept-Language', [PATH, {}], [PATH, { 'Accept-Language': 'en' }]],
  ['X-Partner-Reference', [PATH, { 'X-Partner-Reference': 'A' }], [PATH, { 'X-Partner-Reference': 'B' }], [PATH, {}]],
  ['X-Booking-Source', [PATH, { 'X-Booking-Source': 'phone' }], [PATH, { 'X-Booking-Source': 'email' }]],
  ['query', ['/venues?page=1', {}], ['/venues?page=2', {}], ['/venues', {}], ['/venues?', {}]],
  ['path', ['/venues/29%7C1', {}], ['/venues/29|1', {}]]
] as const) {
  t.test(`reads that differ in ${what} share nothing, and none gets another one's answer`, async t => {
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api })
    const answers = [...requests, ...requests].map(([path, headers]) => call(sidecar.url, path, { headers: { ...headers } }))
    await inFlight(sidecar, answers.length)
    await arrival(requests.length)
    const seenOf = ({ req }: Held): string => JSON.stringify([req.url, req.headers.accept, req.headers['accept-language'], req.headers['x-partner-reference'], req.headers['x-booking-source']])
    for (const one of held) one.res.end(seenOf(one))
    const texts = bodies(await Promise.all(answers))
    t.equal(held.length, requests.length)
    t.equal(new Set(texts).size, requests.length)
    t.same(texts.slice(0, requests.length), texts.slice(requests.length))
    requests.forEach(([path, headers], i) => {
      t.ok(texts[i]?.includes(JSON.stringify(path)))
      for (const value of Object.values(headers)) t.ok(texts[i]?.includes(JSON.stringify(value)))
    })
  })
}

for (const [what, options] of [
  ['with a body', { body: '{}', headers: { 'Content-Length': '2' } }],
  ['with Range', { headers: { Range: 'bytes=0-1' } }],
  ['with If-None-Match', { headers: { 'If-None-Match': '"a"' } }],
  ['with If-Modified-Since', { headers: { 'If-Modified-Since': 'x' } }],
  ['with Cookie', { headers: { Cookie: 'a=b' } }],
  ['with Cache-Control: no-cache', { headers: { 'Cache-Control': 'no-cache' } }],
  ['with Cache-Control: no-store', { headers: { 'Cache-Control': 'no-store' } }],
  ['with Cache-Control: max-age=0', { headers: { 'Cache-Control': 'max-age=0' } }],
  ['with Pragma: no-cache', { headers: { Pragma: 'no-cache' } }],
  ['by HEAD', { method: 'HEAD' }],
  ['by OPTIONS', { method: 'OPTIONS' }]
] as const) {
  t.test(`a read ${what} neither leads nor joins`, async t => {
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api })
    const answers = [call(sidecar.url, PATH, { ...options }), call(sidecar.url, PATH, { ...options }), call(sidecar.url, PATH), call(sidecar.url, PATH, { ...options })]
    await inFlight(sidecar, 4)
    await arrival(4)
    for (const { res } of held) res.end()
    t.ok((await Promise.all(answers)).every(({ status }) => status === 200))
  })
}

t.test('with COALESCE=false each read is a call of its own', async t => {
  const { held, api, arrival } = holdingApi()
  const { url } = await startTestSidecar(t, { api, env: { COALESCE: 'false' } })
  const answers = [call(url, PATH), call(url, PATH)]
  await arrival(2)
  held.forEach(({ res }, i) => res.end(String(i)))
  t.same(bodies(await Promise.all(answers)).toSorted(), ['0', '1'])
})

t.test('an answer that varies by a header in the key is shared', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const answers = [1, 2].map(() => call(sidecar.url, PATH, { headers: { Accept: 'a' } }))
  await inFlight(sidecar, 2)
  ;(await arrival()).res.setHeader('Vary', 'accept, X-Partner-Reference').end('shared')
  t.same(bodies(await Promise.all(answers)), ['shared', 'shared'])
  t.equal(held.length, 1)
})

for (const [what, headers, body] of [
  ['varies by all', { Vary: '*' }, 'x'],
  ['varies by a header outside the key', { Vary: 'Accept, User-Agent' }, 'x'],
  ['sets a cookie', { 'Set-Cookie': 'a=b' }, 'x'],
  ['says that it is larger than 1 MiB', { 'Content-Length': String(1024 * 1024 + 1) }, 'x'.repeat(1024 * 1024 + 1)],
  ['turns out to be larger than 1 MiB', {}, 'x'.repeat(1024 * 1024 + 2)]
] as const) {
  t.test(`an answer that ${what} is for the leader alone: the others go on their own, and nobody joins any more`, async t => {
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api })
    const answers = [1, 2, 3].map(() => call(sidecar.url, PATH))
    await inFlight(sidecar, 3)
    const { res } = await arrival()
    res.writeHead(200, { ...headers })
    // All of it but the end: the others need not wait for that.
    res.write(body.slice(1))
    await arrival(3)
    answers.push(call(sidecar.url, PATH))
    await arrival(4)
    for (const other of held.slice(1)) other.res.end('own')
    res.end(body.slice(0, 1))
    t.same(bodies(await Promise.all(answers)).map(text => text === body ? 'the leader\'s' : text).toSorted(), ['own', 'own', 'own', 'the leader\'s'])
    const lines = await Promise.all([1, 2, 3, 4].map(async n => sidecar.requestLine(n)))
    t.ok(lines.every(({ attempts, upstreamMs }) => attempts === 1 && typeof upstreamMs === 'number'))
  })
}

t.test('an answer of exactly 1 MiB is shared', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const answers = [1, 2].map(() => call(sidecar.url, PATH))
  await inFlight(sidecar, 2)
  ;(await arrival()).res.end(Buffer.alloc(1024 * 1024, 'x'))
  t.same((await Promise.all(answers)).map(({ body }) => body.length), [1024 * 1024, 1024 * 1024])
  t.equal(held.length, 1)
})

/** An app that can hang up. */
function leavingCall (url: string) {
  const req = httpRequest(url + PATH, { agent: false }).on('error', () => {})
  req.end()
  return () => { req.destroy() }
}

for (const when of ['before', 'after'] as const) {
  t.test(`a leader that hangs up ${when} the head does not take the others with it`, async t => {
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api })
    const leave = leavingCall(sidecar.url)
    const { res } = await arrival()
    const answers = [call(sidecar.url, PATH), call(sidecar.url, PATH)]
    await inFlight(sidecar, 3)
    if (when === 'after') res.write('one, ')
    leave()
    t.match(await sidecar.requestLine(), { status: 499, aborted: true, attempts: 1 })
    const late = call(sidecar.url, PATH)
    await inFlight(sidecar, 3)
    if (when === 'before') res.write('one, ')
    res.end('two')
    t.same(bodies(await Promise.all([...answers, late])), ['one, two', 'one, two', 'one, two'])
    t.equal(held.length, 1)
  })
}

t.test('a leader that hangs up before an answer that was for it alone frees its upstream call', async t => {
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const leave = leavingCall(sidecar.url)
  const { res } = await arrival()
  const answer = call(sidecar.url, PATH)
  await inFlight(sidecar, 2)
  leave()
  await sidecar.requestLine()
  const isFreed = new Promise(resolve => res.on('close', resolve))
  res.setHeader('Vary', '*').write('for nobody')
  await isFreed
  ;(await arrival(2)).res.end('own')
  t.equal((await answer).body.toString(), 'own')
})

t.test('who went on its own, and hangs up, frees its own upstream call', async t => {
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const leader = call(sidecar.url, PATH)
  const { res } = await arrival()
  const leave = leavingCall(sidecar.url)
  await inFlight(sidecar, 2)
  res.setHeader('Vary', '*').write('for one ')
  const own = await arrival(2)
  const isFreed = new Promise(resolve => own.res.on('close', resolve))
  leave()
  await isFreed
  res.end('alone')
  t.equal((await leader).body.toString(), 'for one alone')
})

t.test('who went on its own gets more than a connection holds, at its own pace', async t => {
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const leader = call(sidecar.url, PATH)
  const { res } = await arrival()
  const alone = call(sidecar.url, PATH)
  await inFlight(sidecar, 2)
  res.setHeader('Vary', '*').end('for one alone')
  ;(await arrival(2)).res.end(Buffer.alloc(10_000_000))
  t.equal((await alone).body.length, 10_000_000)
  t.equal((await leader).body.toString(), 'for one alone')
})

t.test('when all have hung up the upstream call is freed, and the next read is a new one', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const leave = leavingCall(sidecar.url)
  const { res } = await arrival()
  let isFreed = false
  res.on('close', () => { isFreed = true })
  const others = [leavingCall(sidecar.url), leavingCall(sidecar.url)]
  await inFlight(sidecar, 3)
  leave()
  others[0]?.()
  await sidecar.requestLine(2)
  t.notOk(isFreed)
  others[1]?.()
  await until(() => isFreed)
  t.match(await sidecar.requestLine(3), { status: 499, aborted: true })
  const next = call(sidecar.url, PATH)
  ;(await arrival(2)).res.end('new')
  t.equal((await next).body.toString(), 'new')
  t.equal(held.length, 2)
})

t.test('a follower that hangs up harms nobody', async t => {
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const first = call(sidecar.url, PATH)
  const { res } = await arrival()
  const leave = leavingCall(sidecar.url)
  const last = call(sidecar.url, PATH)
  await inFlight(sidecar, 3)
  leave()
  t.match(await sidecar.requestLine(), { status: 499, attempts: 0 })
  res.end('whole')
  t.same(bodies(await Promise.all([first, last])), ['whole', 'whole'])
})

for (const when of ['before the head', 'amid the body'] as const) {
  t.test(`a connection that breaks ${when} costs those who wait one more call, together`, async t => {
    const { held, api, arrival } = holdingApi()
    const sidecar = await startTestSidecar(t, { api })
    const leader = call(sidecar.url, PATH).then(({ status }) => status, () => 'broken')
    const { req, res } = await arrival()
    const others = [1, 2, 3].map(() => call(sidecar.url, PATH))
    await inFlight(sidecar, 4)
    if (when === 'amid the body') res.write('half')
    setImmediate(() => req.socket.resetAndDestroy())
    const second = await arrival(2)
    t.equal(await leader, when === 'amid the body' ? 'broken' : 502)
    const late = call(sidecar.url, PATH)
    await inFlight(sidecar, 4)
    second.res.end('whole')
    t.same(bodies(await Promise.all([...others, late])), ['whole', 'whole', 'whole', 'whole'])
    t.equal(held.length, 2)
    const lines = await Promise.all([2, 3, 4, 5].map(async n => sidecar.requestLine(n)))
    t.same(lines.map(({ attempts }) => attempts).toSorted(), [0, 0, 0, 1])
  })
}

t.test('a second connection that breaks is a failure for all, also for those who joined only then', async t => {
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const answers = [1, 2, 3].map(() => call(sidecar.url, PATH))
  await inFlight(sidecar, 3)
  ;(await arrival()).req.socket.resetAndDestroy()
  const { req } = await arrival(2)
  answers.push(call(sidecar.url, PATH))
  await inFlight(sidecar, 3)
  req.socket.resetAndDestroy()
  t.same((await Promise.all(answers)).map(codeOf), ['UPSTR-R-001', 'UPSTR-R-001', 'UPSTR-R-001', 'UPSTR-R-001'])
  t.equal(held.length, 2)
})

t.test('an API that refuses connections is asked twice at most, and each app is told', async t => {
  const { url } = await startTestSidecar(t, { apiUrl: await startRefusing(t) })
  const answers = await Promise.all(Array.from({ length: 5 }, () => call(url, PATH)))
  t.same([...new Set(answers.map(({ status }) => status))], [502])
})

t.test('own errors are shared: a silent API is waited for once, and each app is told under its own correlation id', async t => {
  const clock = new FakeClock()
  const { held, api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { clock, api })
  await sidecar.line('token refreshed')
  const ids = ['correlation-id-1', 'correlation-id-2', 'correlation-id-3']
  const answers = Promise.all(ids.map(id => call(sidecar.url, PATH, { headers: { 'X-Correlation-ID': id } })))
  await inFlight(sidecar, 3)
  await arrival()
  await clock.runUntil(answers)
  t.same((await answers).map(codeOf), ['UPSTR-R-002', 'UPSTR-R-002', 'UPSTR-R-002'])
  t.same((await answers).map(({ headers }) => headers['x-correlation-id']), ids)
  t.equal(held.length, 1)
  t.match(await sidecar.requestLine(3), { code: 'UPSTR-R-002', cause: /no progress/ })
})

t.test('a token that cannot be had is told to all who wait', async t => {
  const { held, api } = holdingApi()
  const sidecar = await startTestSidecar(t, { api, env: { BOOKABLE_TOKEN_URL: await startTcpServer(t, socket => socket.destroy()), TOKEN_WAIT_MS: '100' } })
  const answers = await Promise.all([1, 2, 3].map(() => call(sidecar.url, PATH)))
  t.same(answers.map(codeOf), ['TOKEN-R-001', 'TOKEN-R-001', 'TOKEN-R-001'])
  t.equal(held.length, 0)
})

t.test('at the limit of a drain all who wait for one answer are told so', async t => {
  const clock = new FakeClock()
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { clock, api, env: { SHUTDOWN_TIMEOUT_MS: '1000' } })
  await sidecar.line('token refreshed')
  const answers = [1, 2, 3].map(() => call(sidecar.url, PATH))
  await inFlight(sidecar, 3)
  const { res } = await arrival()
  const isFreed = new Promise(resolve => res.on('close', resolve))
  const drained = sidecar.drain()
  await clock.runUntil(drained)
  t.equal(await drained, false)
  t.same((await Promise.all(answers)).map(codeOf), ['DRAIN-R-001', 'DRAIN-R-001', 'DRAIN-R-001'])
  await isFreed
})

t.test('a drain waits for all who share an answer', async t => {
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api })
  const answers = [1, 2, 3].map(() => call(sidecar.url, PATH))
  await inFlight(sidecar, 3)
  const { res } = await arrival()
  const drained = sidecar.drain()
  res.end('whole')
  t.same(bodies(await Promise.all(answers)), ['whole', 'whole', 'whole'])
  t.equal(await drained, true)
})

t.test('who waits for another one\'s answer counts for MAX_IN_FLIGHT', async t => {
  const { api, arrival } = holdingApi()
  const sidecar = await startTestSidecar(t, { api, env: { MAX_IN_FLIGHT: '2' } })
  const answers = [call(sidecar.url, PATH), call(sidecar.url, PATH)]
  await inFlight(sidecar, 2)
  t.equal(codeOf(await call(sidecar.url, PATH)), 'LOAD-R-001')
  ;(await arrival()).res.end('ok')
  t.same(bodies(await Promise.all(answers)), ['ok', 'ok'])
})

t.test('what an x-api-key of the API\'s own opens is for nobody else', async t => {
  const { held, api, arrival } = holdingApi()
  const { url } = await startTestSidecar(t, { api })
  const answers = ['a', 'b'].map(key => call(url, PATH, { headers: { 'X-API-Key': key } }))
  await arrival(2)
  for (const { req, res } of held) res.end(`of ${String(req.headers['x-api-key'])}`)
  t.same((await Promise.all(answers)).map(({ body }) => String(body)).sort(), ['of a', 'of b'])
})

t.test('what was for its leader alone is not waited for again, for a while', async t => {
  const { held, api, arrival } = holdingApi()
  const { url } = await startTestSidecar(t, { api })
  const first = call(url, PATH)
  ;(await arrival()).res.setHeader('Vary', 'Origin').end('first')
  await first
  const both = [call(url, PATH), call(url, PATH)]
  await arrival(3)
  for (const { res } of held.slice(1)) res.end('own')
  t.equal((await Promise.all(both)).length, 2)
})
