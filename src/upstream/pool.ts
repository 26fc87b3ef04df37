import { buildConnector, Client, Pool, type Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { tunnelThrough, type Connecting, type OutboundProxy } from './outbound-proxy.ts'

export interface PoolConfig {
  readonly origin: string
  readonly connections: number
  readonly connectTimeoutMs: number
  /** Undefined: the origin is connected to directly. */
  readonly proxy: OutboundProxy | undefined
}

/**
 * Below the 60 s after which common load balancers drop an idle connection, so that we close first. A server that says
 * otherwise in Keep-Alive is believed.
 */
const KEEP_ALIVE_TIMEOUT_MS = 50_000

/** Connecting took longer than allowed; nothing was sent. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError'
  readonly code = 'CONNECT_TIMEOUT'
}

/** What is dispatched to a pool of ours, and wants to know whether its connection served others before. */
export interface ConnectionAware {
  /** Told when a client takes the request; asked of when it is written. */
  connection: Connection | undefined
}

/** One connection, as far as a request cares: a server may close a kept one just as the next request goes out. */
export interface Connection {
  /** Called when a request is written to it. @returns whether it is not the first */
  use (): boolean
}

/** One connection of a pool, which knows how many requests it has served. */
class CountingClient extends Client implements Connection {
  readonly #pool: () => Dispatcher
  #requests = 0
  #isDropped = false

  constructor (origin: URL, options: Client.Options, pool: () => Dispatcher) {
    super(origin, options)
    this.#pool = pool
    this.on('connect', () => { this.#requests = 0 })
    this.on('connectionError', () => { this.#isDropped = true })
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (this.#isDropped) {
      // A client that could not connect is forgotten by the pool, but goes on taking requests: on a connection beyond the limit. Back to the pool.
      this.#pool().dispatch(options, handler)
      return false
    }
    if ('connection' in handler) handler.connection = this
    return super.dispatch(options, handler)
  }

  use (): boolean {
    return this.#requests++ > 0
  }
}

/**
 * The connections to one origin. HTTP/1.1 without pipelining: a request never waits behind another one's answer, and HTTP/2
 * cost 38 % more CPU.
 */
export function createPool ({ clock, config }: { clock: Clock, config: PoolConfig }): Pool {
  const pool: Pool = new Pool(config.origin, {
    connections: config.connections,
    pipelining: 1,
    factory: (origin, options) => new CountingClient(origin, options as Client.Options, () => pool),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Each attempt keeps its own deadline: these would not count the time in the queue, and tick once a second.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: connectWithin(clock, config)
  })
  return pool
}

/** Connecting, through a tunnel or not, and TLS: all within one limit. */
export function connectWithin (clock: Clock, { proxy, connectTimeoutMs }: Pick<PoolConfig, 'proxy' | 'connectTimeoutMs'>): buildConnector.connector {
  // Explicit, so that nothing in the environment (NODE_TLS_REJECT_UNAUTHORIZED=0, NODE_OPTIONS=--tls-min-v1.0) turns anything off.
  const connectDirectly = buildConnector({ rejectUnauthorized: true, minVersion: 'TLSv1.2', timeout: 0 })
  // It returns the socket that connects; its type does not say so.
  const connect = proxy === undefined ? connectDirectly as unknown as ReturnType<typeof tunnelThrough> : tunnelThrough(proxy, connectDirectly)
  return (options, callback) => {
    let isDone = false
    const done: buildConnector.Callback = (...result) => {
      if (isDone) return
      isDone = true
      timer.cancel()
      callback(...result)
    }
    const connecting: Connecting = connect(options, done)
    const timer = clock.setTimer(() => {
      const error = new ConnectTimeoutError(`no connection in ${connectTimeoutMs} ms`)
      connecting.destroy(error)
      done(error, null)
    }, connectTimeoutMs)
  }
}
