// The API and its token endpoint, as cheap as Node makes them: a process of its own, started by run.mjs, that ends with it.
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { once } from 'node:events'
import { BOOKING_BYTES } from './load/requests.mjs'
import { ACCESS_TOKEN } from './peer.mjs'

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

const EXPORT_CHUNK = Buffer.alloc(64 * 1024, 'x')

const api = createHttpsServer({ key: readFileSync(keyPath), cert: readFileSync(certificatePath), keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (req, res) => {
  if (req.headers.authorization !== `Bearer ${ACCESS_TOKEN}`) res.writeHead(401, head).end(answer)
  else if (req.method === 'POST') take(req, res)
  else if (req.url?.startsWith('/venues/export?') === true) give(res, bytesOf(req))
  else res.writeHead(200, head).end(answer)
})

/**
 * A booking, or a large body: as many bytes as it should have, or the load is told that some are missing.
 * @param {import('node:http').IncomingMessage} req
 * @param {import('node:http').ServerResponse} res
 */
function take (req, res) {
  const expected = req.url?.startsWith('/venues/import?') === true ? bytesOf(req) : BOOKING_BYTES
  let received = 0
  req.on('data', (/** @type {Buffer} */ chunk) => { received += chunk.length })
  req.on('end', () => res.writeHead(received === expected ? 200 : 400, head).end(answer))
}

/**
 * @param {import('node:http').ServerResponse} res
 * @param {number} bytes
 */
function give (res, bytes) {
  let missing = bytes
  const write = () => {
    while (missing > 0) {
      const part = missing < EXPORT_CHUNK.length ? EXPORT_CHUNK.subarray(0, missing) : EXPORT_CHUNK
      missing -= part.length
      if (!res.write(part)) return
    }
    res.end()
  }
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': String(bytes) })
  res.on('drain', write)
  write()
}

/** @param {import('node:http').IncomingMessage} req */
function bytesOf (req) {
  return Number(req.url?.split('bytes=')[1])
}

const tokenEndpoint = createHttpServer((req, res) => {
  req.resume().on('end', () => {
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify({ access_token: ACCESS_TOKEN, token_type: 'Bearer', expires_in: 86_400 }))
  })
})

process.on('disconnect', () => process.exit())
for (const server of [api, tokenEndpoint]) await once(server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }), 'listening')
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
