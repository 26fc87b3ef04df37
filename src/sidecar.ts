import { createAdminServer } from './admin/server.ts'
import { delay, momentOf, within, type Clock } from './clock.ts'
import type { Config } from './config/load.ts'
import { adminHostPolicy, hostPolicy, openListeners, type Listeners, type OnRefused } from './listeners.ts'
import type { Logger } from './logger.ts'
import { createApiPool, createQuotaStore, createRedisHome, createRepeatStore, createTokenSource } from './outbound.ts'
import { Door } from './proxy/door.ts'
import { createProxyServer } from './proxy/server.ts'
import { FleetAllotment } from './quota/fleet.ts'
import { Governor } from './quota/governor.ts'
import { Reads } from './reads/reads.ts'
import { Repeats } from './repeats/repeats.ts'
import { CurrentSecrets } from './secrets.ts'
import { History } from './telemetry/history.ts'
import { Journal } from './telemetry/journal.ts'
import { Metrics } from './telemetry/metrics.ts'
import { reportStatus } from './telemetry/report.ts'
import { TokenCache } from './token/cache.ts'
import { VERSION } from './version.ts'

export interface SidecarOptions {
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  /** From 0 to 1. */
  readonly random: () => number
  /** For the log and the metrics: `process` is not known here. */
  readonly nodeVersion: string
}

/** A running sidecar. */
export interface Sidecar {
  /** Where apps connect. */
  readonly url: string
  /** Where probes connect. */
  readonly adminUrl: string
  /**
   * Serves on for SHUTDOWN_DELAY_MS, but is not ready; then takes no new requests, and gives those that run SHUTDOWN_TIMEOUT_MS to end.
   * @returns whether all of them ended by themselves
   */
  drain (): Promise<boolean>
}

/** How long a stop waits for the last answers to leave and for the token store to be told. */
const LINGER_MS = 500

/**
 * Builds everything from the settings and opens both doors. The token is fetched meanwhile: the sidecar is alive at once, and ready
 * when it has one.
 * @throws ListenError
 */
