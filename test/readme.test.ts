import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { COMMANDS, describeDefault } from '../src/commands/help.ts'
import { SETTING_NAMES, settingOf } from '../src/config/settings.ts'
import { PROBLEMS } from '../src/problem.ts'
import { Metrics } from '../src/telemetry/metrics.ts'
import { blocksOf, fileOf, PAGES, textOf } from './helpers/docs.ts'

/** Without these it does not start, or is not where it is looked for; then what people change first. */
const FIRST_SETTINGS = [
  'BOOKABLE_CLIENT_ID', 'BOOKABLE_CLIENT_SECRET', 'BOOKABLE_ENVIRONMENT', 'HOST', 'PORT', 'ADMIN_PORT', 'INBOUND_API_KEY', 'UPSTREAM_TIMEOUT_MS', 'HTTPS_PROXY'
] as const satisfies ReadonlyArray<typeof SETTING_NAMES[number]>

const cell = (text: string): string => text.replaceAll('|', '\\|')

const metrics = await new Metrics({ version: '', nodeVersion: '', inFlight: () => 0, tokenExpiresAtMs: () => 0, quota: () => undefined, isRedisUp: () => undefined }).text()

/** Of the bench's last whole run. */
const bench = (form: string): string => execFileSync(process.execPath, [fileURLToPath(new URL('../bench/show.mjs', import.meta.url)), form], { encoding: 'utf8' })

const codes = (letter: 'R' | 'N'): string => Object.keys(PROBLEMS).filter(code => code.includes(`-${letter}-`)).map(code => `\`${code}\``).join(' ')

/** What the README lists below Documentation: title and path. */
const listed = [...textOf('README.md').matchAll(/^\| \[([^\]]+)\]\((docs\/[^)]+\.md)\) \|/gm)].map(([, title = '', path = '']) => ({ title, path }))

/** From one page below docs/ to the others. */
const navigation = (from: string): string =>
  ['[README](../README.md)', ...listed.map(({ title, path }) => path === from ? `**${title}**` : `[${title}](${basename(path)})`)].join(' · ')

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
  'first-settings': [
    '| Setting | Default | Effect |',
    '|---|---|---|',
    ...FIRST_SETTINGS.map(name => `| \`${name}\` | ${describeDefault(name)} | ${cell(settingOf(name).doc)} |`)
  ],
  commands: [
    '| Command | Does |',
    '|---|---|',
    ...Object.entries(COMMANDS).map(([name, summary]) => `| \`bookable-sidecar ${name}\` | ${summary} |`)
  ],
  codes: [
    '| In the code | Means | Codes |',
    '|---|---|---|',
    `| \`R\` | the request may be sent again | ${codes('R')} |`,
    `| \`N\` | that will not help, or is not safe | ${codes('N')} |`
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

/** A page with every table as the code has it. */
function withTables (path: string): string {
  return Object.entries({ ...TABLES, pages: [navigation(path)] }).reduce((text, [name, rows]) => {
    return text.replace(new RegExp(`(<!-- ${name}: [^\n]*-->\n)[^]*?(<!-- /${name} -->)`), (_, open: string, close: string) => `${open}${rows.join('\n')}\n${close}`)
  }, textOf(path))
}

if (process.env.UPDATE_README === '1') for (const path of PAGES) writeFileSync(fileOf(path), withTables(path))

t.test('the tables of the README and of docs/ are those of the code, each in one place', async t => {
  for (const path of PAGES) t.equal(textOf(path), withTables(path), path)
  for (const name of Object.keys(TABLES)) t.equal(PAGES.filter(path => textOf(path).includes(`<!-- /${name} -->`)).length, 1, name)
})

t.test('the README lists every page of docs/, and each leads to the others', async t => {
  const pages = PAGES.filter(path => /^docs\/[^/]+$/.test(path))
  t.same(listed.map(({ path }) => path).toSorted(), pages)
  for (const path of pages) t.ok(textOf(path).includes('<!-- /pages -->'), path)
})

t.test('the README is no longer than a busy person reads', async t => {
  t.ok(textOf('README.md').split('\n').length <= 150)
})

t.test('the chart of the bench is that of its figures', async t => {
  t.equal(readFileSync(new URL('../docs/bench.svg', import.meta.url), 'utf8'), bench('chart'))
})

t.test('the README and the operator\'s page tell every command', async t => {
  for (const path of ['README.md', 'docs/operations.md']) {
    for (const name of Object.keys(COMMANDS)) t.ok(textOf(path).includes(`\`bookable-sidecar ${name}\``), name)
  }
})

t.test('the problem that docs/errors.md shows is one of the table', async t => {
  const shown = blocksOf('docs/errors.md').find(({ language }) => language === 'json')?.text ?? ''
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

t.test('every production dependency is justified in docs/security.md, counted, pinned by its hash, and runs no install script', async t => {
  const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as Lockfile
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  const page = textOf('docs/security.md')
  const [, section = ''] = page.split('## Dependencies')
  const justified = [...section.matchAll(/^\| `([@a-z/-]+)` \| [^|]{20,} \|$/gm)].map(([, name]) => name)
  t.same(justified.toSorted(), Object.keys(packages['']?.dependencies ?? {}).toSorted())
  t.ok(page.includes(`they are ${production.length}, each`), `${production.length} packages`)
  t.same(production.filter(([, { integrity, hasInstallScript }]) => integrity === undefined || hasInstallScript === true), [])
})

t.test('every test that SECURITY.md names exists', async t => {
  const security = readFileSync(new URL('../SECURITY.md', import.meta.url), 'utf8')
  const named = [...new Set(security.match(/\b(test|bench)\/[\w./-]+\.(ts|mjs)\b/g))]
  t.ok(named.length > 10)
  t.same(named.filter(path => !existsSync(new URL(`../${path}`, import.meta.url))), [])
})
