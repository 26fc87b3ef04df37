// Checks what promtool cannot see: that dashboard.json is a dashboard whose expressions parse, that it and alerts.yaml name only metrics and
// labels that /metrics has, and that each alert has a test. Needs promtool (Debian: prometheus).
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What /metrics gives, by the contract: name and labels. A histogram has three series. */
const METRICS = {
  up: [],
  process_resident_memory_bytes: [],
  process_cpu_seconds_total: [],
  process_start_time_seconds: [],
  process_open_fds: [],
  process_max_fds: [],
  bookable_sidecar_requests_total: ['route', 'method', 'status'],
  ...histogram('bookable_sidecar_request_duration_seconds', ['route']),
  ...histogram('bookable_sidecar_upstream_duration_seconds', ['route']),
  bookable_sidecar_in_flight_requests: [],
  bookable_sidecar_token_refreshes_total: ['outcome', 'reason'],
  bookable_sidecar_token_expires_at_seconds: [],
  ...histogram('bookable_sidecar_token_refresh_duration_seconds', []),
  bookable_sidecar_quota_remaining: [],
  bookable_sidecar_quota_limit: [],
  ...histogram('bookable_sidecar_quota_wait_seconds', ['lane']),
  bookable_sidecar_coalesced_total: [],
  bookable_sidecar_cache_total: ['outcome'],
  bookable_sidecar_repeats_total: ['outcome'],
  bookable_sidecar_build_info: ['version', 'node']
}
/** What Prometheus adds to each. */
const TARGET_LABELS = ['job', 'instance']
const OPERATORS = new Set(['and', 'or', 'unless', 'offset', 'bool'])

const mistakes = []
const read = name => readFileSync(new URL(name, import.meta.url), 'utf8')

const alerts = readAlerts(read('alerts.yaml'))
const queries = readDashboard(JSON.parse(read('dashboard.json')))

for (const { where, expr } of [...alerts, ...queries]) checkNames(where, expr)
checkThatAllParse(queries)
checkTests(alerts, read('alerts.test.yaml'))

for (const mistake of mistakes) console.error(mistake)
if (mistakes.length > 0) process.exit(1)
console.log(`alerts.yaml: ${alerts.length} alerts, each with a test; dashboard.json: ${queries.length} expressions parse; only metrics of the contract`)

function histogram (name, labels) {
  return { [`${name}_bucket`]: [...labels, 'le'], [`${name}_sum`]: labels, [`${name}_count`]: labels }
}

/** The expression of each alert. Not a YAML parser: takes the one shape that alerts.yaml has, and promtool reads the rest. */
function readAlerts (text) {
  const blocks = text.split(/^ +- alert: /m).slice(1)
  return blocks.map(block => {
    const name = block.slice(0, block.indexOf('\n'))
    const expr = /^( +)expr: \|\n((?:\1 .*\n)+)/m.exec(block)?.[2]
    if (expr === undefined) mistakes.push(`${name}: no expression in a block (expr: |)`)
    return { where: name, name, expr: expr ?? '' }
  })
}

