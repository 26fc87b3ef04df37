import t from 'tap'
import type { FaultSettings } from '../src/simulator/faults.ts'
import { startSimulator } from '../src/simulator/simulator.ts'
import { textOf } from './helpers/docs.ts'
import { FakeClock, settle } from './helpers/fake-clock.ts'
import { call } from './helpers/http.ts'
import { startTestSidecar } from './helpers/sidecar.ts'

/**
 * The table "What happens when" of docs/errors.md, row by row: the fault as the demo takes it, what a booking and a list of venues get, and how many
 * bookings there are then. Times pass on a fake clock.
 */
const rows: ReadonlyArray<readonly [fault: FaultSettings, read: string, write: string, bookings: number]> = [
  [{ 'token-down': true }, '503 TOKEN-R-001', '503 TOKEN-R-001', 0],
  [{ 'token-hang': true }, '503 TOKEN-R-001', '503 TOKEN-R-001', 0],
  [{ 'token-slow': 2_000 }, '200', '201', 1],
  [{ 'token-reset': true }, '503 TOKEN-R-001', '503 TOKEN-R-001', 0],
  [{ 'token-rate-limit': 60 }, '503 TOKEN-R-001', '503 TOKEN-R-001', 0],
  [{ 'token-refuse': true }, '502 TOKEN-N-001', '502 TOKEN-N-001', 0],
  [{ 'token-garbage': true }, '503 TOKEN-R-002', '503 TOKEN-R-002', 0],
  [{ 'api-down': true }, '502 UPSTR-R-001', '502 UPSTR-N-001', 0],
  [{ 'api-slow': 5_000 }, '200', '201', 1],
  [{ 'api-hang': true }, '504 UPSTR-R-002', '504 UPSTR-N-001', 1],
  [{ 'api-error': true }, '500 HTTP-R-500', '500 HTTP-R-500', 0],
  [{ 'api-401': true }, '200', '201', 1],
  [{ 'api-429': true }, '429 RATE-R-001', '429 RATE-R-001', 0],
  [{ 'api-break': 10 }, 'broken', 'broken', 1]
]

const name = (fault: FaultSettings): string => Object.keys(fault)[0] ?? ''
const strikesTokens = (fault: FaultSettings): boolean => name(fault).startsWith('token-')

for (const [fault, read, write, bookings] of rows) {
  for (const [method, expected] of [['GET', read], ['POST', write]] as const) {
    t.test(`with ${name(fault)} a ${method === 'GET' ? 'list of venues' : 'booking'} gets ${expected === 'broken' ? 'an answer that breaks' : expected}`, async t => {
      const clock = new FakeClock()
      const simulator = await startSimulator({ clock, ...(strikesTokens(fault) ? { faults: fault } : {}) })
      t.teardown(() => simulator.close())
      const { url, line } = await startTestSidecar(t, {
        clock,
        apiUrl: simulator.origin,
        env: { BOOKABLE_TOKEN_URL: simulator.tokenUrl, BOOKABLE_CLIENT_ID: simulator.clientId, BOOKABLE_CLIENT_SECRET: simulator.clientSecret }
      })
      if (!strikesTokens(fault)) await line('token refreshed')
      simulator.setFaults(fault)

      const { compositeId, date, time, partySize } = simulator.example
      const booking = { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', phone: '+44 20 7946 0000', partySize, date, time, type: 'book' }
      const seen = simulator.counts.apiRequests
      const answer = method === 'GET'
        ? call(url, '/venues')
        : call(url, `/venues/${encodeURIComponent(compositeId)}/booking`, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(booking) })
      const outcome = answer.then(({ status, body }) => {
        const { code } = JSON.parse(body.toString()) as { code?: string }
        return [status, code].filter(Boolean).join(' ')
      }, () => 'broken')
      // Both are at work before time passes: the request at the API, or the app at the token endpoint.
      while (strikesTokens(fault) ? simulator.counts.tokenRequests === 0 : simulator.counts.apiRequests === seen) await settle()
      await clock.runUntil(outcome)
      t.equal(await outcome, expected)
      t.equal(simulator.counts.bookings, method === 'POST' ? bookings : 0)
    })
  }
}

t.test('docs/errors.md has these rows', async t => {
  const page = textOf('docs/errors.md')
  for (const [fault, read, write] of rows) {
    const [, told = ''] = new RegExp(`^\\| \`${name(fault)}[^|]*\\|([^\n]*)$`, 'm').exec(page) ?? []
    const [readCell = '', writeCell = ''] = told.split('|')
    t.ok(readCell.includes(read), `${name(fault)}: a read gets ${read}`)
    t.ok(writeCell.includes(write), `${name(fault)}: a booking gets ${write}`)
  }
})
