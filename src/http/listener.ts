import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { NO_HOST } from '../config/parse.ts'
import { begin } from './pipeline.ts'

/** Request line and headers together; Node counts the line in. */
export const MAX_HEAD_BYTES = 16 * 1024

/** Longer than the 60 s after which common HTTP clients and load balancers drop an idle connection: they close first, not we. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** A head is a packet or two; an app that needs longer for it holds a connection for nothing. */
const HEAD_TIMEOUT_MS = 10_000

/** Connections that may wait to be accepted: a burst of all that MAX_IN_FLIGHT allows, and more, must not meet SYN retries of a second. */
const BACKLOG = 4096

/** How often Node looks for heads that are late. */
const CHECK_INTERVAL_MS = 1_000

/** How binding ::1 fails on a machine without IPv6. */
const NO_SUCH_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'])

/** The listeners of a server's events. */
interface Handlers {
  readonly onRequest: RequestListener
  /** What the parser refuses; the handler answers on the socket itself. */
  readonly onClientError: (error: NodeJS.ErrnoException, socket: Socket) => void
  /** CONNECT, for which Node makes no response object. */
  readonly onConnect: (req: IncomingMessage, socket: Duplex) => void
}

export interface ListenerOptions extends Handlers {
  /** `localhost` binds 127.0.0.1 and, where there is one, ::1: old apps try just one of them. `none` binds nothing but the socket. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The settings' names, for messages. */
  readonly settings: { readonly host: string, readonly port: string }
  /** Also listens on this unix socket, with a handler of its own. */
  readonly socket?: { readonly path: string, readonly onRequest: RequestListener } | undefined
}

/** A start that failed for a reason outside; the message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** One door: HTTP/1.1 servers with the same limits, one for each address and one for the unix socket. */
export class Listener {
  /** Where to connect, as a person would type it. */
  readonly url: string
  readonly #servers: readonly Server[]
  readonly #socketPath: string | undefined

  constructor (url: string, servers: readonly Server[], socketPath: string | undefined) {
    this.url = url
    this.#servers = servers
    this.#socketPath = socketPath
  }

  /** Accepts no new connections and ends idle ones; resolves when the last one has ended. */
  async close (): Promise<void> {
    // Now, and not when the last connection has ended: by then the socket of another process may lie there.
    if (this.#socketPath !== undefined) rmSync(this.#socketPath, { force: true })
    await Promise.all(this.#servers.map(server => new Promise(resolve => server.close(resolve))))
  }

  /** Cuts what is left. */
  closeAllConnections (): void {
    for (const server of this.#servers) server.closeAllConnections()
  }
}

/**
 * Opens the door on every address that the options name.
 * @throws ListenError; then nothing is open
 */
export async function openListener (options: ListenerOptions): Promise<Listener> {
  const { host, port, socket } = options
  const servers: Server[] = []
  try {
    if (host !== NO_HOST) servers.push(await bind(options, host === 'localhost' ? '127.0.0.1' : host, port))
    const [first] = servers
    if (first !== undefined && host === 'localhost') servers.push(...await bindIfThere(options, '::1', portOf(first)))
    if (socket !== undefined) servers.push(await bindSocket({ ...options, onRequest: socket.onRequest }, socket.path))
    const url = first === undefined ? `unix:${socket?.path}` : `http://${host.includes(':') ? `[${host}]` : host}:${portOf(first)}`
    return new Listener(url, servers, socket?.path)
  } catch (error) {
    servers.forEach(server => server.close())
    throw error
  }
}

/** Nothing on a machine that has no such address. */
async function bindIfThere (options: ListenerOptions, host: string, port: number): Promise<Server[]> {
  try {
    return [await bind(options, host, port)]
  } catch (error) {
    if (error instanceof ListenError && NO_SUCH_ADDRESS.has((error.cause as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/**
 * A unix socket that only this user may open. It is made in a folder that nobody else may enter, and moved to its place when it has its mode:
 * at no moment may another open it. A socket that was left behind is replaced.
 */
async function bindSocket (handlers: Handlers, path: string): Promise<Server> {
  try {
    if (await isAnswering(path)) throw new ListenError(`SOCKET_PATH ${path} is taken: stop the process that listens there, or set SOCKET_PATH to another path`)
    const server = createLimitedServer(handlers)
    const folder = mkdtempSync(`${path}.`)
    try {
      const made = join(folder, 's')
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(made, resolve))
      chmodSync(made, 0o600)
      renameSync(made, path)
    } finally {
      rmSync(folder, { recursive: true })
    }
    return server
  } catch (error) {
    if (error instanceof ListenError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new ListenError(`SOCKET_PATH ${path} cannot be listened on (${code ?? message}): name a path in a folder that this user may write to`, { cause: error })
  }
}

/** Whether a process listens there. @throws where something else than a socket lies there */
async function isAnswering (path: string): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return false
  if (!found.isSocket()) throw new ListenError(`SOCKET_PATH ${path} is there, and no socket: name another path`)
  return new Promise(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}

function portOf (server: Server): number {
  return (server.address() as AddressInfo).port
}

function bind (options: ListenerOptions, host: string, port: number): Promise<Server> {
  const server = createLimitedServer(options)
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenError(explain(error, options, host), { cause: error })))
    server.listen({ host, port, backlog: BACKLOG }, () => resolve(server))
  })
}

/** A server with all our limits, not listening yet. */
function createLimitedServer (handlers: Handlers): Server {
  const onRequest: RequestListener = (req, res) => {
    if (begin(req, res)) handlers.onRequest(req, res)
  }
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    // Whatever NODE_OPTIONS say.
    insecureHTTPParser: false,
    headersTimeout: HEAD_TIMEOUT_MS,
    // Would cut a long upload; the exchange watches for silence instead.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    // Missing and doubled ones are refused by the guards, as problems.
    requireHostHeader: false,
    // Else a last small packet would be held back for 40 ms (RFC 896).
    noDelay: true
  }, onRequest)
  // No limit: Node would drop what is above one silently. The guards count instead.
  server.maxHeadersCount = 0
  server.on('clientError', handlers.onClientError)
  // Not Node but the exchange answers Expect: it asks for the body only when it takes the request, and refuses what it does not know.
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('connect', handlers.onConnect)
  return server
}

function explain (error: NodeJS.ErrnoException, { settings, port }: ListenerOptions, host: string): string {
  switch (error.code) {
    case 'EADDRINUSE': return `${settings.port} ${port} is taken on ${host}: stop the process that listens there, or set ${settings.port} to a free port`
    case 'EACCES': return `${settings.port} ${port} may not be opened by this user: set ${settings.port} to one above 1023`
    case 'EADDRNOTAVAIL': return `${settings.host} ${host} is no address of this machine: set ${settings.host} to localhost, 0.0.0.0 or an address that it has`
    case 'ENOTFOUND':
    case 'EAI_AGAIN': return `${settings.host} ${host} cannot be resolved: set ${settings.host} to localhost, 0.0.0.0 or an address of this machine`
    default: return `${settings.host} ${host}, ${settings.port} ${port} cannot be listened on (${error.code ?? error.message})`
  }
}
