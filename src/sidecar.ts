import { ADMIN_METHODS, createAdminServer } from './admin/server.ts'
import { delay, type Clock } from './clock.ts'
import type { Config } from './config/load.ts'
import { openListener, type Listener } from './http/listener.ts'
import type { HostPolicy } from './http/site.ts'
import { isLoopback } from './config/parse.ts'
import { Journal } from './journal.ts'
import type { Logger } from './logger.ts'
import { Door } from './proxy/door.ts'
import { createClientErrorListener, createConnectListener, createProxyServer } from './proxy/server.ts'
import type { Secret } from './secret.ts'
import { TokenCache } from './token/cache.ts'
import { createTokenEndpoint } from './token/endpoint.ts'
import { createPool } from './upstream/pool.ts'

export interface SidecarOptions {
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  /** From 0 to 1. */
  readonly random: () => number
}

/** A running sidecar. */
export interface Sidecar {
  /** Where apps connect. */
  readonly url: string
  /** Where probes connect. */
  readonly adminUrl: string
  /**
   * Not ready any more for SHUTDOWN_DELAY_MS, then no new requests; those that run may take SHUTDOWN_TIMEOUT_MS.
   * @returns whether all of them ended by themselves
   */
  drain (): Promise<boolean>
}

/** For the last answers to leave, and for idle connections to close. */
const LINGER_MS = 500

/**
 * Builds everything from the settings and opens both doors. The token is fetched meanwhile: the sidecar is alive at once, and ready
 * when it has one.
 * @throws ListenError
 */
export async function startSidecar ({ config, clock, logger, random }: SidecarOptions): Promise<Sidecar> {
  const journal = new Journal(logger)
  const warn = (reason: string): void => journal.secretFileUnreadable(reason)
  const inboundKey: { current: Secret | undefined } = { current: config.inboundApiKey?.read(warn) }
  const pool = createPool({
    clock,
    config: { origin: config.apiUrl.origin, connections: config.upstreamConnections, connectTimeoutMs: config.upstreamConnectTimeoutMs }
  })
  // One token request at a time is all there ever is.
  const tokenPool = createPool({
    clock,
    config: { origin: config.tokenUrl.origin, connections: 1, connectTimeoutMs: config.tokenTimeoutMs }
  })
  const tokens = new TokenCache({
    clock,
    random,
    endpoint: createTokenEndpoint({
      clock,
      dispatcher: tokenPool,
      config: {
        url: config.tokenUrl,
        format: config.tokenRequestFormat,
        audience: config.audience,
        scope: config.scope,
        timeoutMs: config.tokenTimeoutMs,
        readCredentials: () => {
          // All secrets are read again at each token request, so that a rotated one needs no restart.
          inboundKey.current = config.inboundApiKey?.read(warn)
          return { clientId: config.clientId.read(warn), clientSecret: config.clientSecret.read(warn) }
        }
      }
    }),
    expiryBufferMs: config.tokenExpiryBufferMs,
    waitMs: config.tokenWaitMs,
    onRefreshed: (...refreshed) => journal.tokenRefreshed(...refreshed),
    onFailed: (...failed) => journal.tokenFailed(...failed)
  })
  const door = new Door({
    clock,
    guards: { ...config, hosts: hostPolicy(config), inboundKey: () => inboundKey.current },
    forward: { clock, tokens, pool, attemptTimeoutMs: config.upstreamTimeoutMs },
    basePath: config.apiUrl.pathname.replace(/\/$/, ''),
    headerRules: { ...config, isKeyed: config.inboundApiKey !== undefined },
    onExchange: record => journal.exchange(record)
  })
  const release = async (): Promise<void> => {
    tokens.stop()
    await Promise.all([pool.destroy(), tokenPool.destroy()])
  }

  if (hostPolicy(config) === 'any' && config.inboundApiKey === undefined) journal.open(config.host)
  tokens.start()
  const listeners: Listener[] = []
  try {
    const onRefused = (...refused: Parameters<Journal['refused']>): void => journal.refused(...refused)
    const onClientError = createClientErrorListener(onRefused)
    const listenerFor = await createProxyServer({ door, pool, upstreamUrl: config.apiUrl, config })
    listeners.push(await openListener({
      host: config.host,
      port: config.port,
      settings: { host: 'HOST', port: 'PORT' },
      onRequest: listenerFor(false),
      socket: config.socketPath === undefined ? undefined : { path: config.socketPath, onRequest: listenerFor(true) },
      onClientError,
      onConnect: createConnectListener(config.allowedMethods, onRefused)
    }))
    listeners.push(await openListener({
      host: config.adminHost,
      port: config.adminPort,
      settings: { host: 'ADMIN_HOST', port: 'ADMIN_PORT' },
      onRequest: await createAdminServer({ tokens, door, hosts: adminHostPolicy(config) }),
      onClientError,
      onConnect: createConnectListener(ADMIN_METHODS, onRefused)
    }))
  } catch (error) {
    await Promise.all([release(), ...listeners.map(listener => listener.close())])
    throw error
  }
  const [listener, adminListener] = listeners as [Listener, Listener]
  journal.listening(listener.url, adminListener.url)

  return {
    url: listener.url,
    adminUrl: adminListener.url,
    async drain () {
      journal.drainStarted(door.inFlight)
      door.leave()
      await delay(clock, config.shutdownDelayMs)
      const isClosed = listener.close()
      const isClean = await within(clock, config.shutdownTimeoutMs, door.drain())
      if (!isClean) {
        journal.drainCutShort(door.inFlight)
        door.cut()
      }
      await within(clock, LINGER_MS, isClosed)
      listener.closeAllConnections()
      // To the last, probes are told that it is not ready.
      const isAdminClosed = adminListener.close()
      adminListener.closeAllConnections()
      await Promise.all([isClosed, isAdminClosed, release()])
      journal.drainEnded()
      return isClean
    }
  }
}

/** Apps call by a loopback name, or by what ALLOWED_HOSTS says; behind a wildcard nobody knows the names. */
function hostPolicy ({ host, allowedHosts }: Config): HostPolicy {
  if (allowedHosts !== undefined) return { names: allowedHosts, hasLoopback: false, hasAddresses: false }
  return isLoopback(host) ? { names: [], hasLoopback: true, hasAddresses: false } : 'any'
}

/** The kubelet and Prometheus call by address or name. */
function adminHostPolicy ({ adminHost, allowedHosts }: Config): HostPolicy {
  return isLoopback(adminHost) ? { names: allowedHosts ?? [], hasLoopback: true, hasAddresses: true } : 'any'
}

/** Whether `work` is done within `ms`. */
async function within (clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController()
  const isDone = await Promise.race([work.then(() => true), delay(clock, ms, limit.signal).then(() => false)])
  limit.abort()
  return isDone
}
