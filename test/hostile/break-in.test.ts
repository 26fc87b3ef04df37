import { mkdtempSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { call, recorder } from '../helpers/http.ts'
import { run } from '../helpers/process.ts'
import { sendRaw, startServer, startTcpServer, startTokenServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

/** What somebody who tried to break in found, each by its attack. */

t.test('an app that sends a thousand requests ahead and reads no answer is cut, and others are served', async t => {
  const { url } = await startTestSidecar(t)
  const socket = connect(Number(new URL(url).port), '127.0.0.1').pause()
  const closed = new Promise(resolve => socket.on('error', () => {}).on('close', resolve))
  socket.write('GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000))
  socket.resume()
  await closed
  t.equal((await call(url, '/venues')).status, 200)
})

t.test('fifty requests sent ahead are answered in order', async t => {
  const { url } = await startTestSidecar(t, { api: (req, res) => res.end(`<${req.url?.slice(8)}>`) })
  const requests = Array.from({ length: 50 }, (_, i) => `GET /venues/${i} HTTP/1.1\r\nHost: localhost\r\n${i === 49 ? 'Connection: close\r\n' : ''}\r\n`)
  const answers = await sendRaw(url, requests.join(''))
  t.same([...answers.matchAll(/<(\d+)>/g)].map(([, i]) => Number(i)), requests.map((_, i) => i))
})

t.test('an app that was refused and goes on sending its body bit by bit is cut after half a minute', async t => {
  const clock = new FakeClock()
  const { url, requestLine } = await startTestSidecar(t, { clock })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const closed = new Promise(resolve => socket.on('error', () => {}).on('close', resolve))
  socket.resume().write('POST /operators HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx')
  t.match(await requestLine(), { status: 404 })
  const timer = setInterval(() => socket.write('x'), 5)
  t.teardown(() => clearInterval(timer))
  await clock.runUntil(closed)
  t.ok(clock.monotonicMs() >= 30_000)
})

t.test('an app that was refused and then sent its body whole keeps its connection, and leaves no timer', async t => {
  const clock = new FakeClock()
  const { url, requestLine } = await startTestSidecar(t, { clock })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let received = ''
  const closed = new Promise(resolve => socket.on('data', chunk => { received += String(chunk) }).on('close', resolve))
  socket.write('POST /operators HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nxx')
  await requestLine()
  const timers = clock.pendingTimers
  socket.write('xx')
  while (clock.pendingTimers === timers) await settle()
  await clock.advanceMs(60_000)
  socket.write('GET /venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await closed
  t.match(received, /^HTTP\/1\.1 404 [^]*HTTP\/1\.1 200 /)
})

t.test('a second Origin or Sec-Fetch-Site does not cover the first', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  for (const headers of ['Origin: https://evil.example\r\nOrigin: http://localhost', 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: none']) {
    t.match(await sendRaw(url, `GET /venues HTTP/1.1\r\nHost: localhost\r\n${headers}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 403 /)
  }
  t.same(seen, [])
})

t.test('the admin listener takes neither absolute targets nor endless headers', async t => {
  const { adminUrl } = await startTestSidecar(t)
  t.match(await sendRaw(adminUrl, 'GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await sendRaw(adminUrl, `GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${'A: b\r\n'.repeat(500)}\r\n`), /^HTTP\/1\.1 431 /)
})

t.test('NODE_OPTIONS=--insecure-http-parser makes nothing insecure', async t => {
  const { url: BOOKABLE_TOKEN_URL } = await startTokenServer(t)
  const sidecar = run(t, [], {
    PORT: '0', ADMIN_PORT: '0', BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake', BOOKABLE_API_URL: 'http://127.0.0.1:1', BOOKABLE_TOKEN_URL, NODE_OPTIONS: '--insecure-http-parser'
  })
  const [, url = ''] = await sidecar.seen('stdout', /"url":"([^"]+)"/)
  for (const headers of ['Content-Length: 5\r\nTransfer-Encoding: chunked', 'X-A: b\r\n c']) {
    t.match(await sendRaw(url, `POST /venues HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n0\r\n\r\n`), /^HTTP\/1\.1 400 /)
  }
})

t.test('with HOST=none there is the unix socket alone', async t => {
  const path = join(mkdtempSync(join(tmpdir(), 'socket-')), 'sidecar.sock')
  const { url, log } = await startTestSidecar(t, { env: { HOST: 'none', SOCKET_PATH: path } })
  t.equal(url, `unix:${path}`)
  t.same(log.filter(({ level }) => Number(level) > 30), [])
})

t.test('healthcheck ends, whatever answers at the port', async t => {
  const dripping = await startTcpServer(t, socket => {
    socket.write('HTTP/1.1 503 No\r\nContent-Length: 100000\r\n\r\n')
    const timer = setInterval(() => socket.write('x'), 50)
    socket.on('close', () => clearInterval(timer))
  })
  const endless = await startServer(t, (_req, res) => res.writeHead(503).end('x'.repeat(200_000)))
  const escaping = await startServer(t, (_req, res) => res.writeHead(503).end(JSON.stringify({ code: 'x', detail: `\u001b[2J\u009b2J${'x'.repeat(20_000)}` })))
  const another = await startServer(t, (_req, res) => res.writeHead(404).end('<h1>Not found</h1>'))
  for (const [url, words] of [[dripping, /no answer in 3000 ms/], [another, /^not ready: the answer is not a sidecar's\n$/], [endless, /no end/], [escaping, /^not ready: \\x1b\[2J\\x9b2Jx{900,1000}\n$/]] as const) {
    const health = run(t, ['healthcheck'], { ADMIN_PORT: new URL(url).port, ADMIN_HOST: '127.0.0.1' })
    t.equal(await health.ended, 1)
    t.match(health.output.stderr, words)
  }
})
