import type { JsonWebKey } from 'node:crypto'
import type { Test } from 'tap'
import { startSimulator } from '../../src/simulator/simulator.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

/** The wall clock of every test here: Monday 1 June 2026, noon. */
export const TODAY = '2026-06-01'
export const TOMORROW = '2026-06-02'

/** The fields that tests look into, whichever answer they are of. */
export interface AnswerBody {
  readonly id: string
  readonly status: string
  readonly operatorBookingId: string
  readonly createdDate: string
  readonly notes: string | null
  readonly preorders: unknown
  readonly times: ReadonlyArray<{ readonly time: string }>
  readonly data: readonly VenueBody[]
  readonly meta: { readonly totalItems: number }
  readonly code: string
  readonly detail: string
  readonly errors: ReadonlyArray<{ readonly field: string }>
  readonly error: string
  readonly access_token: string
  readonly expires_in: number
  readonly keys: readonly JsonWebKey[]
}

interface VenueBody {
  readonly id: string
  readonly name: string
  readonly openingHours: readonly unknown[]
  readonly products: ReadonlyArray<{ readonly compositeId: string, readonly productName: string }>
}

/** One answer, its body parsed where it is JSON. */
export interface Answer { readonly status: number, readonly headers: Headers, readonly text: string, readonly body: AnswerBody }

/** A running simulator and the way to it. */
export interface Started {
  readonly clock: FakeClock
  readonly simulator: Simulator
  /** Calls the API with an access token; a body is sent as JSON, a string as it is. */
  readonly call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
}

/** A request to the token endpoint that succeeds. */
export function tokenRequest ({ clientId, clientSecret, audience }: Simulator): Record<string, string> {
  return { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, audience }
}

/** One HTTP exchange, its body parsed where there is one. */
export async function exchange (url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}

/** A POST without a token, as the token endpoint is asked. */
export async function postJson (url: string, body: unknown): Promise<Answer> {
  return exchange(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

/** A simulator of the test's own, at a clock that stands still, closed when the test ends. */
export async function start (t: Test, options: Omit<SimulatorOptions, 'clock'> = {}): Promise<Started> {
  const clock = new FakeClock()
  const simulator = await startSimulator({ clock, ...options })
  t.teardown(() => simulator.close())
  const { body: { access_token: token } } = await postJson(simulator.tokenUrl, tokenRequest(simulator))

  return {
    clock,
    simulator,
    call: async (method, path, body, headers = {}) => exchange(simulator.origin + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) })
    })
  }
}

/** The composite id, percent-encoded, of a product of a venue. */
export async function productOf ({ call }: Started, venueName: string, productName: string): Promise<string> {
  const { body: { data: [venue] } } = await call('GET', `/venues?venueName=${encodeURIComponent(venueName)}`)
  return encodeURIComponent(venue?.products.find(product => product.productName === productName)?.compositeId ?? 'none')
}

/** A body that books the first listed product tomorrow. */
export const BOOKING = {
  firstName: 'Ada',
  lastName: 'Lovelace',
  partySize: 2,
  date: TOMORROW,
  time: '19:00',
  type: 'book',
  email: 'ada@example.com',
  phone: '+44 20 7946 0000',
  notes: 'A table by the window',
  preorders: null
}

/** A simulator and the way to book one product of it. */
export interface Diner extends Started {
  readonly productId: string
  readonly book: (change?: object, headers?: Record<string, string>) => Promise<Answer>
  readonly timesFor: (partySize: number) => Promise<string[]>
}

/** Unless told otherwise, Dining at Dishoom Covent Garden: 40 seats, parties of up to 12, of more than 8 on request. */
export async function startDining (t: Test, venueName = 'Dishoom Covent', productName = 'Dining'): Promise<Diner> {
  const started = await start(t)
  const productId = await productOf(started, venueName, productName)
  return {
    ...started,
    productId,
    book: async (change = {}, headers = {}) => started.call('POST', `/venues/${productId}/booking`, { ...BOOKING, ...change }, headers),
    async timesFor (partySize) {
      const { body } = await started.call('GET', `/venues/${productId}/availability?date=${TOMORROW}&partySize=${partySize}`)
      return body.times.map(({ time }) => time)
    }
  }
}
