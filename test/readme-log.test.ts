import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { textOf } from './helpers/docs.ts'
import { call } from './helpers/http.ts'
import { startTestSidecar } from './helpers/sidecar.ts'

/** Each question of "Reading the log", with the command that answers it. */
const QUERIES = [...textOf('docs/operations.md').matchAll(/^# (.+\?)\n(jq .+ sidecar\.log)$/gm)].map(([, question = '', command = '']) => ({ question, command }))

t.test('the queries of docs/operations.md answer their questions of a real log', {
  skip: spawnSync('jq', ['--version']).error !== undefined && process.env.CI !== 'true' ? 'jq is not installed' : false
}, async t => {
  let onSilence: () => void = () => {}
  const hasReachedApi = new Promise<void>(resolve => { onSilence = resolve })
  const { url, log, line, requestLine } = await startTestSidecar(t, {
    api: (req, res) => {
      if (req.method === 'GET') res.end('x')
      else if (req.method === 'POST') res.destroy()
      else onSilence()
    }
  })
  await line('token refreshed')
  await call(url, '/venues/1')
  await call(url, '/venues/2/booking', { method: 'POST', headers: { 'X-Correlation-ID': 'of-the-booking-1' } })
  await call(url, '/operators')
  const app = connect(Number(new URL(url).port), '127.0.0.1')
  app.write('DELETE /venues/bookings/3 HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await hasReachedApi
  app.destroy()
  await requestLine(4)
  const cwd = mkdtempSync(join(tmpdir(), 'log-'))
  writeFileSync(join(cwd, 'sidecar.log'), log.map(line => `${JSON.stringify(line)}\n`).join(''))

  const answers = QUERIES.map(({ question, command }) => {
    const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' })
    t.equal(stderr, '', question)
    return stdout.trim().split('\n')
  })
  const [errors = [], unknown = [], token = [], slowest = [], minutes = []] = answers
  t.equal(QUERIES.length, 5)
  t.match(errors, [/\tUPSTR-N-001\t502\tPOST\t\/venues\/2\/booking\tof-the-booking-1$/, /\tPROXY-N-001\t404\tGET\t\/operators\t/])
  t.match(unknown.map(line => JSON.parse(line) as object), [{ method: 'POST', path: '/venues/2/booking', correlationId: 'of-the-booking-1' }, { method: 'DELETE', path: '/venues/bookings/3' }])
  t.match(token.map(line => JSON.parse(line) as object), [{ msg: 'token refreshed', reason: 'start' }])
  t.equal(slowest.length, 4)
  t.ok(minutes.length <= 2, 'they were asked within two minutes')
  t.match(minutes.map(line => line.split('\t').slice(1).map(Number)).reduce(([a = 0, b = 0], [c = 0, d = 0]) => [a + c, b + d]), [4, 1])
})
