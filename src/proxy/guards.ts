import type { IncomingMessage } from 'node:http'
import { MAX_HELD_BYTES } from '../answer.ts'
import { malformation, MAX_HEADERS } from '../http/framing.ts'
import { isFromElsewhere, isHostAllowed, type HostPolicy } from '../http/site.ts'
import { Problem } from '../problem.ts'
import { malformedKey, mayBeRepeated, parseKey, tooLarge } from '../repeats/key.ts'
import type { Secret } from '../secret.ts'
import { holdsKey } from './api-key.ts'
import type { RequestHead } from './head.ts'
import { routeOf } from './target.ts'

export interface GuardConfig {
  readonly hosts: HostPolicy
  /** The key that apps must send, as it is now; undefined where none is asked for. */
  readonly inboundKey: () => Secret | undefined
  readonly routes: readonly string[]
  readonly allowedMethods: readonly string[]
  readonly maxInFlight: number
}

/** What the door knows at the moment a request comes. */
export interface DoorState {
  readonly inFlight: number
  /** A shutdown has begun: what is answered from now on ends its connection. */
  readonly isLeaving: boolean
  /** Nothing new is taken. */
  readonly isDraining: boolean
}

export type Admission = { readonly route: string, readonly refusal: undefined } | { readonly route: string | undefined, readonly refusal: Problem }

/**
 * Whether a request is taken, before it costs a token, a place in a queue or a connection. The order of the refusals is part of
 * the contract: malformed, host, browser, key, path, route, method, size, drain, load.
 * @param isOnSocket whether it came by the unix socket
 */
export function admit (
  request: Pick<IncomingMessage, 'method' | 'url' | 'httpVersion'>, head: RequestHead, config: GuardConfig, door: DoorState, isOnSocket: boolean
): Admission {
  const method = request.method ?? ''
  const malformed = malformation(request.httpVersion, head)
  if (malformed !== undefined) return refuse(undefined, new Problem('PROXY-N-006', malformed))

  const stranger = strangeness(head, config, isOnSocket)
  if (stranger !== undefined) return refuse(undefined, stranger)

  const target = routeOf(request.url ?? '', config.routes)
  if ('refusal' in target) {
    return refuse(undefined, target.refusal === 'malformed'
      ? new Problem('PROXY-N-006', 'The path escapes its prefix or cannot be decoded; it was not forwarded.')
      : new Problem('PROXY-N-001', `This path is not forwarded; forwarded is what lies below ${[...config.routes].reverse().join(' and ')}, letter for letter. Probes, metrics and the status page are on ADMIN_PORT.`))
  }
  const { route } = target

  if (!config.allowedMethods.includes(method)) {
    return refuse(route, new Problem('PROXY-N-002', `The method ${method} is not allowed here.`, { allow: config.allowedMethods }))
  }
  if (head.headerCount > MAX_HEADERS) return refuse(route, new Problem('PROXY-N-007', `The request has more than ${MAX_HEADERS} headers.`))
  const misuse = head.idempotencyKey === undefined ? undefined : misuseOfKey(method, head.idempotencyKey, head.contentLength ?? 0)
  if (misuse !== undefined) return refuse(route, misuse)
  if (door.isDraining) return refuse(route, new Problem('DRAIN-R-001', 'The sidecar is shutting down.'))
  if (door.inFlight >= config.maxInFlight) {
    return refuse(route, new Problem('LOAD-R-001', `${config.maxInFlight} requests are in flight already.`, { retryAfterMs: 1_000 }))
  }
  return { route, refusal: undefined }
}

/** Who must not even learn what is routed here. */
function strangeness (head: RequestHead, { hosts, inboundKey }: GuardConfig, isOnSocket: boolean): Problem | undefined {
  // A browser can't open a unix socket.
  if (!isOnSocket && !isHostAllowed(head.host, hosts)) return new Problem('PROXY-N-003', 'This sidecar does not answer to the name in the Host header.')
  if (isFromElsewhere(head)) return new Problem('PROXY-N-004', 'A page from another site may not use this sidecar.')
  const key = inboundKey()
  if (key !== undefined && !holdsKey(head, key)) return new Problem('PROXY-N-005', 'The key is missing or wrong.')
  return undefined
}

/** Said before the body is asked for. A chunked one tells its length too late for that. */
function misuseOfKey (method: string, key: string, contentLength: number): Problem | undefined {
  if (!mayBeRepeated(method)) return undefined
  if (parseKey(key) === undefined) return malformedKey()
  return contentLength > MAX_HELD_BYTES ? tooLarge() : undefined
}

function refuse (route: string | undefined, refusal: Problem): Admission {
  return { route, refusal }
}
