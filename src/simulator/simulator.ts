import Fastify from 'fastify'
import type { Clock } from '../clock.ts'
import { addApiRoutes, sendProblem } from './api.ts'
import { slotsOf } from './availability.ts'
import { BookingStore } from './bookings.ts'
import { dateOf } from './calendar.ts'
import { addFaultRoutes, FAULTS_PATH } from './fault-routes.ts'
import { Faults, type FaultSettings } from './faults.ts'
import { addOAuthRoutes, AUDIENCE, CLIENT_ID, CLIENT_SECRET, TOKEN_PATH } from './oauth.ts'
import { Quota } from './quota.ts'
import { TokenIssuer } from './tokens.ts'
import { createVenues } from './venue-data.ts'
import type { Venue } from './venues.ts'

/** How a simulator may differ from Bookable. */
export interface SimulatorOptions {
  readonly clock: Clock
  /** 0 takes any free port. */
  readonly port?: number
  readonly tokenLifetimeS?: number
  /** Requests to the API in one window of 60 seconds. */
  readonly quotaLimit?: number
  /** What fails from the start on. */
  readonly faults?: FaultSettings
}

/** A Bookable of one's own: token endpoint and API at one origin on loopback, everything in memory. */
export interface Simulator {
  /** The API, `http://127.0.0.1:PORT`. */
  readonly origin: string
  readonly tokenUrl: string
  /** Where faults are set and seen: `POST` of names and values sets these and no others, `GET` tells which there are. */
  readonly faultsUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly audience: string
  /**
   * What came in since the start, refused requests included; of these `overQuota` are those that got 429; `bookings` counts what was
   * booked, and cancelled later or not.
   */
  readonly counts: { readonly tokenRequests: number, readonly apiRequests: number, readonly overQuota: number, readonly bookings: number }
  /** Everything that was booked, as it stands now, cancelled or not: a guest who is there twice was booked twice. */
  readonly bookings: ReadonlyArray<{ readonly id: string, readonly email: string, readonly date: string, readonly time: string }>
  /** A table that is free tomorrow, for those who want to try: the first venue's, in the evening where there is one. */
  readonly example: { readonly compositeId: string, readonly date: string, readonly time: string, readonly partySize: number }
  /**
   * Makes these faults happen and no others; `{}` ends all.
   * @throws FAULT-N-101 for what is no fault, or not a value of one
   */
  setFaults (faults: FaultSettings): void
  /** Ends at once: running requests and open connections are cut. */
  close (): Promise<void>
}

/**
 * Starts a simulator on 127.0.0.1 and nowhere else.
 * @throws what listen() throws, EADDRINUSE for a port that is taken; FAULT-N-101 for bad faults
 */
export async function startSimulator ({ clock, port = 0, tokenLifetimeS = 3600, quotaLimit = 200, faults: initialFaults = {} }: SimulatorOptions): Promise<Simulator> {
  const app = Fastify({
    forceCloseConnections: true,
    // A composite id is 71 characters, 213 when a client encodes each of them: Fastify's default is 100.
    routerOptions: { maxParamLength: 1000 },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, error)
  })
  const tokens = new TokenIssuer()
  const faults = new Faults(() => tokens.revokeAll())
  faults.set(initialFaults)
  const bookings = new BookingStore()
  const venues = createVenues()
  const counts = { tokenRequests: 0, apiRequests: 0, overQuota: 0, get bookings () { return bookings.all.length } }

  app.register(async scope => addOAuthRoutes(scope, {
    clock,
    tokens,
    faults,
    tokenLifetimeS,
    issuer: () => `${app.listeningOrigin}/`,
    onTokenRequest: () => { counts.tokenRequests++ }
  }))
  app.register(async scope => addApiRoutes(scope, {
    clock,
    tokens,
    quota: new Quota(quotaLimit),
    faults,
    venues,
    bookings,
    onApiRequest: () => { counts.apiRequests++ },
    onQuotaExceeded: () => { counts.overQuota++ }
  }))
  app.register(async scope => addFaultRoutes(scope, faults))
  const origin = await app.listen({ host: '127.0.0.1', port })

  return {
    origin,
    tokenUrl: origin + TOKEN_PATH,
    faultsUrl: origin + FAULTS_PATH,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    audience: AUDIENCE,
    counts,
    get example () { return exampleOf(venues, bookings, clock.nowMs()) },
    get bookings () { return bookings.all.map(({ id, request: { email, date, time } }) => ({ id, email, date, time })) },
    setFaults: settings => faults.set(settings),
    close: () => app.close()
  }
}

const DAY_MS = 24 * 60 * 60 * 1000
const EXAMPLE_TIME = '19:00'

function exampleOf (venues: readonly Venue[], bookings: BookingStore, nowMs: number): Simulator['example'] {
  const query = { date: dateOf(nowMs + DAY_MS), partySize: 2 }
  for (const venue of venues) {
    for (const product of venue.products) {
      const offer = { venue, product }
      const times = slotsOf(offer, query, bookings.seatings(offer, query.date), nowMs).filter(({ type }) => type === 'book').map(({ time }) => time)
      const time = times.includes(EXAMPLE_TIME) ? EXAMPLE_TIME : times[0]
      if (time !== undefined) return { compositeId: product.compositeId, ...query, time }
    }
  }
  throw new Error('every table of tomorrow is taken')
}