/** The expressions of panels, annotations and variables, with Grafana's variables replaced. */
function readDashboard ({ uid, title, schemaVersion, panels, templating, annotations }) {
  // 37 is that of Grafana 9.5; below it, Grafana 10 would have to migrate it.
  if (!uid || !title || !(schemaVersion > 37)) mistakes.push('dashboard.json: uid, title or a schemaVersion above 37 is missing')
  const variables = templating.list.map(({ name }) => name)
  for (const name of ['datasource', 'job', 'instance']) {
    if (!variables.includes(name)) mistakes.push(`dashboard.json: variable ${name} is missing`)
  }
  if (new Set(panels.map(({ id }) => id)).size !== panels.length) mistakes.push('dashboard.json: two panels have one id')

  const shown = panels.flatMap(({ title, type, datasource, targets = [] }) => {
    if (type !== 'row' && targets.length === 0) mistakes.push(`${title}: asks for nothing`)
    if (type !== 'row' && datasource.uid !== '${datasource}') mistakes.push(`${title}: does not use the variable datasource`) // eslint-disable-line no-template-curly-in-string
    return targets.map(({ expr }) => ({ where: title, expr }))
  })
  const marked = annotations.list.filter(({ expr }) => expr !== undefined).map(({ name, expr }) => ({ where: name, expr }))
  for (const { where, expr } of [...shown, ...marked]) {
    if (!/job=~"\$job", instance=~"\$instance"/.test(expr)) mistakes.push(`${where}: does not obey the variables job and instance: ${expr}`)
  }
  // label_values(series, label): both must exist, and the series must parse.
  const listed = templating.list.filter(({ type }) => type === 'query').map(({ name, definition }) => {
    const [, series, label] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? []
    return { where: `variable ${name}`, expr: `count by (${label}) (${series})` }
  })
  return [...shown, ...marked, ...listed].map(({ where, expr }) => ({ where, expr: replaceVariables(where, expr) }))
}

function replaceVariables (where, expr) {
  const replaced = expr.replaceAll('$__rate_interval', '5m').replaceAll('"$job"', '".+"').replaceAll('"$instance"', '".+"')
  if (replaced.includes('$')) mistakes.push(`${where}: unknown variable in ${replaced}`)
  return replaced
}

/** A misspelt metric or label is no mistake to Prometheus: the panel is empty, the alert never fires. */
function checkNames (where, expr) {
  const known = new Set(TARGET_LABELS)
  const bare = expr
    .replace(/"[^"]*"/g, '""')
    .replace(/\[[^\]]*\]|\boffset \w+/g, '')
    .replace(/(\w+)\{([^}]*)\}/g, (_, metric, matchers) => {
      for (const [, label] of matchers.matchAll(/(\w+) *[=!]/g)) {
        const labels = [...TARGET_LABELS, ...METRICS[metric] ?? []]
        if (!labels.includes(label)) mistakes.push(`${where}: ${metric} has no label ${label}`)
      }
      return metric
    })
  const groupings = []
  const names = bare.replace(/\b(?:by|without|on|ignoring|group_left|group_right) *\(([^)]*)\)/g, (_, labels) => {
    groupings.push(...labels.split(',').map(label => label.trim()))
    return ''
  })
  for (const [, name, call] of names.matchAll(/([a-z_:][\w:]*)( *\()?/gi)) {
    if (call !== undefined || OPERATORS.has(name)) continue
    if (METRICS[name] === undefined) mistakes.push(`${where}: /metrics has no ${name}`)
    for (const label of METRICS[name] ?? []) known.add(label)
  }
  for (const label of groupings) {
    if (!known.has(label)) mistakes.push(`${where}: none of its metrics has the label ${label}`)
  }
}

/** Debian's promtool reads expressions in rule files only, so they become one. JSON strings are YAML strings. */
function checkThatAllParse (queries) {
  const folder = mkdtempSync(join(tmpdir(), 'bookable-sidecar-monitoring-'))
  try {
    const file = join(folder, 'rules.yaml')
    const rules = queries.map(({ where, expr }, i) => `  - { record: 'query:${i}', labels: { where: ${JSON.stringify(where)} }, expr: ${JSON.stringify(expr)} }`)
    writeFileSync(file, `groups:\n- name: dashboard\n  rules:\n${rules.join('\n')}\n`)
    execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    mistakes.push(`dashboard.json: ${error.stderr || error.message}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Expected to fire somewhere; that it does, promtool sees. */
function checkTests (alerts, tests) {
  const expected = new Set([...tests.matchAll(/labels: '[^']*alertname="(\w+)"/g)].map(([, name]) => name))
  for (const { name } of alerts) {
    if (!expected.has(name)) mistakes.push(`${name}: no test in which it fires`)
  }
}
