import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { textOf } from '../helpers/docs.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

t.test('the two curl lines of docs/bookings.md make one booking against the demo, and the second answer is the first one\'s', async t => {
  const [, block = ''] = /```sh\n(VENUE=[^`]*)```/.exec(textOf('docs/bookings.md')) ?? []
  const lines = block.trim().split('\n')
  t.equal(lines.filter(line => line.startsWith('curl ')).length, 2)
  const simulator = await startSimulator({ clock: systemClock })
  t.teardown(async () => simulator.close())
  const { url, requestLine } = await startTestSidecar(t, {
    apiUrl: simulator.origin,
    env: { BOOKABLE_TOKEN_URL: simulator.tokenUrl, BOOKABLE_CLIENT_ID: simulator.clientId, BOOKABLE_CLIENT_SECRET: simulator.clientSecret }
  })
  const script = lines.map(line => line.replace('curl ', 'curl -sS --max-time 30 ').replace('http://localhost:8080', url)).join('\n')
  const { stdout } = await promisify(execFile)('sh', ['-ec', script])
  const [first = '', second = ''] = stdout.split(/(?<=\})(?=HTTP)/)
  const idOf = (answer: string): string | undefined => /"id":"([^"]+)"/.exec(answer)?.[1]
  t.match(first, /^HTTP\/1\.1 201 /)
  t.match(second, /^HTTP\/1\.1 201 [^]*\r\nIdempotency-Replayed: true\r\n/)
  t.notMatch(first, /Idempotency-Replayed/)
  t.ok(idOf(first))
  t.equal(idOf(second), idOf(first))
  t.equal(simulator.bookings.length, 1)
  t.equal((await requestLine(2)).repeat, 'answered')
})
