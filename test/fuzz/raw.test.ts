import fc from 'fast-check'
import t from 'tap'
import { answersIn } from './answers.ts'
import { chunkedRequest, garbage, hurtRequest, inPieces } from './raw-requests.ts'
import { holds } from './runs.ts'
import { leavesItsRoute, startWorld } from './world.ts'

// What operators ask has no body, and goes nowhere: there is less to find.
for (const [listener, share] of [['apps', 1], ['operators', 0.25]] as const) {
  for (const [what, bytes, runs] of [['random bytes', garbage, 100], ['proper requests that were hurt', hurtRequest, 600], ['chunks at random', chunkedRequest, 200]] as const) {
    t.test(`${what} for the listener of ${listener} get proper answers or none, harm nobody, and leave nothing behind`, { timeout: 600_000 }, async t => {
      const world = await startWorld(t, { env: { SHUTDOWN_TIMEOUT_MS: '1000' } })
      const { sidecar, arrivals, violations } = world
      await holds(t, runs * share, fc.asyncProperty(inPieces(bytes), fc.constantFrom('end', 'reset'), async (pieces, ending) => {
        await world.shootAt(listener, pieces, ending)
        if (violations.length > 0) throw new Error(violations.splice(0).join('\n'))
        return true
      }))
      t.equal(await sidecar.drain(), true, 'nobody is left inside')
      t.same(violations, [])
      // More would be one request that the API took for two.
      const attempts = sidecar.log.reduce((sum, { attempts }) => sum + (typeof attempts === 'number' ? attempts : 0), 0)
      t.ok(arrivals.length <= attempts, `${arrivals.length} requests at the API, ${attempts} sent`)
    })
  }
}

t.test('the judge of targets knows a way out when it sees one', async t => {
  for (const target of ['/operators', '/venuesx', '/venues/../x', '/venues/%2e%2e/x', '/venues/..%2fx', '/venues\\..\\x', '/venues/%255c..%255c..%255cx', 'http://evil.example/venues', '*']) {
    t.ok(leavesItsRoute(target), target)
  }
  for (const target of ['/venues', '/venues/a|b?x=/../', '/bookings/./1', '/venues/100%25']) t.notOk(leavesItsRoute(target), target)
})

t.test('the reader of answers takes nothing for an answer that is none', async t => {
  t.same(answersIn('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n').map(({ status, body }) => [status, body]), [[100, ''], [200, 'ok'], [204, '']])
  t.throws(() => answersIn('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!'))
  t.throws(() => answersIn('garbage'))
})
