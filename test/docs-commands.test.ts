import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { systemClock } from '../src/clock.ts'
import { startSimulator } from '../src/simulator/simulator.ts'
import { blocksOf, fileOf, PAGES, textOf, type Block } from './helpers/docs.ts'
import { call } from './helpers/http.ts'
import type { Teardown } from './helpers/servers.ts'
import { startTestSidecar } from './helpers/sidecar.ts'

/** A line of a shell block with the comment behind it taken off. */
const commandOf = (line: string): string => line.replace(/\s+# .*$/, '').trim()

/** Commands that no test runs, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm ci': 'it would take the packages away under the tests that run; .ci/run begins with it',
  'npm ci && npm test': 'it is what runs this test; .ci/run has both',
  'npm run build': 'it would replace the program under the tests that run; `npm test` begins with it',
  'npm test': 'it is what runs this test',
  'npm run lint && npm run typecheck': 'steps of .ci/run',
  'npm run browser': 'a step of .ci/run',
  'npm run clients': 'a step of .ci/run',
  'npm run coverage': 'it runs this test; a step of .ci/run',
  'npm run fuzz': 'the same runs are part of `npm test`, shorter and from one seed',
  'npm run bench': 'a step of .ci/run, by --quick',
  'docker compose up --build': 'it needs Docker; .ci/run starts the same file',
  'docker build -t bookable-sidecar:local .': 'it needs Docker; .ci/run builds the image',
  'docker run --rm -p 127.0.0.1:8080:8080 --read-only --cap-drop ALL bookable-sidecar:local demo': 'it needs Docker; .ci/run starts the image alike'
}

/** Not commands: read by people, or drawn. */
const SHOWN = ['json', 'mermaid', 'text']

const blocks = PAGES.flatMap(blocksOf)
const run = new Set<string>()

/** The commands of a page that stand in one block with `first`; they count as run. */
function commands (path: string, first: string): string[] {
  const block = blocksOf(path).find(({ text }) => text.includes(first))
  if (block === undefined) throw new Error(`${path} has no block with ${first}`)
  const lines = linesOf(block)
  for (const line of lines) run.add(line)
  return lines
}

/** The commands of a block; of a console, what stands behind the prompt. */
function linesOf ({ language, text }: Block): string[] {
  const lines = text.split('\n').filter(line => language === 'console' ? line.startsWith('$ ') : line.trim() !== '' && !line.startsWith('#'))
  return lines.map(line => commandOf(line.replace(/^\$ /, '')))
}

const ROOT = fileURLToPath(fileOf(''))

/** A command in a shell at the root of the repository, with free ports for what it starts; all that it started ends with the test. */
function shell (t: Teardown, command: string, env: Readonly<Record<string, string>> = {}) {
  // Without the scripts that npm runs before a script: they build, and would replace the program under the tests that run.
  const script = command.replace(/\bnpm (run|start)\b/, 'npm --ignore-scripts $1')
  const { PATH = '', HOME = '' } = process.env
  const child = spawn('sh', ['-c', script], { cwd: ROOT, env: { PATH, HOME, PORT: '0', ADMIN_PORT: '0', ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { text: '' }
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output.text += text })
  t.teardown(() => { if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL') })
  return { output, ended, listening: () => listening(child, output, ended) }
}

interface Addresses { readonly url: string, readonly adminUrl: string }

/** Where a sidecar that was started listens, by its log. */
async function listening (child: ChildProcess, output: { readonly text: string }, ended: Promise<unknown>): Promise<Addresses> {
  for (;;) {
    const line = /^\{.*"msg":"listening"\}$/m.exec(output.text)?.[0]
    if (line !== undefined) return JSON.parse(line) as Addresses
    if (child.exitCode !== null) throw new Error(output.text)
    await Promise.race([once(child.stdout ?? child, 'data'), ended])
  }
}

/** A command against what listens elsewhere than the page says; what it printed. */
async function answer (t: Teardown, command: string, { url, adminUrl }: Addresses): Promise<string> {
  const { output, ended } = shell(t, command.replaceAll('http://localhost:8080', url).replaceAll('http://localhost:8081', adminUrl).replaceAll('curl ', 'curl -sS '))
  await ended
  return output.text
}

t.test('the README\'s first command starts the demo, and its first call gets the answer that it shows', async t => {
  const [start = ''] = commands('README.md', 'npm run demo')
  const demo = shell(t, start.replace('npm ci && ', ''))
  const [curl = ''] = commands('README.md', '$ curl')
  const shown = blocksOf('README.md').find(({ language }) => language === 'console')?.text.split('\n')[1] ?? ''
  t.ok((await answer(t, curl, await demo.listening())).startsWith(shown.replace(/ …$/, '').trimEnd()), shown)
})

t.test('the README\'s check and start do with credentials what it says', async t => {
  const [, check = '', start = ''] = commands('README.md', 'cjs check')
  const demo = shell(t, 'npm run demo')
  await demo.listening()
  const env = Object.fromEntries([...demo.output.text.matchAll(/(BOOKABLE_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]))
  const withCredentials = (command: string): string => command.replace(/\b(BOOKABLE_\w+)=…/g, (_, name: string) => `${name}=${env[name]}`)
  const { BOOKABLE_API_URL = '', BOOKABLE_TOKEN_URL = '' } = env
  const checked = shell(t, withCredentials(check), { BOOKABLE_API_URL, BOOKABLE_TOKEN_URL })
  t.equal(await checked.ended, 0, checked.output.text)
  const started = shell(t, withCredentials(start), { BOOKABLE_API_URL, BOOKABLE_TOKEN_URL })
  t.match(await answer(t, 'curl http://localhost:8080/venues', await started.listening()), /"venueGroupName":"Dishoom"/)
})

t.test('docs/quota.md: of five requests a minute four go to lists, and none of them waits', async t => {
  const [start = '', ask = ''] = commands('docs/quota.md', 'api-quota')
  const told = (await answer(t, ask, await shell(t, start).listening())).trim().split('\n')
  t.match(told.slice(0, 4).join(' '), /^(200 after \S+ s ?){4}$/)
  // The last two are held instead where the minute is nearly over.
  t.match(told.slice(4).join(' '), /^((429|200) after \S+ s ?){2}$/)
})

t.test('docs/quota.md: ten equal lists at once are one request to the API', async t => {
  const [start = '', ask = ''] = commands('docs/quota.md', 'api-slow')
  t.match(await answer(t, ask, await shell(t, start).listening()), /^bookable_sidecar_coalesced_total 9$/m)
})

t.test('docs/bookings.md: the two curl lines make one booking, and the second answer is the first one\'s', async t => {
  const lines = commands('docs/bookings.md', 'VENUE=')
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

/** Each question of "Reading the log", with the command that answers it. */
const QUERIES = [...textOf('docs/operations.md').matchAll(/^# (.+\?)\n(jq .+ sidecar\.log)$/gm)].map(([, question = '', command = '']) => ({ question, command }))
// Also where they are skipped.
for (const { command } of QUERIES) run.add(command)

t.test('docs/operations.md: the queries answer their questions of a real log', {
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

t.test('every command that the documentation tells is run here, or listed with the reason why not', async t => {
  const shellBlocks = blocks.filter(({ path, language }) => path !== 'docs/clients.md' && !SHOWN.includes(language))
  t.same(shellBlocks.filter(({ language }) => !['sh', 'console'].includes(language)).map(({ path, line }) => `${path}:${line}`), [], 'languages')
  const told = new Set(shellBlocks.flatMap(linesOf))
  t.same([...told].filter(line => !run.has(line) && !(line in NOT_RUN)), [], 'neither run nor listed')
  t.same(Object.keys(NOT_RUN).filter(line => !told.has(line)), [], 'listed, but told nowhere')
})

t.test('every line of code on docs/clients.md is one of the programs that `npm run clients` runs', async t => {
  const [, generated = ''] = /<!-- clients: [^\n]*-->\n([^]*)<!-- \/clients -->/.exec(textOf('docs/clients.md')) ?? []
  for (const { text, line } of blocksOf('docs/clients.md')) t.ok(generated.includes(text), `line ${line}`)
})

t.test('every JSON block can be parsed', async t => {
  for (const { text, path, line } of blocks.filter(({ language }) => language === 'json')) t.doesNotThrow(() => JSON.parse(text), `${path}:${line}`)
})
