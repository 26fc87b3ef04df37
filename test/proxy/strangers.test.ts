import { existsSync, mkdtempSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { call, recorder, valuesOf } from '../helpers/http.ts'
import { readBody, sendRaw } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const KEY = 'obviously-fake-key'
const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

for (const [what, headers, isLetIn] of [
  ['x-api-key', { 'X-Api-Key': KEY }, true],
  ['a Basic password', { Authorization: basic('anyone', KEY) }, true],
  ['a Basic password with an empty user', { Authorization: basic('', KEY) }, true],
  ['a Bearer credential', { Authorization: `bearer ${KEY}` }, true],
  ['nothing', {}, false],
  ['a wrong key', { 'X-Api-Key': `${KEY}x` }, false],
  ['the beginning of the key', { 'X-Api-Key': KEY.slice(0, -1) }, false],
  ['an empty key', { 'X-Api-Key': '' }, false],
  ['the key as Basic user', { Authorization: basic(KEY, 'x') }, false],
  ['the key without a scheme', { Authorization: KEY }, false],
  ['garbage as Basic', { Authorization: 'Basic %%%' }, false]
] as const) {
  t.test(`where a key is asked for, an app with ${what} is ${isLetIn ? 'let in, and the key stays here' : 'refused with 401'}`, async t => {
    const { seen, api } = recorder()
    const { url } = await startTestSidecar(t, { api, env: { INBOUND_API_KEY: KEY } })
    const answer = await call(url, '/venues', { headers: { ...headers } })
    t.equal(answer.status, isLetIn ? 200 : 401)
    if (isLetIn) {
      t.same(valuesOf(seen[0]?.headers ?? [], 'x-api-key'), [])
      t.same(valuesOf(seen[0]?.headers ?? [], 'authorization'), ['Bearer token-1'])
    } else {
      t.match(JSON.parse(answer.body.toString()), { code: 'PROXY-N-005' })
      t.match(answer.headers['www-authenticate'], /^Basic realm="bookable-sidecar"/)
      t.same(seen, [])
    }
  })
}

t.test('where no key is asked for, x-api-key is the app\'s own and goes up', async t => {
  const { seen, api } = recorder()
  const { url } = await startTestSidecar(t, { api })
  await call(url, '/venues', { headers: { 'X-Api-Key': 'mine' } })
  t.same(valuesOf(seen[0]?.headers ?? [], 'x-api-key'), ['mine'])
})

t.test('a key in a file is rotated with the next token', async t => {
  const path = join(mkdtempSync(join(tmpdir(), 'key-')), 'key')
  writeFileSync(path, 'old-key')
  const { url, line, log } = await startTestSidecar(t, { env: { INBOUND_API_KEY_FILE: path }, tokenLifetimeS: 1 })
  await line('token refreshed')
  writeFileSync(path, 'new-key')
  // One token request may have read the old key already.
  await line('token refreshed', log.filter(({ msg }) => msg === 'token refreshed').length + 2)
  t.equal((await call(url, '/venues', { headers: { 'X-Api-Key': 'new-key' } })).status, 200)
  t.equal((await call(url, '/venues', { headers: { 'X-Api-Key': 'old-key' } })).status, 401)
})

for (const [what, headers, status] of [
  ['a name that was rebound', 'Host: evil.example', 421],
  ['a page of another site', 'Host: localhost\r\nOrigin: https://evil.example', 403],
  ['a page of another site, by its browser\'s word', 'Host: localhost\r\nSec-Fetch-Site: cross-site', 403],
  ['a page of its own', 'Host: localhost\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin', 200]
] as const) {
  for (const listener of ['app', 'admin'] as const) {
    t.test(`${what} gets ${status} from the ${listener} listener, without any CORS header`, async t => {
      const { seen, api } = recorder()
      const sidecar = await startTestSidecar(t, { api })
      await sidecar.line('token refreshed')
      const [origin, path] = listener === 'app' ? [sidecar.url, '/venues'] : [sidecar.adminUrl, '/readyz']
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        if (status === 200 && listener === 'admin' && method !== 'GET') continue
        const answer = await sendRaw(origin, `${method} ${path} HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`)
        t.match(answer, `HTTP/1.1 ${status} `)
        t.notMatch(answer, /access-control/i)
      }
      if (status !== 200) t.same(seen, [])
    })
  }
}

