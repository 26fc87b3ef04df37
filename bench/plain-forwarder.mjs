import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'

/**
 * What people write before they have a sidecar: it adds the access token and hands everything on.
 * @param {import('../src/simulator/simulator.ts').Simulator} simulator
 */
export async function startPlainForwarder ({ origin, tokenUrl, clientId, clientSecret, audience }) {
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, audience })
  })
  const { access_token: token } = await answer.json()
  const agent = new Agent({ keepAlive: true })
  const server = createServer((req, res) => {
    const headers = { ...req.headers, host: new URL(origin).host, authorization: `Bearer ${token}` }
    const upstream = request(origin + req.url, { method: req.method, headers, agent }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    upstream.on('error', () => res.destroy())
    res.on('close', () => upstream.destroy())
    req.pipe(upstream)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    stop () {
      agent.destroy()
      server.close()
      server.closeAllConnections()
    }
  }
}
