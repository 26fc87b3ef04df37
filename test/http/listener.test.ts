import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import t from 'tap'
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
