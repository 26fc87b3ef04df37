import type { IncomingHttpHeaders } from 'node:http'
import { request, type Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { createPool } from './pool.ts'
import type { OutboundProxy } from './outbound-proxy.ts'

/** Token responses and key sets are some kilobytes; more is neither. */
const MAX_BODY_BYTES = 64 * 1024

export interface FetchJsonOptions {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly proxyFor: (origin: URL) => OutboundProxy | undefined
  /** Aborted: nobody waits for an answer any more. */
  readonly stop: AbortSignal
}

export interface JsonRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface JsonAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Undefined where the body is no JSON, or too large. */
  readonly json: unknown
}

/**
 * One small request to an authorization server. Redirects are not followed: credentials go where the settings say and nowhere else.
 * Each has a connection of its own: they are minutes or days apart.
 */
export function createFetchJson ({ clock, connectTimeoutMs, proxyFor, stop }: FetchJsonOptions) {
  return async (url: URL, options: JsonRequest): Promise<JsonAnswer> => {
    const dispatcher = createPool({ clock, config: { origin: url.origin, connections: 1, connectTimeoutMs, proxy: proxyFor(url) } })
    try {
      const { statusCode, headers, body } = await request(url, { ...options, signal: AbortSignal.any([options.signal, stop]), dispatcher })
      return { status: statusCode, headers, json: await readJson(body) }
    } finally {
      await dispatcher.destroy()
    }
  }
}

async function readJson (body: Dispatcher.ResponseData['body']): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return undefined
  }
}
