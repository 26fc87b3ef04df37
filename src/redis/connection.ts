import type { RedisOptions } from 'ioredis'
import { isIP } from 'node:net'
import type { RedisAddress } from '../config/redis-url.ts'

/** One connection; to a cluster, one for each node. A lost one does not come back: the next may have to go elsewhere, with another password. */
export interface RedisConnection {
  /** @throws ioredis' ReplyError where Redis refuses, and else whatever broke */
  send (command: string, args: ReadonlyArray<string | number>): Promise<unknown>
  close (): void
}

/** Short, so that after a sentinel that hangs there is time for the next one. */
const CONNECT_TIMEOUT_MS = 2_000

const never = (): null => null

/** What both kinds of clients have in common. */
function commonOptions ({ username, password, isTls }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
    ...(isTls ? { tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const } : {}),
    // Nothing here needs RESP3, and Redis 5 repeats a HELLO that it does not know with the password in it.
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectionName: 'bookable-sidecar',
    disableClientInfo: true,
    // RedisLink finds out by a write whether Redis can be used; its INFO does not tell.
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
    // The sentinels say who the master is, so they are verified too; the master, by the name or address that they give.
    ...(isTls ? { enableTLSForSentinelMode: true, sentinelTLS: { ...common.tls } } : {})
  }
}

/** Names the host (SNI) to a server that has many certificates. */
function serverName (host = ''): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {}
}

function clusterOptions (address: RedisAddress) {
  return {
    redisOptions: commonOptions(address),
    lazyConnect: true,
    // The first command for a node opens its connection; without a queue, commands that come meanwhile would fail. RedisHome limits their wait.
    enableOfflineQueue: true,
    enableReadyCheck: false,
    clusterRetryStrategy: never,
    // With a delay, each of these would send a command again that may have been carried out.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 4,
    // Certificates hold the name of a node; ioredis would replace it by an address.
    dnsLookup: (name: string, callback: (error: null, address: string) => void) => callback(null, name)
  }
}

export interface OpenOptions {
  /** Told once, when an open connection was lost. */
  readonly onLost: (connection: RedisConnection) => void
  /** Aborted: nobody waits for the connection any more. */
  readonly signal: AbortSignal
}

/** Loads ioredis, which a sidecar without a redis store never does. */
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
  // Without a listener ioredis prints. After the opening, trouble shows as a closed connection or a failed command.
  client.on('error', (error: Error) => { state.error ??= error })
  // The only sign of a cluster that gives up while it connects.
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
    // ioredis connects although it could not select the database.
    if (state.error !== undefined) throw state.error
  } catch (thrown) {
    client.disconnect()
    throw state.error ?? thrown
  }
  state.isOpen = true
  return connection
}
