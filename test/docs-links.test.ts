import { existsSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fileOf, PAGES, textOf } from './helpers/docs.ts'

/** What is said in a page but in no code, where brackets and signs mean something else. */
const prose = (path: string): string => textOf(path).replace(/^```[^]*?^```$/gm, '')

/** The anchors of a page as GitHub makes them of its headings. */
function anchorsOf (path: string): string[] {
  return [...prose(path).matchAll(/^#+ (.+)$/gm)]
    .map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(' ', '-'))
}

/** Where the links and images of a page lead, as they are written. */
const linksOf = (path: string): string[] => [...prose(path).replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)

/** Every page that can be reached from these by links. */
function reachable (): string[] {
  const found = new Set(PAGES)
  for (const path of found) {
    for (const { target } of within(path)) if (target.endsWith('.md') && existsSync(fileOf(target))) found.add(target)
  }
  return [...found]
}

/** The links of a page that stay in this repository: the path below it, and the anchor. */
function within (path: string): Array<{ link: string, target: string, anchor: string }> {
  return linksOf(path).filter(link => !link.startsWith('https://')).map(link => {
    const [file = '', anchor = ''] = link.split('#')
    return { link, target: file === '' ? path : posix.join(posix.dirname(path), file), anchor }
  })
}

t.test('every link of every page leads to a file, and every anchor to a heading', async t => {
  for (const path of reachable()) {
    for (const { link, target, anchor } of within(path)) {
      t.ok(!target.startsWith('..') && existsSync(fileOf(target)), `${path}: ${link}`)
      if (anchor !== '') t.ok(anchorsOf(target).includes(anchor), `${path}: ${link}`)
    }
    for (const link of linksOf(path).filter(link => /^[a-z]+:/.test(link))) t.ok(link.startsWith('https://') && URL.canParse(link), `${path}: ${link}`)
  }
})

t.test('the package has every page and picture of docs/ that a page of it shows', async t => {
  const listing = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: fileURLToPath(fileOf('')), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [{ files }] = JSON.parse(listing) as [{ files: Array<{ path: string }> }]
  const shown = new Set(PAGES.flatMap(within).map(({ target }) => target).filter(target => target.startsWith('docs/') && /\.\w+$/.test(target)))
  t.ok(shown.size > 10)
  t.same([...shown].filter(target => !files.some(({ path }) => path === target)), [])
})
