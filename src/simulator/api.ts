import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { Clock } from '../clock.ts'
import { describeAvailability, readAvailabilityQuery, slotsOf } from './availability.ts'
import { readBookingChannel } from './booking-request.ts'
import { describeBooking, type BookingStore } from './bookings.ts'
import { failAnswers, failApiRequest } from './fault-hooks.ts'
import type { Faults } from './faults.ts'
import { BookableProblem, toBookableProblem } from './problems.ts'
import type { Quota } from './quota.ts'
import type { TokenIssuer } from './tokens.ts'
import { describeVenue, findOffer, findVenue, listVenues, type Venue } from './venues.ts'

/** What the API needs. */
export interface ApiOptions {
  readonly clock: Clock
  readonly tokens: TokenIssuer
  readonly quota: Quota
  readonly faults: Faults
  readonly venues: readonly Venue[]
  readonly bookings: BookingStore
  readonly onApiRequest: () => void
  /** Told each request that is answered 429. */
  readonly onQuotaExceeded: () => void
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const satisfies readonly HTTPMethods[]

interface IdInPath { Params: { readonly id: string } }
type Handler = (request: FastifyRequest<IdInPath>, reply: FastifyReply) => unknown
type Resource = readonly [path: string, handlers: Readonly<Partial<Record<typeof METHODS[number], Handler>>>]

/**
 * Adds Bookable's API. Every request passes in this order: counted, correlation id mirrored, faults, access token, quota, route,
 * and faults again, of the answer; what has no valid token belongs to no client and spends no quota.
 */
export function addApiRoutes (app: FastifyInstance, options: ApiOptions): void {
  const { clock, tokens, quota, faults, onApiRequest, onQuotaExceeded } = options

  app.addHook('onRequest', async (request, reply) => {
    onApiRequest()
    // Node would tell the machine's time: whoever compares it with the reset must find one clock.
    reply.header('date', new Date(clock.nowMs()).toUTCString())
    const correlationId = request.headers['x-correlation-id']
    if (correlationId !== undefined) reply.header('x-correlation-id', correlationId)

    const failed = failApiRequest(faults, reply)
    if (failed !== undefined) return failed

    checkToken(request.headers.authorization, tokens, clock.nowMs())

    const { 'api-quota': limitNow, 'api-shared': sharedPerWindow, 'api-429': isUsedUp } = faults.current
    const { isAllowed, limit, remaining, resetAtS } = quota.spend(clock.nowMs(), { limit: limitNow, sharedPerWindow, isUsedUp })
    reply.headers({ 'x-ratelimit-limit': limit, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': resetAtS })
    if (isAllowed) return
    onQuotaExceeded()
    throw new BookableProblem('RATE-R-001', `You have exceeded the rate limit of ${limit} requests per 60-second window.`)
  })
  app.addHook('onSend', failAnswers('api', faults, clock))

  app.removeAllContentTypeParsers()
  app.addContentTypeParser(['application/json', 'application/json-patch+json'], { parseAs: 'string' }, async (_request: FastifyRequest, body: string) => parseJson(body))
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, error))
  app.setNotFoundHandler(request => { throw new BookableProblem('HTTP-N-404', `There is no ${request.method} ${pathOf(request)} here.`) })
  for (const resource of resourcesOf(options)) addResource(app, resource)
}

/** Answers with the problem that was thrown. */
export function sendProblem (reply: FastifyReply, thrown: unknown): FastifyReply {
  const problem = toBookableProblem(thrown)
  // RFC 6750 §3: a refused token is told to the client by this header; the words of the problem are Bookable's.
  if (problem.status === 401) reply.header('www-authenticate', problem.code === 'IDENT-N-101' ? 'Bearer' : 'Bearer error="invalid_token"')
  return reply.code(problem.status).type('application/problem+json').send(problem.toJSON())
}

function resourcesOf ({ clock, venues, bookings }: ApiOptions): readonly Resource[] {
  return [
    ['/venues', {
      GET: request => listVenues(venues, request.query)
    }],
    ['/venues/:id', {
      GET: request => describeVenue(findVenue(venues, request.params.id))
    }],
    ['/venues/:id/availability', {
      GET (request) {
        const offer = findOffer(venues, request.params.id)
        const query = readAvailabilityQuery(request.query)
        return describeAvailability(offer, query, slotsOf(offer, query, bookings.seatings(offer, query.date), clock.nowMs()))
      }
    }],
    ['/venues/:id/booking', {
      POST (request, reply) {
        const offer = findOffer(venues, request.params.id)
        const booking = bookings.create(offer, request.body, readBookingChannel(request.headers), clock.nowMs())
        return reply.code(201).send(describeBooking(booking))
      }
    }],
    ['/venues/bookings/:id', {
      GET: request => describeBooking(bookings.find(request.params.id)),
      PATCH: request => describeBooking(bookings.change(request.params.id, request.body, clock.nowMs())),
      DELETE (request, reply) {
        bookings.cancel(request.params.id, clock.nowMs())
        return reply.code(204).send()
      }
    }]
  ]
}

/** Adds one resource, with HEAD, OPTIONS and a 405 for the methods that it has not. */
export function addResource (app: FastifyInstance, [url, handlers]: Resource): void {
  for (const method of METHODS) {
    const handler = handlers[method]
    if (handler !== undefined) app.route<IdInPath>({ method, url, handler: async (request, reply) => handler(request, reply) })
  }
  // Fastify answers HEAD wherever it answers GET.
  const allowed = METHODS.filter(method => method === 'OPTIONS' || handlers[method === 'HEAD' ? 'GET' : method] !== undefined)
  const allow = allowed.join(', ')
  app.options(url, async (_request, reply) => reply.code(204).header('allow', allow).send())
  app.route({
    method: METHODS.filter(method => !allowed.includes(method)),
    url,
    // In a hook, before the body is read: a wrong method is wrong whatever it carries.
    async onRequest (request, reply) {
      reply.header('allow', allow)
      throw new BookableProblem('HTTP-N-405', `${request.method} is not possible at ${pathOf(request)}. Possible: ${allow}.`)
    },
    handler: () => undefined
  })
}

function checkToken (authorization: string | undefined, tokens: TokenIssuer, nowMs: number): void {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new BookableProblem('IDENT-N-101', 'Send an access token: Authorization: Bearer <token>.')
  if (!tokens.isValid(token, nowMs)) throw new BookableProblem('IDENT-N-102', 'The access token has expired, or was not issued here.')
}

/**
 * A body as JSON, undefined for an empty one.
 * @throws HTTP-N-400 when it is none
 */
export function parseJson (body: string): unknown {
  // Many clients name a content type where they send nothing, as with DELETE.
  if (body === '') return undefined
  try {
    return JSON.parse(body)
  } catch {
    throw new BookableProblem('HTTP-N-400', 'The body is not JSON.')
  }
}

function pathOf (request: FastifyRequest): string {
  return new URL(request.url, 'http://localhost').pathname
}