t.test('a link from elsewhere may open the admin page, a frame or a script may not', async t => {
  const { adminUrl, line } = await startTestSidecar(t)
  await line('token refreshed')
  const status = async (dest: string, mode: string): Promise<number> =>
    (await call(adminUrl, '/readyz', { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': mode, 'Sec-Fetch-Dest': dest } })).status
  t.same([await status('document', 'navigate'), await status('iframe', 'navigate'), await status('script', 'no-cors'), await status('empty', 'cors')], [200, 403, 403, 403])
})

t.test('ALLOWED_HOSTS names who is answered, and nobody else', async t => {
  const { url } = await startTestSidecar(t, { env: { ALLOWED_HOSTS: 'Sidecar.Internal, ::1' } })
  const statuses = await Promise.all(['sidecar.internal:1', '[::1]', 'localhost'].map(async host => (await call(url, '/venues', { headers: { Host: host } })).status))
  t.same(statuses, [200, 200, 421])
})

t.test('on a wildcard address without a key or names, one warning says what that means', async t => {
  const warnings = async (env: Record<string, string>): Promise<number> =>
    (await startTestSidecar(t, { env })).log.filter(({ level, msg }) => level === 40 && /INBOUND_API_KEY/.test(String(msg))).length
  t.equal(await warnings({ HOST: '0.0.0.0' }), 1)
  t.equal(await warnings({ HOST: '0.0.0.0', INBOUND_API_KEY: KEY }), 0)
  t.equal(await warnings({ HOST: '0.0.0.0', ALLOWED_HOSTS: 'x' }), 0)
  t.equal(await warnings({}), 0)
})

t.test('the unix socket has mode 0600, asks for no Host, serves, and is gone after the drain', async t => {
  const path = join(mkdtempSync(join(tmpdir(), 'socket-')), 'sidecar.sock')
  const { drain } = await startTestSidecar(t, { env: { SOCKET_PATH: path } })
  t.equal(statSync(path).mode & 0o777, 0o600)
  const status = await new Promise((resolve, reject) => {
    httpRequest({ socketPath: path, path: '/venues', headers: { Host: 'whatever' } }, res => {
      void readBody(res).then(() => resolve(res.statusCode))
    }).on('error', reject).end()
  })
  t.equal(status, 200)
  await drain()
  t.notOk(existsSync(path))
})

/** A socket on which nobody listens any more. */
async function leaveBehind (path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(`${path}.made`, resolve))
  // Under the name that it has, node would remove it.
  renameSync(`${path}.made`, path)
  await new Promise(resolve => server.close(resolve))
}

t.test('a socket that was left behind is replaced, one that is in use or no socket is not', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'socket-'))
  const [path, left, file] = [join(folder, 'a.sock'), join(folder, 'b.sock'), join(folder, 'file')]
  await startTestSidecar(t, { env: { SOCKET_PATH: path } })
  await t.rejects(startTestSidecar(t, { env: { SOCKET_PATH: path } }), { name: 'ListenError', message: /is taken/ })
  await leaveBehind(left)
  await startTestSidecar(t, { env: { SOCKET_PATH: left } })
  writeFileSync(file, 'precious')
  await t.rejects(startTestSidecar(t, { env: { SOCKET_PATH: file } }), { name: 'ListenError', message: /no socket/ })
  t.equal(statSync(file).size, 8)
  await t.rejects(startTestSidecar(t, { env: { SOCKET_PATH: '/nowhere/at/all' } }), { name: 'ListenError', message: /ENOENT/ })
})
