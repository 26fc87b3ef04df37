import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request, type RequestListener, type ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Listener, openListener } from '../../src/http/listener.ts'
import { freePort } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const NO_IPV6 = Object.values(networkInterfaces()).flat().every(each => each?.address !== '::1') && 'there is no ::1 here'

const FIRST_FREE_TO_ALL = process.platform === 'linux' ? Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) : 1024

for (const [what, env, message] of [
  ['an address that this machine has not', { HOST: '192.0.2.1' }, /^HOST 192\.0\.2\.1 is no address of this machine: set HOST to localhost/],
  ['a name that cannot be', { ADMIN_HOST: 'x'.repeat(64) }, /^ADMIN_HOST x+ cannot be resolved: set ADMIN_HOST to localhost/],
  ['an address that lacks its zone', { HOST: 'fe80::1' }, /^HOST fe80::1, PORT 0 cannot be listened on \(E[A-Z]+\)$/]
] as const) {
  t.test(`${what} is told with what to set instead`, async t => {
    await t.rejects(startTestSidecar(t, { env }), { name: 'ListenError', message })
  })
}

t.test('a port of root\'s is told to who is not root', { skip: FIRST_FREE_TO_ALL <= 1 && 'every port is free to all here' }, async t => {
  const { seteuid } = process
  const isRoot = process.geteuid?.() === 0
  if (isRoot) seteuid?.('nobody')
  t.teardown(() => { if (isRoot) seteuid?.(0) })
  await t.rejects(startTestSidecar(t, { env: { PORT: '1' } }), { name: 'ListenError', message: /^PORT 1 may not be opened by this user: set PORT to one above 1023$/ })
})

t.test('a port of localhost that is taken on ::1 alone is taken: an app may try just that one', { skip: NO_IPV6 }, async t => {
  const port = await freePort()
  const other = createServer()
  await new Promise<void>(resolve => other.listen(port, '::1', resolve))
  t.teardown(() => other.close())
  await t.rejects(startTestSidecar(t, { env: { PORT: String(port) } }), { name: 'ListenError', message: new RegExp(`^PORT ${port} is taken on ::1`) })
})

t.test('an address of IPv6 stands in brackets in the URL', { skip: NO_IPV6 }, async t => {
  t.match((await startTestSidecar(t, { env: { HOST: '::1' } })).url, /^http:\/\/\[::1\]:\d+$/)
})

function openSocket (path: string, onRequest: RequestListener): Promise<Listener> {
  return openListener({
    host: 'none', port: 0, settings: { host: 'HOST', port: 'PORT' }, socket: { path, onRequest }, onRequest, onClientError: () => {}, onConnect: () => {}
  })
}

t.test('a process that finishes its last request leaves the unix socket of its successor alone', async t => {
  // Not tap's own folder: a socket's path has room for 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'listener-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 's')
  let hold: (res: ServerResponse) => void
  const held = new Promise<ServerResponse>(resolve => { hold = resolve })
  const leaving = await openSocket(path, (_req, res) => hold(res))
  const running = request({ socketPath: path, agent: false }, res => res.resume())
  running.end()
  const res = await held
  const closed = leaving.close()
  t.equal(lstatSync(path, { throwIfNoEntry: false }), undefined, 'it is gone as soon as nobody listens')
  const successor = await openSocket(path, (_req, res) => res.end())
  res.end()
  await closed
  t.ok(lstatSync(path).isSocket())
  await successor.close()
  t.equal(lstatSync(path, { throwIfNoEntry: false }), undefined)
})
