import { createAdminServer } from './admin/server.ts'
import { delay, type Clock } from './clock.ts'
import type { Config } from './config/load.ts'
import { openListener, type Listener } from './http/listener.ts'
import { Journal } from './journal.ts'
import type { Logger } from './logger.ts'
import { Door } from './proxy/door.ts'
import { createClientErrorListener, createProxyServer } from './proxy/server.ts'
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
        readCredentials: () => ({
          clientId: config.clientId.read(reason => journal.secretFileUnreadable(reason)),
          clientSecret: config.clientSecret.read(reason => journal.secretFileUnreadable(reason))
        })
      }
    }),
    expiryBufferMs: config.tokenExpiryBufferMs,
    waitMs: config.tokenWaitMs,
    onRefreshed: (...refreshed) => journal.tokenRefreshed(...refreshed),
    onFailed: (...failed) => journal.tokenFailed(...failed)
  })
  const door = new Door({
    clock,
    guards: config,
    forward: { clock, tokens, pool, attemptTimeoutMs: config.upstreamTimeoutMs },
    basePath: config.apiUrl.pathname.replace(/\/$/, ''),
    addedHeaders: config,
    onExchange: record => journal.exchange(record)
  })
  const release = async (): Promise<void> => {
    tokens.stop()
    await Promise.all([pool.destroy(), tokenPool.destroy()])
  }

  tokens.start()
  const listeners: Listener[] = []
  try {
    const onClientError = createClientErrorListener((problem, correlationId) => journal.refused(problem, correlationId))
    listeners.push(await openListener({
      host: config.host,
      port: config.port,
      settings: { host: 'HOST', port: 'PORT' },
      onRequest: await createProxyServer({ door, pool, upstreamUrl: config.apiUrl, config }),
      onClientError
    }))
    listeners.push(await openListener({
      host: config.adminHost,
      port: config.adminPort,
      settings: { host: 'ADMIN_HOST', port: 'ADMIN_PORT' },
      onRequest: await createAdminServer({ tokens, door }),
      onClientError
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

/** Whether `work` is done within `ms`. */
async function within (clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController()
  const isDone = await Promise.race([work.then(() => true), delay(clock, ms, limit.signal).then(() => false)])
  limit.abort()
  return isDone
}
