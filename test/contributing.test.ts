import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROOT = new URL('../', import.meta.url)
const DECISIONS = 'docs/decisions/'

const text = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
const decisions = readdirSync(new URL(DECISIONS, ROOT))
const pages = ['CONTRIBUTING.md', ...decisions.map(name => DECISIONS + name)]

t.test('every file that a page for contributors names is there', async t => {
  for (const page of pages) {
    const named = [...text(page).matchAll(/`((?:src|test|deploy|\.ci|\.github|dist)\/[\w./-]*)`/g)].map(([, path = '']) => new URL(path, ROOT))
    const linked = [...text(page).matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => new URL(link, new URL(page, ROOT)))
    for (const file of [...named, ...linked]) t.ok(file.pathname.endsWith('/dist/') || existsSync(file), `${page}: ${file.pathname}`)
  }
})

t.test('every npm script that they name exists', async t => {
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Readonly<Record<string, string>> }
  for (const page of pages) for (const [, name = ''] of text(page).matchAll(/npm run (\w+)/g)) t.ok(scripts[name], `${page}: ${name}`)
})

t.test('the index has each decision, numbered in a row', async t => {
  const numbered = decisions.filter(name => name !== 'README.md').sort()
  t.same([...text(`${DECISIONS}README.md`).matchAll(/^\| \[(\d+)\]\(([^)]+)\)/gm)].map(([, number, name]) => [Number(number), name]), numbered.map((name, i) => [i + 1, name]))
  for (const name of numbered) {
    t.match(text(DECISIONS + name), new RegExp(`^# ${Number(name.slice(0, 4))}\\. `), name)
    t.same([...text(DECISIONS + name).matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part), ['Context', 'Decision', 'Consequence', 'Figures'], name)
  }
})
