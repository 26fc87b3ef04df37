import type { RedisOptions } from 'ioredis'
import { isIP } from 'node:net'
import type { RedisAddress } from '../config/redis-url.ts'

/** One connection (or one a node, to a cluster). When it is lost it stays so: the next one may have to go elsewhere, with another password. */
export interface RedisConnection {
  /** @throws ReplyError where Redis refuses, and else whatever broke */
  send (command: string, args: ReadonlyArray<string | number>): Promise<unknown>
  close (): void
}

/** A sentinel that hangs must not hold the way to the next one. */
const CONNECT_TIMEOUT_MS = 2_000

const never = (): null => null

/** What both kinds of clients have in common. */
function commonOptions ({ username, password, isTls }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    // Explicit, so that nothing in the environment turns it off.
    ...(isTls ? { tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const } : {}),
    // Nothing here needs RESP3, and Redis 5 repeats a HELLO that it does not know with the password in it.
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectionName: 'bookable-sidecar',
    disableClientInfo: true,
    // Whether it can be used, a write tells, not its INFO.
    enableReadyCheck: false,
    // A command that was cut off is never sent again: it may have been carried out.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0
  } as const satisfies RedisOptions
}

function clientOptions (address: RedisAddress) {
  const { kind, nodes, isTls, database, masterName, sentinelUsername, sentinelPassword } = address
  const common = { ...commonOptions(address), db: database, lazyConnect: true, enableOfflineQueue: false, retryStrategy: never }
  const [first] = nodes
  if (kind !== 'sentinel') return { ...common, ...first, ...(isTls ? { tls: { ...common.tls, ...serverName(first?.host) } } : {}) }
  return {
    ...common,
    sentinels: [...nodes],
    name: masterName,
    sentinelRetryStrategy: never,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword: sentinelPassword.reveal() }),
    // Who the master is, the sentinels say, so they are verified alike; and it by the name or address that they give.
    ...(isTls ? { enableTLSForSentinelMode: true, sentinelTLS: { ...common.tls } } : {})
  }
}

/** For a server that has many certificates. */
function serverName (host = ''): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {}
}

function clusterOptions (address: RedisAddress) {
  return {
    redisOptions: commonOptions(address),
    lazyConnect: true,
    // Each node is connected to by the first command for it; without a queue those that come meanwhile would fail. None waits longer than its limit.
    enableOfflineQueue: true,
    enableReadyCheck: false,
    clusterRetryStrategy: never,
    // Each of these would send a command again that may have been carried out.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 4,
    // A name is what its certificate has; ioredis would look its address up first.
    dnsLookup: (name: string, callback: (error: null, address: string) => void) => callback(null, name)
  }
}

export interface OpenOptions {
  /** Told once, when a connection that was open is no more. */
  readonly onLost: (connection: RedisConnection) => void
  /** Aborted: nobody waits for it any more. */
  readonly signal: AbortSignal
}

/** Loads ioredis, here and nowhere else: who has no redis store does not wait for it. */
export async function loadRedis () {
  const { Redis, Cluster } = await import('ioredis')
  return { Redis, Cluster }
}

/**
 * Opens a connection.
 * @throws what went wrong first
 */
export async function openRedis (address: RedisAddress, { onLost, signal }: OpenOptions): Promise<RedisConnection> {
  const { Redis, Cluster } = await loadRedis()
  const client = address.kind === 'cluster'
    ? new Cluster([...address.nodes], clusterOptions(address))
    : new Redis(clientOptions(address))
  const state: { error: Error | undefined, isOpen: boolean } = { error: undefined, isOpen: false }
  const connection: RedisConnection = {
    send: (command, args) => client.call(command, [...args]),
    close () {
      state.isOpen = false
      client.disconnect()
    }
  }
  // Without a listener ioredis prints; what matters arrives as a closed connection or a failed command.
  client.on('error', (error: Error) => { state.error ??= error })
  // A cluster that gives up while it connects says nothing else.
  const ended = new Promise<never>((_resolve, reject) => {
    client.on('end', () => {
      if (state.isOpen) onLost(connection)
      reject(new Error('the connection was closed'))
    })
  })
  ended.catch(() => {})
  signal.addEventListener('abort', () => client.disconnect(), { once: true })
  try {
    signal.throwIfAborted()
    await Promise.race([client.connect(), ended])
    // It would go on without the database that it could not select.
    if (state.error !== undefined) throw state.error
  } catch (thrown) {
    client.disconnect()
    throw state.error ?? thrown
  }
  state.isOpen = true
  return connection
}
