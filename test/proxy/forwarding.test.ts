import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { call, recorder, valuesOf } from '../helpers/http.ts'
import { json, readBody, sendRaw, startTcpServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
  t.test(`${method} reaches the API with our token instead of the app's`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    const { status } = await call(url, '/venues/1', { method, headers: { Authorization: 'Basic app', authorization: 'Bearer app' } })
    t.equal(status, 200)
    t.match(seen, [{ method, url: '/venues/1' }])
    t.same(valuesOf(seen[0]?.headers ?? [], 'authorization'), ['Bearer token-1'])
  })
}

for (const target of [
  '/venues', '/venues/', '/venues?', '/bookings/1', '/venues/29|CO|275cc44d|d99128c5/availability?date=2026-01-01&partySize=2', '/venues/29%7CCO%7cx',
  '/venues?a=+&b=%20&c=&d&a=&&=', '/venues//1', '/venues/./1', '/venues/{}', '/venues/a%2Fb', '/venues/a%23b', '/venues/100%25', '/venues/a;b=c', "/venues/!$&'()*+,;=:@~", '/venues/caf%C3%A9?q=%E2%9C%93', '/venues?q=[1]&r="<>`',
  `/venues/${'long'.repeat(100)}`
]) {
  t.test(`the target ${target.slice(0, 60)} reaches the API byte for byte`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    await call(url, target)
    t.match(seen, [{ url: target }])
  })
}

t.test('the path of BOOKABLE_API_URL is put before the app\'s', async t => {
  const { seen, api } = recorder()
  const origin = await startTestSidecar(t, { api })
  const { url } = await startTestSidecar(t, { apiUrl: `${origin.apiUrl}/v1/` })
  await call(url, '/venues?x')
  t.match(seen, [{ url: '/v1/venues?x' }])
})

for (const [what, type, body] of [
  ['JSON', 'application/json', '{"a":1}'],
  ['broken JSON', 'application/json', '{"a":'],
  ['a form', 'application/x-www-form-urlencoded', 'a=1&b=+'],
  ['bytes', 'application/octet-stream', Buffer.from([0, 255, 13, 10, 0])],
  ['a garbage content type', 'gar bage/;;', 'x'],
  ['no content type', undefined, 'x']
] as const) {
  t.test(`a body of ${what} reaches the API as sent`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api })
    await call(url, '/venues/1/booking', { method: 'POST', headers: type === undefined ? {} : { 'Content-Type': type }, body })
    t.same(seen[0]?.body, Buffer.from(body))
    t.same(valuesOf(seen[0]?.headers ?? [], 'content-type'), type === undefined ? [] : [type])
    t.same(valuesOf(seen[0]?.headers ?? [], 'content-length'), [String(Buffer.byteLength(body))])
  })
}

for (const size of [0, 1, 65_535, 65_536, 65_537, 5_000_000]) {
  for (const framing of ['Content-Length', 'chunks'] as const) {
    t.test(`a body of ${size} bytes by ${framing} reaches the API whole, and an equal answer comes back`, async t => {
      const { url } = await startTestSidecar(t, {
        api: (req, res) => { void readBody(req).then(body => res.end(body)) }
      })
      const body = randomBytes(size)
      const headers = framing === 'chunks' ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': String(size) }
      const answer = await call(url, '/venues/1/booking', { method: 'POST', headers, body })
      t.equal(createHash('sha256').update(answer.body).digest('hex'), createHash('sha256').update(body).digest('hex'))
    })
  }
}

t.test('a GET with a body keeps it', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  await call(url, '/venues', { headers: { 'Content-Length': '2' }, body: '{}' })
  t.equal(seen[0]?.body.toString(), '{}')
})

