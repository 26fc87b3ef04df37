import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import { sourceCounts } from './source-counts.mjs'
import { statementsOf } from './statements.mjs'

/**
 * `npm run coverage`: runs the tests while V8 counts, in the program that they start too, and shows what of src/ did not run. Fails where that has no
 * stated reason, and where a reason is stated for what does run.
 */

const PROGRAM = 'dist/program.cjs'
const REASONS = 'test/uncovered.yaml'
/** For a file of tests: counting takes time. */
const TIMEOUT_S = 300
/** tap ignores it, and so does git. */
const COUNTS = resolve('.tap/counts')

function run (args, env) {
  return spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0
}

/** The lines of a source on which statements begin, each with whether all of them ran. */
function coverageOf (path, places = new Map()) {
  const text = readFileSync(path, 'utf8')
  const lines = new Map()
  for (const statement of statementsOf(text)) {
    const known = statement.places.filter(place => places.has(place))
    const hasRun = known.length > 0 && known.every(place => places.get(place))
    lines.set(statement.line, hasRun && lines.get(statement.line) !== false)
  }
  const sorted = [...lines].sort(([a], [b]) => a - b)
  return { path, ran: sorted.filter(([, hasRun]) => hasRun).length, all: sorted.length, gaps: gapsIn(path, text.split('\n'), sorted) }
}

/** What did not run, neighbours as one: where, and what it says. */
function gapsIn (path, text, lines) {
  const gaps = []
  let isOpen = false
  for (const [line, hasRun] of lines) {
    if (!hasRun && isOpen) gaps.at(-1).to = line
    else if (!hasRun) gaps.push({ from: line, to: line })
    isOpen = !hasRun
  }
  return gaps.map(({ from, to }) => ({ at: `${path}:${from + 1}${to > from ? `-${to + 1}` : ''}`, file: path, code: trimmed(text.slice(from, to + 1)) }))
}

const trimmed = lines => lines.map(line => line.trim()).filter(line => line !== '').join('\n')

const indented = text => text.trim().replace(/^/gm, '    ')

function row (path, ran, all) {
  return `${(Math.floor(1000 * ran / all) / 10).toFixed(1).padStart(5)} %  ${`${ran} of ${all}`.padStart(12)}  ${path}`
}

/** @returns whether everything that did not run has its reason, and every reason is one for something that did not, or `mayRun` */
function report (files) {
  console.log('\nLines that ran\n')
  for (const { path, ran, all } of files) console.log(row(path, ran, all))
  console.log(row('all of src', files.reduce((sum, { ran }) => sum + ran, 0), files.reduce((sum, { all }) => sum + all, 0)))

  const reasons = parse(readFileSync(REASONS, 'utf8')).map(({ code, ...rest }) => ({ code: trimmed(code.split('\n')), ...rest }))
  let isGood = true
  for (const { at, file, code } of files.flatMap(({ gaps }) => gaps)) {
    const i = reasons.findIndex(known => known.file === file && known.code === code)
    const [known] = i < 0 ? [] : reasons.splice(i, 1)
    console.log(`\n${at} did not run\n${indented(code)}\n${known?.reason.trim() ?? `NO REASON: test it, delete it, or say in ${REASONS} why it can be neither`}`)
    isGood &&= known !== undefined
  }
  const needless = reasons.filter(({ mayRun }) => mayRun !== true)
  for (const { file, code } of needless) console.log(`\n${file} has a reason for what ran, or is no more: take it out of ${REASONS}\n${indented(code)}`)
  return isGood && needless.length === 0
}

rmSync(COUNTS, { recursive: true, force: true })
if (!run(['scripts/build.mjs', '--source-map'])) process.exit(1)
try {
  // Some tests measure the time that counting takes too: that all of them pass, `npm test` tells.
  if (!run(['node_modules/tap/dist/esm/run.mjs', '--disable-coverage', '--reporter=terse', `--timeout=${TIMEOUT_S}`, ...process.argv.slice(2)], { NODE_V8_COVERAGE: COUNTS })) console.log('\nNot all tests passed: see npm test')
  const counts = sourceCounts(COUNTS, PROGRAM)
  const paths = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(path => /(?<!\.d)\.ts$/.test(path)).map(path => `src/${path.replaceAll('\\', '/')}`)
  const files = paths.map(path => coverageOf(path, counts.get(pathToFileURL(path).href))).filter(({ all }) => all > 0)
  files.sort((a, b) => a.ran / a.all - b.ran / b.all || (a.path < b.path ? -1 : 1))
  process.exitCode = report(files) ? 0 : 1
} finally {
  // As it is everywhere else: without a map, and with compiled code.
  if (!run(['scripts/build.mjs'])) process.exitCode = 1
}
