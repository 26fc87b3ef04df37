import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { Pool } from 'undici'
import { problemOfClientError, sendProblemOnSocket } from '../http/answer.ts'
import { isEnding } from '../http/pipeline.ts'
import { asProblem, Problem } from '../problem.ts'
import type { Method } from '../config/parse.ts'
import type { Door } from './door.ts'
import type { Exchange } from './exchange.ts'

const EXCHANGE = Symbol('exchange')

/** A request that was let in carries its exchange through Fastify. */
interface AdmittedRequest extends IncomingMessage {
  [EXCHANGE]?: Exchange
}

export interface ProxyServerOptions {
  readonly door: Door
  readonly pool: Pool
  readonly upstreamUrl: URL
  readonly config: { readonly routes: readonly string[], readonly allowedMethods: readonly Method[] }
}

/**
 * Makes request listeners for apps: the door decides, alone and over the raw request; what it lets in goes by the routes of
 * @fastify/http-proxy to its exchange.
 */
export async function createProxyServer ({ door, pool, upstreamUrl, config }: ProxyServerOptions): Promise<(isOnSocket: boolean) => RequestListener> {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    // Ids hold pipes and are long; the door and Node's head limit bound them.
    routerOptions: { maxParamLength: 16 * 1024 },
    frameworkErrors: refuse
  })
  // No body is parsed or limited here: the exchange takes it from the raw request.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler(refuse)
  app.setNotFoundHandler((request, reply) => refuse(new Problem('PROXY-N-001', 'This path is not forwarded.'), request, reply))
  for (const prefix of config.routes) {
    await app.register(httpProxy, {
      upstream: upstreamUrl.origin,
      prefix,
      // Else the prefix would be cut off.
      rewritePrefix: prefix,
      httpMethods: [...config.allowedMethods],
      proxyPayloads: false,
      undici: pool,
      // Before the plugin's own handler, which parses and writes the query again and builds three URLs: 6 % of the CPU of a request. Its path checks
      // are weaker than those of the door.
      preHandler (request, reply) {
        reply.hijack()
        exchangeOf(request.raw)?.forward()
      }
    })
  }
  await app.ready()
  return isOnSocket => (req: AdmittedRequest, res: ServerResponse) => {
    const exchange = req[EXCHANGE] = door.open(req, res, isOnSocket)
    if (exchange.isRefused) return
    // Fastify would refuse one that it can't parse; the API gets it from the raw headers. GET and HEAD are not asked for theirs.
    if (req.method !== 'GET' && req.method !== 'HEAD') delete req.headers['content-type']
    app.routing(req, res)
  }
}

/** Every request of an app has one, from its first moment; those of operators have none. */
function exchangeOf (req: AdmittedRequest): Exchange | undefined {
  return req[EXCHANGE]
}

/** What Fastify or the plugin refuse after all: its exchange answers, so that it ends. */
function refuse (error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const isTheirs = error instanceof Error && 'statusCode' in error && error.statusCode === 400
  reply.hijack()
  exchangeOf(request.raw)?.onFailure(isTheirs ? new Problem('PROXY-N-006', 'The path escapes its prefix or cannot be decoded; it was not forwarded.') : asProblem(error))
}

/** The answer that is under way or waited for on a connection, by Node's own mark, which its own listener looks at too. */
function answerDue (socket: Socket & { _httpMessage?: ServerResponse | null }): ServerResponse | undefined {
  return socket._httpMessage ?? undefined
}

/** Answers what Node's parser refuses; there is no request to speak of. */
export function createClientErrorListener (onRefused: (problem: Problem, correlationId: string) => void) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    // What comes behind the last request of a connection is nobody's: the answer that is on its way matters (RFC 9112 §9.6).
    if (isEnding(socket) || error.code === 'HPE_CLOSED_CONNECTION') return
    const problem = problemOfClientError(error)
    if (problem === undefined || !socket.writable) {
      socket.destroy()
      return
    }
    const due = answerDue(socket)
    if (due !== undefined) {
      const exchange = exchangeOf(due.req)
      // An app that ends amid its body has left. A fault in the body of a request that is still to be answered is told there. Else the
      // answer to an earlier request is due: it must not be taken for this one's, nor this one for a part of it.
      if (error.code === 'HPE_INVALID_EOF_STATE') socket.destroy()
      else if (!due.req.complete && exchange !== undefined) exchange.onFailure(problem)
      else socket.resetAndDestroy()
      return
    }
    const correlationId = randomUUID()
    sendProblemOnSocket(socket, problem, correlationId)
    onRefused(problem, correlationId)
  }
}

/** Answers CONNECT, which Node hands over without a response object: this is no forward proxy. */
export function createConnectListener (allow: readonly string[], onRefused: (problem: Problem, correlationId: string) => void) {
  return (_req: IncomingMessage, socket: Duplex): void => {
    // An answer to an earlier request is due: this one's must not be taken for it.
    if (!(socket instanceof Socket) || isEnding(socket) || answerDue(socket) !== undefined) {
      socket.destroy()
      return
    }
    const problem = new Problem('PROXY-N-002', 'The method CONNECT is not allowed here.', { allow })
    const correlationId = randomUUID()
    sendProblemOnSocket(socket, problem, correlationId)
    onRefused(problem, correlationId)
  }
}
