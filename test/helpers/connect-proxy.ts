import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { Teardown } from './servers.ts'

export interface ConnectProxy {
  /** http://127.0.0.1:PORT */
  readonly url: string
  /** Every request for a tunnel: where to, and with which credentials. */
  readonly tunnels: Array<{ readonly authority: string, readonly authorization: string | undefined }>
  /** Every request that was none. */
  readonly others: string[]
}

/**
 * An outbound proxy as a site has it: it alone knows the names of the outside. Here all of them lead to `destination`.
 * @param refuseWith a status instead of a tunnel
 */
export async function startConnectProxy (t: Teardown, destination: string, refuseWith?: number): Promise<ConnectProxy> {
  const proxy: Omit<ConnectProxy, 'url'> = { tunnels: [], others: [] }
  const server = createServer((req, res) => {
    proxy.others.push(req.url ?? '')
    res.end('from the proxy')
  })
  server.on('connect', (req, socket) => {
    proxy.tunnels.push({ authority: req.url ?? '', authorization: req.headers['proxy-authorization'] })
    socket.on('error', () => {})
    if (refuseWith !== undefined) {
      socket.end(`HTTP/1.1 ${refuseWith} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const outward = connect(Number(new URL(destination).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(outward).pipe(socket)
    })
    outward.on('error', () => socket.destroy())
    t.teardown(() => outward.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}
