import t, { type Test } from 'tap'
import { check, reportOf } from '../../src/commands/check.ts'
import { answersIn, codeOf, hasControls } from '../fuzz/answers.ts'
import { converse } from '../fuzz/world.ts'
import { run } from '../helpers/process.ts'
import { json, startServer, startTokenServer } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const BASE = { PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'trace', BOOKABLE_CLIENT_ID: 'id', BOOKABLE_CLIENT_SECRET: 'obviously-fake', BOOKABLE_API_URL: 'http://127.0.0.1:1', TOKEN_WAIT_MS: '100' }

/** A line that somebody would like to see in the log. */
const FORGED = '{"level":60,"msg":"forged"}'

/** As bytes: what a terminal, or whoever reads line by line, would act on. */
const ODD = [
  ['a carriage return', '\r'], ['a line feed', '\n'], ['a null', '\0'], ['an escape', '\x1b[2J\x1b]0;title\x07'], ['the eight-bit CSI', '\x9b2J'], ['a next line', '\x85'], ['a delete', '\x7f'], ['a quote', '"'],
  ['a backslash', '\\'], ['a line separator', '\xe2\x80\xa8'], ['a text direction', '\xe2\x80\xae'], ['no UTF-8', '\xff\xfe'], ['a tab', '\t'], ['much', 'x'.repeat(12_000)], ['a line of its own', `\r\n${FORGED}\r\n`]
] as const

const PLACES = [
  ['path', (odd: string) => `GET /venues/a${odd}b HTTP/1.1\r\nHost: localhost\r\n`],
  ['path outside the routes', (odd: string) => `GET /${odd} HTTP/1.1\r\nHost: localhost\r\n`],
  ['method', (odd: string) => `G${odd}T /venues HTTP/1.1\r\nHost: localhost\r\n`],
  ['correlation id', (odd: string) => `GET /operators HTTP/1.1\r\nHost: localhost\r\nX-Correlation-ID: a${odd}b\r\n`],
  ['host', (odd: string) => `GET /venues HTTP/1.1\r\nHost: a${odd}b\r\n`],
  ['header', (odd: string) => `GET /operators HTTP/1.1\r\nHost: localhost\r\nX-A: a${odd}b\r\n`],
  ['header name', (odd: string) => `GET /operators HTTP/1.1\r\nHost: localhost\r\nX-A${odd}: b\r\n`],
  ['version', (odd: string) => `GET /venues HTTP/1.1${odd}\r\nHost: localhost\r\n`],
  ['expectation', (odd: string) => `GET /venues HTTP/1.1\r\nHost: localhost\r\nExpect: a${odd}b\r\n`]
] as const

/** Every line of a log, each of which must be one. */
function linesOf (t: Test, log: string): Array<Record<string, unknown>> {
  const lines = log.replace(/\n$/, '').split('\n')
  t.same(lines.filter(hasControls).map(line => encodeURI(line.slice(0, 300))), [], 'no line has a control')
  t.same(lines.filter(line => line.length > 20_000), [], 'no line is endless')
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('whatever stands in any place of a request, it is one line in the log, and only that', async t => {
  const { url: BOOKABLE_TOKEN_URL } = await startTokenServer(t)
  const process = run(t, [], { ...BASE, BOOKABLE_TOKEN_URL })
  const [line] = await process.seen('stdout', /^.*"listening".*$/m)
  const { url } = JSON.parse(line) as { url: string }
  await process.seen('stdout', /token refreshed/)
  for (const [place, request] of PLACES) {
    for (const [what, odd] of ODD) {
      const answers = answersIn(await converse(url, [Buffer.from(`${request(odd)}Connection: close\r\n\r\n`, 'latin1')]))
      t.match(answers.map(codeOf), [/^(PROXY|UPSTR)-/], `${what} in the ${place}`)
      t.equal(answers.length, 1)
    }
  }
  process.child.kill('SIGTERM')
  t.equal(await process.ended, 0)
  t.equal(process.output.stderr, '')
  const lines = linesOf(t, process.output.stdout)
  t.equal(lines.filter(({ msg }) => msg === 'request' || msg === 'request refused').length, PLACES.length * ODD.length)
  t.same(lines.filter(({ msg }) => msg === 'forged'), [])
})

/** As text: JSON says all of it. */
const ODD_TEXT = `a\r\n${FORGED}\n\u001b[2J\u009b2J\u0085\u007f\u2028\u2029\u202e"\\é${'x'.repeat(5_000)}`

const jwt = (claims: unknown): string => `a.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c`

for (const [what, status, body] of [
  ['the error of a refusal', 401, { error: ODD_TEXT, error_description: ODD_TEXT }],
  ['the error of a failure', 500, { error: ODD_TEXT, message: ODD_TEXT }],
  ['the scope of a token', 200, { access_token: 'a', expires_in: 3600, scope: ODD_TEXT }],
  ['the claims of a token', 200, { access_token: jwt({ iss: ODD_TEXT, aud: [ODD_TEXT], scope: ODD_TEXT }), expires_in: 3600 }],
  ['the type of a token', 200, { access_token: 'a', expires_in: 3600, token_type: ODD_TEXT }],
  ['a token', 200, { access_token: ODD_TEXT, expires_in: 3600 }],
  ['claims that are no text', 200, { access_token: jwt({ iss: { toString: 1 }, aud: { toString: 1 } }), expires_in: 3600 }]
] as const) {
  t.test(`whatever stands in ${what}, it is shown cut and without controls, by serve and check`, async t => {
    const BOOKABLE_TOKEN_URL = await startServer(t, (_req, res) => json(res, status, body))
    const steps = await check({ ...BASE, BOOKABLE_TOKEN_URL })
    const { line, drain, output } = await startTestSidecar(t, { env: { ...BASE, BOOKABLE_TOKEN_URL } })
    await Promise.race([line('token refreshed'), line('no usable token')])
    await drain()
    for (const line of linesOf(t, output.stdout)) t.notMatch(JSON.stringify(line), 'x'.repeat(100))

    const report = reportOf(steps, 'text')
    const told = report.trim().split('\n')
    t.ok(told.length === 4 || told.length === 7, `${told.length} lines`)
    t.same(told.filter(line => hasControls(line) || line.length > 600 || !/^[✓✗] (settings|dns|tls|token|claims|scopes|api): /.test(line)), [])
    t.notMatch(report, 'PROXY-R-001')
    t.notMatch(report, 'The sidecar failed')
    // Without its text: TAP would stumble over it too.
    t.notOk(hasControls(reportOf(steps, 'json').trim()), 'check --json has no controls')
  })
}
