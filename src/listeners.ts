import type { RequestListener } from 'node:http'
import { ADMIN_METHODS } from './admin/server.ts'
import type { Config } from './config/load.ts'
import { isLoopback, NO_HOST } from './config/parse.ts'
import { openListener, type Listener } from './http/listener.ts'
import type { HostPolicy } from './http/site.ts'
import type { Problem } from './problem.ts'
import { createClientErrorListener, createConnectListener } from './proxy/server.ts'

/** Told of each request that Node's parser refused. */
export type OnRefused = (problem: Problem, correlationId: string) => void

/** Both doors, open. */
export interface Listeners { readonly apps: Listener, readonly operators: Listener }

/**
 * Opens both doors, or none.
 * @throws ListenError
 */
export async function openListeners (
  config: Config, onRefused: { apps: OnRefused, operators: OnRefused }, handlers: { apps: (isOnSocket: boolean) => RequestListener, operators: RequestListener }
): Promise<Listeners> {
  const apps = await openListener({
    host: config.host,
    port: config.port,
    settings: { host: 'HOST', port: 'PORT' },
    onRequest: handlers.apps(false),
    socket: config.socketPath === undefined ? undefined : { path: config.socketPath, onRequest: handlers.apps(true) },
    onClientError: createClientErrorListener(onRefused.apps),
    onConnect: createConnectListener(config.allowedMethods, onRefused.apps)
  })
  try {
    const operators = await openListener({
      host: config.adminHost,
      port: config.adminPort,
      settings: { host: 'ADMIN_HOST', port: 'ADMIN_PORT' },
      onRequest: handlers.operators,
      onClientError: createClientErrorListener(onRefused.operators),
      onConnect: createConnectListener(ADMIN_METHODS, onRefused.operators)
    })
    return { apps, operators }
  } catch (error) {
    await apps.close()
    throw error
  }
}

/** Apps call by a name of ALLOWED_HOSTS. Where it is not set, by a loopback name; or by any where HOST is not loopback, since nobody knows the names. */
export function hostPolicy ({ host, allowedHosts }: Config): HostPolicy {
  if (allowedHosts !== undefined) return { names: allowedHosts, hasLoopback: false, hasAddresses: false }
  return isLoopback(host) || host === NO_HOST ? { names: [], hasLoopback: true, hasAddresses: false } : 'any'
}

/** Operators may call by address too, as the kubelet and Prometheus do. */
export function adminHostPolicy ({ adminHost, allowedHosts }: Config): HostPolicy {
  return isLoopback(adminHost) ? { names: allowedHosts ?? [], hasLoopback: true, hasAddresses: true } : 'any'
}