export async function startSidecar ({ config, clock, logger, random, nodeVersion }: SidecarOptions): Promise<Sidecar> {
  const startedAt = momentOf(clock)
  const journal = new Journal(logger, clock)
  journal.started(VERSION, nodeVersion, config.given)
  const onUnreadable = (reason: string): void => journal.secretFileUnreadable(reason)
  const secrets = new CurrentSecrets(config, onUnreadable)
  const pool = createApiPool(config, clock)
  const stopped = new AbortController()
  const redis = createRedisHome(config, { clock, random, onChange: (state, before) => journal.redisChanged(state, before), warn: onUnreadable })
  const history = new History(clock)
  const quotaStore = createQuotaStore(config, { readCredentials: () => secrets.credentials, redis, onRefused: reason => journal.storeRefused('quota', reason) })
  const fleet = quotaStore === undefined ? undefined : new FleetAllotment({ clock, store: quotaStore, reserve: config.quotaReserve, random })
  const quota = new Governor({
    clock,
    allotment: fleet,
    maxWaitMs: config.quotaMaxWaitMs,
    reserve: config.quotaReserve,
    onWaited: (lane, waitedMs) => metrics.quotaWaited(lane, waitedMs),
    onShortage: shortage => journal.quotaShortage(shortage, history.today)
  })
  const tokenSource = createTokenSource(config, clock, {
    readCredentials: () => secrets.readCredentials(), stop: stopped.signal, random, redis, onRefused: reason => journal.storeRefused('token', reason)
  })
  const tokens = new TokenCache({
    clock,
    random,
    source: tokenSource,
    expiryBufferMs: config.tokenExpiryBufferMs,
    waitMs: config.tokenWaitMs,
    onRefreshed: (token, refresh) => {
      journal.tokenRefreshed(token, refresh)
      if (!refresh.isStored) metrics.tokenRefresh('ok', refresh.reason, refresh.durationMs)
    },
    onFailed: (problem, refresh) => {
      journal.tokenFailed(problem, refresh)
      metrics.tokenRefresh(problem.code, refresh.reason, refresh.durationMs)
    }
  })
  const onRefused: OnRefused = (problem, correlationId) => {
    journal.refused(problem, correlationId)
    metrics.refused(problem.status)
    history.refused(problem, correlationId)
  }
  const hosts = hostPolicy(config)
  const repeats = new Repeats({
    clock,
    store: createRepeatStore(config, clock, { readCredentials: () => secrets.credentials, redis, onRefused: reason => journal.storeRefused('idempotency', reason) }),
    waitMs: config.upstreamTimeoutMs,
    basePath: config.apiBasePath,
    ...config.idempotency
  })
  const reads = new Reads({ clock, coalesce: config.coalesce, cache: config.cache, onShared: outcome => metrics.shared(outcome) })
  const onWrite = (target: string, status: number | undefined): void => {
    const isRefused = status !== undefined && status >= 400 && status < 500
    reads.forget(target.slice(config.apiBasePath.length), !isRefused)
  }
  const door = new Door({
    clock,
    guards: { ...config, hosts, inboundKey: () => secrets.inboundKey },
    forward: { clock, tokens, quota, pool, attemptTimeoutMs: config.upstreamTimeoutMs, onAnswer: status => history.answered(status), onWrite },
    reads,
    repeats,
    basePath: config.apiBasePath,
    headerRules: { ...config, isKeyed: config.inboundApiKey !== undefined },
    onExchange: record => {
      journal.exchange(record)
      metrics.exchange(record)
      history.exchange(record)
    }
  })
  const metrics = new Metrics({
    version: VERSION,
    nodeVersion,
    inFlight: () => door.inFlight,
    tokenExpiresAtMs: () => tokens.status.held?.expiresAtMs,
    quota: () => quota.status,
    isRedisUp: () => redis?.isUp
  })
  const release = async (): Promise<void> => {
    tokens.stop()
    await repeats.stop()
    stopped.abort()
    await within(clock, LINGER_MS, tokenSource.settle?.() ?? Promise.resolve())
    await fleet?.stop()
    redis?.stop()
    await pool.destroy()
  }

  if (hosts === 'any' && config.inboundApiKey === undefined) journal.unguarded(config.host)
  if (redis === undefined) tokens.start()
  try {
    const listeners = await openListeners(config, { apps: onRefused, operators: (problem, correlationId) => journal.refused(problem, correlationId) }, {
      apps: await createProxyServer({ door, pool, upstreamUrl: config.apiUrl, config }),
      operators: await createAdminServer({
        tokens,
        door,
        redis,
        metrics,
        hosts: adminHostPolicy(config),
        readStatus: () => reportStatus({ clock, startedAt, apiUrl: config.apiUrl, tokens, quota, fleet, door, history, repeats, redis }),
        nowMs: () => clock.nowMs()
      })
    })
    journal.listening(listeners.apps.url, listeners.operators.url)
    if (redis !== undefined) {
      // Only now: where twenty sidecars start at once on a busy machine, their own start would look like a slow Redis.
      redis.start()
      tokens.start()
      fleet?.start()
    }
    return {
      url: listeners.apps.url,
      adminUrl: listeners.operators.url,
      drain: async () => drain({ config, clock, journal, door, release }, listeners)
    }
  } catch (error) {
    await release()
    throw error
  }
}

interface Draining {
  readonly config: Config
  readonly clock: Clock
  readonly journal: Journal
  readonly door: Door
  readonly release: () => Promise<void>
}

/** @returns whether everything that was accepted ended by itself */
async function drain ({ config, clock, journal, door, release }: Draining, { apps, operators }: Listeners): Promise<boolean> {
  journal.drainStarted(door.inFlight)
  door.leave()
  await delay(clock, config.shutdownDelayMs)
  const isClosed = apps.close()
  const isClean = !(await within(clock, config.shutdownTimeoutMs, door.drain())).isLate
  if (!isClean) {
    journal.drainCutShort(door.inFlight)
    door.cut()
  }
  await within(clock, LINGER_MS, isClosed)
  apps.closeAllConnections()
  // Last: until here, probes are told that it is not ready.
  const areProbesClosed = operators.close()
  operators.closeAllConnections()
  await Promise.all([isClosed, areProbesClosed, release()])
  journal.drainEnded()
  return isClean
}
