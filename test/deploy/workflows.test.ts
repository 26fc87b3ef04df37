import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'

interface Step { readonly uses?: string, readonly run?: string }

interface Job {
  readonly uses?: string
  readonly steps?: readonly Step[]
  readonly 'timeout-minutes'?: number
  readonly permissions?: Readonly<Record<string, string>>
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const FOLDER = new URL('../../.github/workflows/', import.meta.url)

const workflows = readdirSync(FOLDER).map(file => ({ file, ...parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Workflow }))
const jobs = workflows.flatMap(({ file, jobs }) => Object.entries(jobs).map(([id, job]) => ({ at: `${file} ${id}`, ...job })))
const steps = jobs.flatMap(({ at, steps = [] }) => steps.map(step => ({ at, ...step })))

t.test('a workflow may read this repository, and what more a job needs it says itself', async t => {
  for (const { file, permissions } of workflows) t.same(permissions, { contents: 'read' }, file)
  const more = jobs.flatMap(({ at, permissions = {} }) => Object.entries(permissions).filter(([, may]) => may === 'write').map(([what]) => `${at}: ${what}`))
  t.same(more, ['release.yml npm: id-token', 'release.yml image: packages', 'release.yml image: id-token'])
})

t.test('every action is of a version, and no secret is kept', async t => {
  for (const { at, uses } of steps) if (uses !== undefined) t.match(uses, /^[\w-]+\/[\w-]+@(v\d+|[0-9a-f]{40})$/, at)
  for (const { file } of workflows) t.notMatch(readFileSync(new URL(file, FOLDER), 'utf8'), /\$\{\{\s*secrets\./, file)
})

t.test('no expression is written into a script, which whoever names a branch could write then', async t => {
  for (const { at, run = '' } of steps) t.notMatch(run, /\$\{\{/, at)
})

t.test('every job has a limit', async t => {
  for (const job of jobs) if (job.uses === undefined) t.ok(job['timeout-minutes'], job.at)
})

t.test('nothing is released before .ci/run passed', async t => {
  const [ci, release] = ['ci.yml', 'release.yml'].map(name => workflows.find(({ file }) => file === name))
  t.ok(ci?.jobs.checks?.steps?.some(({ run }) => run === '.ci/run'))
  t.equal(release?.jobs.checks?.uses, './.github/workflows/ci.yml')
  for (const id of ['npm', 'image']) t.match(release?.jobs[id], { needs: ['version', 'checks'] }, id)
})
