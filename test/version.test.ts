import { readFileSync } from 'node:fs'
import t from 'tap'
import { VERSION } from '../src/version.ts'

const text = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

t.test('the program, its package and the lockfile are of one version', async t => {
  for (const path of ['package.json', 'package-lock.json']) t.equal((JSON.parse(text(path)) as { version: string }).version, VERSION, path)
})

t.test('the latest version of the changelog is that of the package, below what is not yet released', async t => {
  const headings = [...text('CHANGELOG.md').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  t.equal(headings[0], '[Unreleased]')
  t.match(headings[1], new RegExp(`^\\[${VERSION.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`))
})
