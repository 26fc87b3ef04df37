// The API and its token endpoint, as cheap as Node makes them: a process of its own, started by run.mjs, that ends with it.
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { once } from 'node:events'
import { ACCESS_TOKEN } from './peers.mjs'

const BODY_BYTES = 1536

/** Longer than any pause of a peer while the others have their turn. */
const KEEP_ALIVE_TIMEOUT_MS = 300_000

const [keyPath = '', certificatePath = ''] = process.argv.slice(2)

const answer = availability()
const head = [
  'Content-Type', 'application/json; charset=utf-8',
  'Content-Length', String(answer.length),
  'Cache-Control', 'no-store',
  'X-Correlation-ID', '5f0c7a52-64c1-4b1e-9b39-3f6f6d1c9a10',
  // So wide that a quota is counted, but never in the way.
  'X-RateLimit-Limit', '1000000000',
  'X-RateLimit-Remaining', '999999999',
  'X-RateLimit-Reset', String(Math.floor(Date.now() / 1000) + 3600)
]

const api = createHttpsServer({ key: readFileSync(keyPath), cert: readFileSync(certificatePath), keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (req, res) => {
  const isAllowed = req.headers.authorization === `Bearer ${ACCESS_TOKEN}`
  res.writeHead(isAllowed ? 200 : 401, head)
  res.end(answer)
})

const tokenEndpoint = createHttpServer((req, res) => {
  req.resume().on('end', () => {
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify({ access_token: ACCESS_TOKEN, token_type: 'Bearer', expires_in: 86_400 }))
  })
})

process.on('disconnect', () => process.exit())
for (const server of [api, tokenEndpoint]) await once(server.listen(0, '127.0.0.1'), 'listening')
process.send?.({ apiPort: portOf(api), tokenPort: portOf(tokenEndpoint) })

/** @param {import('node:net').Server} server */
function portOf (server) {
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port
}

/** An answer of the API's kind, of exactly BODY_BYTES. */
function availability () {
  const slots = Array.from({ length: 12 }, (_, i) => ({
    startsAt: `2030-05-17T${String(11 + i).padStart(2, '0')}:30:00Z`, durationMinutes: 90, covers: 4, productId: `dinner|terrace|${i}`
  }))
  const text = JSON.stringify({ venueId: 'venue-1', slots, note: '' })
  return Buffer.from(text.replace(/""}$/, `"${'.'.repeat(BODY_BYTES - text.length)}"}`))
}
