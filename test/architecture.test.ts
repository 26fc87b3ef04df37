import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'

const SRC = new URL('../src/', import.meta.url).pathname

/** The rooms from the top down; a file imports its own room and the rooms of later rows, never beside or above. */
const ROWS: ReadonlyArray<readonly string[]> = [
  ['main.ts'],
  ['commands'],
  ['sidecar.ts'],
  ['outbound.ts', 'listeners.ts', 'secrets.ts'],
  ['telemetry'],
  ['proxy', 'admin'],
  ['token', 'quota', 'repeats', 'reads', 'upstream', 'http'],
  ['redis'],
  ['config'],
  ['answer.ts'],
  ['problem.ts', 'cause.ts', 'clock.ts', 'logger.ts', 'printable.ts', 'fields.ts', 'request-body.ts', 'seal.ts', 'secret.ts', 'version.ts']
]

/** What the rows do not say. */
const EXCEPTIONS: ReadonlyArray<readonly [from: string, to: string, why: string]> = [
  ['commands/demo.ts', 'simulator', 'the demo alone runs it'],
  ['simulator', 'clock.ts', 'an island: leaves at most']
]

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))

const text = (file: string): string => readFileSync(join(SRC, file), 'utf8')
const roomOf = (file: string): string => file.split('/')[0] ?? file
const rowOf = (room: string): number => ROWS.findIndex(row => row.includes(room))

function importsOf (file: string): string[] {
  return [...text(file).matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name = '']) => name)
}

function isAllowed (from: string, to: string): boolean {
  if (roomOf(from) === roomOf(to)) return true
  if (EXCEPTIONS.some(([room, target]) => (room === from || room === roomOf(from)) && target === roomOf(to))) return true
  const [above, below] = [rowOf(roomOf(from)), rowOf(roomOf(to))]
  return above !== -1 && below !== -1 && above < below
}

t.test('every file imports only downwards', async t => {
  for (const file of files) {
    for (const name of importsOf(file).filter(name => name.startsWith('.'))) {
      const target = relative(SRC, join(SRC, dirname(file), name))
      t.ok(isAllowed(file, target), `${file} imports ${target}`)
    }
  }
})

t.test('the rule sees an import that points up or aside', async t => {
  t.notOk(isAllowed('token/cache.ts', 'proxy/door.ts'))
  t.notOk(isAllowed('token/cache.ts', 'upstream/pool.ts'))
  t.notOk(isAllowed('problem.ts', 'clock.ts'))
  t.notOk(isAllowed('simulator/api.ts', 'problem.ts'))
  t.ok(isAllowed('proxy/door.ts', 'token/cache.ts'))
})

for (const [what, pattern, allowed] of [
  ['Fastify', /from 'fastify'|@fastify\//, /^(proxy|admin|simulator)\//],
  ['env-schema', /from 'env-schema'/, /^config\//],
  ['pino', /from 'pino'/, /^logger\.ts$/],
  ['close-with-grace', /from 'close-with-grace'/, /^commands\//],
  ['ioredis', /'ioredis'/, /^redis\/connection\.ts$/],
  ['process', /\bprocess\./, /^(main\.ts|logger\.ts|commands\/|config\/load\.ts)/],
  ['the raw clock', /\bDate\.now\(|new Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bperformance\./, /^clock\.ts$/],
  ['the value of a secret', /\.reveal\(\)/, /^(token\/endpoint\.ts|token\/issuer-keys\.ts|token\/stores\/seal\.ts|repeats\/record-seal\.ts|quota\/stores\/redis\.ts|redis\/(connection|source)\.ts|upstream\/outbound-proxy\.ts|proxy\/forward\.ts|proxy\/api-key\.ts|commands\/check\.ts)$/],
  ['the console', /\bconsole\./, /^$/]
] as const) {
  t.test(`${what} is known only where it belongs`, async t => {
    const known = files.filter(file => pattern.test(text(file)))
    t.same(known.filter(file => !allowed.test(file)), [])
  })
}

t.test('the page on the architecture names each module in the row of its room', async t => {
  const [, modules = ''] = /```text\n(.*?)```/s.exec(readFileSync(new URL('../docs/architecture.md', import.meta.url), 'utf8')) ?? []
  const rows = modules.split(/\n {2}(?! )/)
  const words = (text = ''): string[] => text.split(/[^\w.-]+/)
  const isNamed = (file: string): boolean => {
    const room = roomOf(file)
    return room === file ? words(modules).includes(file) : words(rows.find(row => row.startsWith(`${room}/`))).includes(basename(file, '.ts'))
  }
  t.same(files.filter(file => !file.endsWith('.d.ts') && roomOf(file) !== 'simulator' && !isNamed(file)), [])
})