t.test('request headers keep spelling, order and repetitions; hop-by-hop ones and what Connection names stay here', async t => {
  const { seen, api } = recorder()
  const { url, apiUrl } = await startTestSidecar(t, { api })
  await sendRaw(url, 'GET /venues HTTP/1.1\r\nHost: localhost\r\nX-Twice: 1\r\naccept: a\r\nX-TWICE: 2\r\nTE: trailers\r\nX-Hop: 1\r\n' +
    'Connection: close, x-hop\r\nKeep-Alive: 300\r\nProxy-Authorization: Basic x\r\nUpgrade: h2c\r\nCookie: a=b\r\n\r\n')
  const { headers = [] } = seen[0] ?? {}
  t.same(headers.slice(headers.indexOf('X-Twice'), headers.indexOf('X-Twice') + 6), ['X-Twice', '1', 'accept', 'a', 'X-TWICE', '2'])
  t.same(valuesOf(headers, 'cookie'), ['a=b'])
  for (const name of ['te', 'x-hop', 'keep-alive', 'proxy-authorization', 'upgrade', 'via', 'forwarded', 'x-forwarded-for']) t.same(valuesOf(headers, name), [], name)
  t.same(valuesOf(headers, 'host'), [new URL(apiUrl).host])
})

t.test('answer headers keep spelling, order and repetitions, and status its words', async t => {
  const apiUrl = await startTcpServer(t, socket => socket.once('data', () => socket.end(
    'HTTP/1.1 299 Fine Indeed\r\nSet-Cookie: a=1\r\nX-ODD: \xe9\r\nset-cookie: b=2\r\nX-Hop: 1\r\nConnection: x-hop, close\r\n' +
    'Keep-Alive: timeout=5\r\nTrailer: X-T\r\nX-Correlation-ID: of-the-api\r\nContent-Length: 2\r\n\r\nok', 'latin1'
  )))
  const { url } = await startTestSidecar(t, { apiUrl })
  const answer = await sendRaw(url, 'GET /venues HTTP/1.1\r\nHost: localhost\r\nX-Correlation-ID: of-the-app\r\nConnection: close\r\n\r\n')
  t.match(answer, 'HTTP/1.1 299 Fine Indeed\r\nSet-Cookie: a=1\r\nX-ODD: \xe9\r\nset-cookie: b=2\r\nContent-Length: 2\r\nX-Correlation-ID: of-the-app\r\n')
  t.notMatch(answer, /x-hop|trailer|of-the-api|timeout=5/i)
})

t.test('a correlation id is made where the app sent none, and goes both ways', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  const { headers } = await call(url, '/venues')
  const id = String(headers['x-correlation-id'])
  t.match(id, /^[^.]{16,}$/)
  t.same(valuesOf(seen[0]?.headers ?? [], 'x-correlation-id'), [id])
})

t.test('204, 304 and HEAD have no body, whatever Content-Length says', async t => {
  const { url } = await startTestSidecar(t, {
    api: (req, res) => {
      if (req.method === 'HEAD') res.writeHead(200, { 'Content-Length': '1234' }).end()
      else res.writeHead(req.url === '/venues/304' ? 304 : 204, { ETag: '"x"' }).end()
    }
  })
  t.match(await call(url, '/venues', { method: 'HEAD' }), { status: 200, headers: { 'content-length': '1234' } })
  t.match(await call(url, '/venues/304'), { status: 304, headers: { etag: '"x"' } })
  t.match(await call(url, '/venues/204', { method: 'DELETE' }), { status: 204 })
})

