import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'

/** What a test closes behind itself. */
export interface Teardown {
  teardown (close: () => unknown): unknown
}

/** An HTTP server on a free loopback port, closed with the test. */
export async function startServer (t: Teardown, listener: RequestListener): Promise<string> {
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 60_000 }, listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A TCP server that speaks whatever a test wants, closed with the test. */
export async function startTcpServer (t: Teardown, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer(socket => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    onConnection(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A port on which nothing listens. */
export async function freePort (): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** An origin at which every connection is refused. The port is held, so that nobody else comes to listen there. */
export async function startRefusing (t: Teardown): Promise<string> {
  const accepting = await startTcpServer(t, () => {})
  const holder = connect(Number(new URL(accepting).port), '127.0.0.1')
  await new Promise<void>(resolve => holder.once('connect', resolve))
  t.teardown(() => holder.destroy())
  return `http://127.0.0.1:${holder.localPort}`
}

export interface TokenServer {
  readonly url: string
  /** How many token requests came. */
  requests: number
  /** The tokens that were given, oldest first. */
  readonly tokens: string[]
  /** Set by a test to answer otherwise. */
  respond: ((req: IncomingMessage, res: ServerResponse) => void) | undefined
}

/** A token endpoint that gives `token-1`, `token-2`, … for an hour each. */
export async function startTokenServer (t: Teardown, expiresInS = 3600): Promise<TokenServer> {
  const state: Omit<TokenServer, 'url'> = { requests: 0, tokens: [], respond: undefined }
  const origin = await startServer(t, (req, res) => {
    state.requests++
    if (state.respond !== undefined) return state.respond(req, res)
    const token = `token-${state.requests}`
    state.tokens.push(token)
    json(res, 200, { access_token: token, token_type: 'Bearer', expires_in: expiresInS, scope: 'venue:read' })
  })
  return Object.assign(state, { url: `${origin}/oauth/token` })
}

export function json (res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' })
  res.end(JSON.stringify(body))
}

export async function readBody (req: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Sends bytes as they are and returns all that comes back until the other side closes. */
export function sendRaw (origin: string, text: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname, () => { socket.write(text) })
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
}
