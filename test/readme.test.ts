import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { COMMANDS, describeDefault } from '../src/commands/help.ts'
import { SETTING_NAMES, settingOf } from '../src/config/settings.ts'
import { PROBLEMS } from '../src/problem.ts'
import { Metrics } from '../src/telemetry/metrics.ts'

const README = new URL('../README.md', import.meta.url)

const cell = (text: string): string => text.replaceAll('|', '\\|')

const metrics = await new Metrics({ version: '', nodeVersion: '', inFlight: () => 0, tokenExpiresAtMs: () => 0, quota: () => undefined }).text()

/** Of the bench's last whole run. */
const bench = (form: string): string => execFileSync(process.execPath, [fileURLToPath(new URL('../bench/show.mjs', import.meta.url)), form], { encoding: 'utf8' })

const TABLES: Readonly<Record<string, readonly string[]>> = {
  bench: bench('summary').trimEnd().split('\n'),
  settings: [
    '| Setting | Default | Effect | Allowed |',
    '|---|---|---|---|',
    ...SETTING_NAMES.map(name => {
      const { isSecret, doc, allowed } = settingOf(name)
      const file = isSecret === true ? `, \`${name}_FILE\`` : ''
      return `| \`${name}\`${file} | ${describeDefault(name)} | ${cell(doc)} | ${cell(allowed)} |`
    })
  ],
  clients: execFileSync(process.execPath, [fileURLToPath(new URL('clients/readme.mjs', import.meta.url))], { encoding: 'utf8' }).trimEnd().split('\n'),
  metrics: [
    '| Metric | Type | Tells |',
    '|---|---|---|',
    ...[...metrics.matchAll(/^# HELP (bookable_\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name, help, type]) => `| \`${name}\` | ${type} | ${help} |`)
  ],
  problems: [
    '| Code | Status | When | What to do |',
    '|---|---|---|---|',
    ...Object.entries(PROBLEMS).map(([code, { statuses, when, advice }]) => `| ${code} | ${statuses.join(', ')} | ${cell(when)} | ${cell(advice)} |`)
  ]
}

/** The README with every table as the code has it. */
function withTables (readme: string): string {
  return Object.entries(TABLES).reduce((text, [name, rows]) => {
    return text.replace(new RegExp(`(<!-- ${name}: [^\n]*-->\n)[^]*?(<!-- /${name} -->)`), (_, open: string, close: string) => `${open}${rows.join('\n')}\n${close}`)
  }, readme)
}

if (process.env.UPDATE_README === '1') writeFileSync(README, withTables(readFileSync(README, 'utf8')))
const readme = readFileSync(README, 'utf8')

t.test('the tables of the README are those of the code', async t => {
  t.equal(readme, withTables(readme))
  for (const name of Object.keys(TABLES)) t.ok(readme.includes(`<!-- /${name} -->`), name)
})

t.test('the chart of the bench is that of its figures', async t => {
  t.equal(readFileSync(new URL('../docs/bench.svg', import.meta.url), 'utf8'), bench('chart'))
})

t.test('the README tells every command', async t => {
  for (const name of Object.keys(COMMANDS)) t.ok(readme.includes(`\`bookable-sidecar ${name}\``), name)
})

t.test('the problem that the README shows is one of the table', async t => {
  const [, shown = ''] = /```json\n(\{\n[^`]*)```/.exec(readme) ?? []
  const problem = JSON.parse(shown) as { code: keyof typeof PROBLEMS, title: string, detail: string, isRetryable: boolean }
  t.equal(problem.title, PROBLEMS[problem.code].title)
  t.ok(problem.detail.endsWith(PROBLEMS[problem.code].advice))
})

t.test('.env.example names only settings that exist', async t => {
  const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')
  const named = [...example.matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name.replace(/_FILE$/, ''))
  t.ok(named.length > 0)
  t.same(named.filter(name => !(SETTING_NAMES as readonly string[]).includes(name)), [])
})

interface Lockfile { readonly packages: Readonly<Record<string, { readonly dev?: boolean, readonly hasInstallScript?: boolean, readonly integrity?: string, readonly dependencies?: object }>> }

t.test('every production dependency is justified in the README, counted, pinned by its hash, and runs no install script', async t => {
  const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as Lockfile
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  const [, section = ''] = readme.split('### Dependencies')
  const justified = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([@a-z/-]+)` \| [^|]{20,} \|$/gm)].map(([, name]) => name)
  t.same(justified.toSorted(), Object.keys(packages['']?.dependencies ?? {}).toSorted())
  t.ok(readme.includes(`they are ${production.length}, each`), `${production.length} packages`)
  t.same(production.filter(([, { integrity, hasInstallScript }]) => integrity === undefined || hasInstallScript === true), [])
})

t.test('every test that SECURITY.md names exists', async t => {
  const security = readFileSync(new URL('../SECURITY.md', import.meta.url), 'utf8')
  const named = [...new Set(security.match(/\b(test|bench)\/[\w./-]+\.(ts|mjs)\b/g))]
  t.ok(named.length > 10)
  t.same(named.filter(path => !existsSync(new URL(`../${path}`, import.meta.url))), [])
})