t.test('a 304 that tells the length of what it does not send passes', async t => {
  const apiUrl = await startTcpServer(t, socket => socket.on('data', () => socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n')))
  const { url } = await startTestSidecar(t, { apiUrl })
  t.match(await call(url, '/venues'), { status: 304, headers: { 'content-length': '99' } })
})

t.test('an answer with a Trailer header and Content-Length does not crash the process', async t => {
  const { url } = await startTestSidecar(t, {
    apiUrl: await startTcpServer(t, socket => socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok')))
  })
  t.match(await call(url, '/venues'), { status: 200 })
  t.match(await call(url, '/venues'), { status: 200 })
})

t.test('gzip passes untouched', async t => {
  const zipped = gzipSync('hello')
  const { url } = await startTestSidecar(t, { api: (_req, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(zipped) })
  t.same((await call(url, '/venues')).body, zipped)
})

t.test('redirects and errors of the API are the app\'s answers', async t => {
  const { url } = await startTestSidecar(t, {
    api: (req, res) => {
      if (req.url === '/venues/302') res.writeHead(302, { Location: '/elsewhere' }).end()
      else json(res, 503, { code: 'VENUE-R-001' })
    }
  })
  t.match(await call(url, '/venues/302'), { status: 302, headers: { location: '/elsewhere' } })
  t.match(JSON.parse((await call(url, '/venues/1')).body.toString()), { code: 'VENUE-R-001' })
})

t.test('a 503 is asked for once', async t => {
  const { seen, api } = recorder((_req, res) => json(res, 503, {}))
  const { url } = await startTestSidecar(t, { api })
  await call(url, '/venues')
  t.equal(seen.length, 1)
})

t.test('1xx of the API stay here, and the answer comes', async t => {
  const apiUrl = await startTcpServer(t, socket => socket.on('data', () => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  }))
  const { url } = await startTestSidecar(t, { apiUrl })
  const answer = await sendRaw(url, 'GET /venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match(answer, /^HTTP\/1\.1 200 OK/)
  t.notMatch(answer, 'Link')
})

t.test('an app that expects 100-continue is asked for its body, and refused before it sends one', async t => {
  const { url } = await startTestSidecar(t, recorder())
  const headers = 'Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n'
  t.match(await sendRaw(url, `POST /venues/1/booking HTTP/1.1\r\n${headers}{}`), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  t.match(await sendRaw(url, `POST /operators HTTP/1.1\r\n${headers}`), /^HTTP\/1\.1 404/)
})

t.test('an HTTP/1.0 app without a Host gets an answer without chunks', async t => {
  const { url } = await startTestSidecar(t, { api: (_req, res) => { res.write('a'); res.end('b') } })
  const answer = await sendRaw(url, 'GET /venues HTTP/1.0\r\n\r\n')
  t.match(answer, /^HTTP\/1\.1 200 OK/)
  t.notMatch(answer, /transfer-encoding/i)
  t.match(answer, /\r\n\r\nab$/)
})

t.test('a connection is kept for the next request, and says how long', async t => {
  const { url } = await startTestSidecar(t, recorder())
  const request = 'GET /venues HTTP/1.1\r\nHost: localhost\r\n'
  const answer = await sendRaw(url, `${request}\r\n${request}Connection: close\r\n\r\n`)
  t.equal(answer.match(/HTTP\/1\.1 200 OK/g)?.length, 2)
  t.match(answer, 'Keep-Alive: timeout=72')
})

t.test('an answer streams: its start arrives before its end is there', async t => {
  let finish = (): void => {}
  const { url } = await startTestSidecar(t, { api: (_req, res) => { res.write('first'); finish = () => res.end('last') } })
  await new Promise<void>((resolve, reject) => {
    httpRequest(`${url}/venues`, res => {
      res.once('data', chunk => {
        t.equal(String(chunk), 'first')
        finish()
        res.on('end', resolve).resume()
      })
    }).on('error', reject).end()
  })
})

t.test('a head arrives although its body does not', async t => {
  const { url } = await startTestSidecar(t, { api: (_req, res) => { res.flushHeaders() } })
  await new Promise<void>((resolve, reject) => {
    const req = httpRequest(`${url}/venues`, res => {
      t.equal(res.statusCode, 200)
      req.on('error', () => {}).destroy()
      resolve()
    }).on('error', reject)
    req.end()
  })
})

t.test('an upload streams: its start reaches the API before its end is there', async t => {
  let gotStart = (): void => {}
  const started = new Promise<void>(resolve => { gotStart = resolve })
  const { url } = await startTestSidecar(t, {
    api: (req, res) => {
      req.once('data', gotStart)
      void readBody(req).then(body => res.end(String(body.length)))
    }
  })
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const req = httpRequest(`${url}/venues/1/booking`, { method: 'POST' }, res => { readBody(res).then(resolve, reject) })
    req.on('error', reject)
    req.write(Buffer.alloc(200_000))
    void started.then(() => req.end(Buffer.alloc(100_000)))
  })
  t.equal(answer.toString(), '300000')
})
