import { pino } from 'pino'
import t from 'tap'
import { Problem } from '../../src/problem.ts'
import type { ExchangeRecord } from '../../src/proxy/record.ts'
import { requestLine } from '../../src/telemetry/request-line.ts'

const PLAIN: ExchangeRecord = {
  reqId: '1a',
  correlationId: '5f0c7a52-64c1-4b1e-9b39-3f6f6d1c9a10',
  route: '/venues',
  method: 'GET',
  path: '/venues/29|CO|275c',
  status: 200,
  durationMs: 12.3456,
  upstreamMs: 11.2,
  quotaWaitMs: undefined,
  quotaLeft: undefined,
  bytes: 1536,
  attempts: 1,
  servedBy: 'api',
  repeat: undefined,
  problem: undefined,
  isAborted: false,
  isBroken: false
}

const USUAL = {
  reqId: '1a',
  correlationId: '5f0c7a52-64c1-4b1e-9b39-3f6f6d1c9a10',
  route: '/venues',
  method: 'GET',
  path: '/venues/29|CO|275c',
  status: 200,
  durationMs: 12.35,
  upstreamMs: 11.2,
  bytes: 1536,
  attempts: 1
}

/** What pino would write. */
function pinoLine (fields: object): string {
  let line = ''
  pino({ base: null, timestamp: () => ',"time":1780000000000' }, { write: (text: string) => { line = text } }).info(fields, 'request')
  return line
}

for (const [what, record, fields] of [
  ['a usual request', PLAIN, USUAL],
  ['a path with what JSON escapes', { ...PLAIN, path: '/venues/"quoted"\\ü' }, { ...USUAL, path: '/venues/"quoted"\\ü' }],
  ['a request without a route', { ...PLAIN, route: undefined, upstreamMs: undefined }, { ...USUAL, route: undefined, upstreamMs: undefined }],
  ['a wait for the quota, from the cache after all', { ...PLAIN, quotaWaitMs: 1999.999, quotaLeft: 0, servedBy: 'stale' }, {
    ...USUAL, quotaWaitMs: 2000, quotaLeft: 0, servedBy: 'stale'
  }],
  ['a repeat that was answered', { ...PLAIN, method: 'POST', repeat: 'answered' }, { ...USUAL, method: 'POST', repeat: 'answered' }],
  ['a failure with its cause', { ...PLAIN, status: 502, problem: new Problem('UPSTR-R-001', 'no', { cause: new Error('connect "ECONNREFUSED"\n') }), isBroken: true }, {
    ...USUAL, status: 502, code: 'UPSTR-R-001', cause: 'connect "ECONNREFUSED"\n', broken: true
  }],
  ['an app that gave up', { ...PLAIN, status: 499, isAborted: true }, { ...USUAL, status: 499, aborted: true }]
] as const satisfies ReadonlyArray<readonly [string, ExchangeRecord, object]>) {
  t.test(`the line of ${what} is what pino would write`, async t => {
    const line = requestLine(record, 1_780_000_000_000)
    t.same(JSON.parse(line), JSON.parse(pinoLine(fields)))
    t.ok(line.endsWith(',"msg":"request"}\n'))
  })
}

t.test('no character of an app ends the line, or makes a terminal obey', async t => {
  for (let code = 0; code < 0x2030; code++) {
    const line = requestLine({ ...PLAIN, path: `/${String.fromCharCode(code)}`, correlationId: `x${String.fromCharCode(code)}` }, 0)
    const controls = [...line.slice(0, -1)].filter(character => /[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(character)) // eslint-disable-line no-control-regex -- they are what it looks for
    if (controls.length > 0 || (JSON.parse(line) as { msg: string }).msg !== 'request') t.fail(`U+${code.toString(16)}: ${JSON.stringify(line)}`)
  }
  t.equal((JSON.parse(requestLine({ ...PLAIN, path: '/"},\n{' }, 0)) as { path: string }).path, '/"},\\x0a{')
})
