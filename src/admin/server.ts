import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import fastify from 'fastify'
import { sendProblem } from '../http/answer.ts'
import { malformation, MAX_HEADERS } from '../http/framing.ts'
import { isFromElsewhere, isHostAllowed, type HostPolicy } from '../http/site.ts'
import { asProblem, Problem } from '../problem.ts'
import { pageHeaders, renderPage } from './page.ts'
import { passed, PROBES, type ProbeState } from './probes.ts'
import type { Status } from './status.ts'

export const ADMIN_METHODS = ['GET', 'HEAD'] as const

export interface AdminServerOptions extends ProbeState {
  readonly hosts: HostPolicy
  readonly metrics: { readonly contentType: string, text (): Promise<string> }
  readonly readStatus: () => Status
  readonly nowMs: () => number
}

/** Besides the probes. */
const PAGES = ['/', '/status', '/metrics'] as const
type Page = typeof PAGES[number]

/** The request listener for operators. It changes nothing. */
export async function createAdminServer (options: AdminServerOptions): Promise<RequestListener> {
  const { metrics, readStatus, nowMs } = options
  const app = fastify({
    logger: false,
    frameworkErrors: (_error, _request, reply) => {
      reply.hijack()
      refuse(reply.raw, new Problem('PROXY-N-006', 'The path cannot be decoded.'))
    }
  })
  // Bodies are ignored, whatever their type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const [path, probe] of Object.entries(PROBES)) {
    app.get(path, (_request, reply) => {
      const problem = probe(options)
      if (problem === undefined) {
        void reply.header('Cache-Control', 'no-store').send(path === '/livez' ? { status: 'ok' } : passed(options))
        return
      }
      reply.hijack()
      // Whatever status the problem has for apps, a failed probe is a 503.
      refuse(reply.raw, new Problem(problem.code, problem.message, { ...problem, status: 503 }))
    })
  }
  const paths: readonly string[] = [...PAGES, ...Object.keys(PROBES)]
  const headers = pageHeaders()
  app.get<{ Querystring: { paused?: string } }>('/' satisfies Page, async (request, reply) => {
    return reply.headers(headers).send(renderPage(readStatus(), nowMs(), request.query.paused !== undefined))
  })
  app.get('/status' satisfies Page, async (_request, reply) => reply.header('Cache-Control', 'no-store').send(readStatus()))
  app.get('/metrics' satisfies Page, async (_request, reply) => reply.header('Content-Type', metrics.contentType).send(await metrics.text()))
  app.setNotFoundHandler((request, reply) => {
    reply.hijack()
    const isKnown = paths.includes(request.url.split('?')[0] ?? '')
    refuse(reply.raw, isKnown
      ? new Problem('PROXY-N-002', `The method ${request.method} is not allowed here.`, { allow: ADMIN_METHODS })
      : new Problem('PROXY-N-001', `There is no such page on ADMIN_PORT; there are ${paths.join(', ')}. What is forwarded is asked for on PORT.`))
  })
  app.setErrorHandler((error, _request, reply) => {
    reply.hijack()
    refuse(reply.raw, asProblem(error))
  })
  await app.ready()
  return (req, res) => {
    const problem = refusalOf(req, options.hosts)
    if (problem !== undefined) return refuse(res, problem)
    // Fastify would refuse a content type that it can't parse.
    delete req.headers['content-type']
    app.routing(req, res)
  }
}

function refusalOf ({ headers, method, url, rawHeaders, httpVersion }: IncomingMessage, hosts: HostPolicy): Problem | undefined {
  const valuesOf = (name: string): string[] => rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name)
  const transferCodings = valuesOf('transfer-encoding').map(coding => coding.trim().toLowerCase())
  const malformed = malformation(httpVersion, { hostCount: valuesOf('host').length, expect: headers.expect, transferCodings })
  if (malformed !== undefined) return new Problem('PROXY-N-006', malformed)
  if (url?.startsWith('/') !== true) return new Problem('PROXY-N-006', 'The request names no path of this listener.')
  if (!isHostAllowed(headers.host, hosts)) return new Problem('PROXY-N-003', 'This sidecar does not answer to the name in the Host header.')
  const provenance = { host: headers.host, origin: headers.origin, secFetchSite: headers['sec-fetch-site']?.toString() }
  // A link may lead here: it shows the page to the person who follows it, and to nobody else.
  const isLink = method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  if (rawHeaders.length / 2 > MAX_HEADERS) return new Problem('PROXY-N-007', `The request has more than ${MAX_HEADERS} headers.`)
  if (isFromElsewhere(provenance) && !isLink) return new Problem('PROXY-N-004', 'A page from another site may not use this sidecar.')
  return undefined
}

function refuse (res: ServerResponse, problem: Problem): void {
  sendProblem(res, problem, randomUUID(), problem.code === 'PROXY-N-006')
}
