import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import t from 'tap'
import { pageHeaders, renderPage } from '../../src/admin/page.ts'
import { call } from '../helpers/http.ts'
import { json, startServer, type Teardown } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { NOW_MS, sample, STATES } from './samples.ts'

const CHROMIUM = '/usr/bin/chromium'
const AUDIT = readFileSync(new URL('./audit.js', import.meta.url), 'utf8')
const THEMES = ['light', 'dark'] as const
const WIDTHS = [['wide', 1280], ['tablet', 800], ['narrow', 360]] as const

/** The page in every state, by path, with the headers of the real one. */
async function startPages (t: Teardown) {
  const asked: string[] = []
  const headers = pageHeaders()
  const origin = await startServer(t, (req, res) => {
    asked.push(req.url ?? '')
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost')
    const found = Object.entries(STATES).find(([name]) => `/${encodeURIComponent(name)}` === pathname)
    if (found === undefined) return json(res, 404, {})
    res.writeHead(200, headers)
    const page = renderPage(found[1].status, NOW_MS, searchParams.has('paused'))
    // Nobody wants to watch ten seconds go by.
    res.end(searchParams.has('soon') ? page.replace('content="10"', 'content="2"') : page)
  })
  return { origin, asked }
}

/** A page, paused where it must hold still on a busy machine, and all that it should not do: say something on the console, break its policy, ask for anything but itself. */
async function open (browser: Browser, url: string, { theme = 'light', width = 1280, height = 800 }: { theme?: 'light' | 'dark', width?: number, height?: number } = {}) {
  const page = await browser.newPage({ colorScheme: theme, viewport: { width, height } })
  const complaints: string[] = []
  page.on('console', message => complaints.push(`console: ${message.text()}`))
  page.on('pageerror', error => complaints.push(`error: ${error.message}`))
  page.on('request', request => { if (request.url() !== url) complaints.push(`request: ${request.url()}`) })
  await page.addInitScript('addEventListener("securitypolicyviolation", event => console.error(event.violatedDirective))')
  await page.goto(url)
  return { page, complaints }
}

/** The names of what Tab reaches, in this order. */
async function focusOrder (page: Page): Promise<unknown[]> {
  const names: unknown[] = []
  for (;;) {
    await page.keyboard.press('Tab')
    const name = await page.evaluate('document.activeElement === document.body ? null : getComputedStyle(document.activeElement).outlineStyle === "solid" ? document.activeElement.textContent : "nothing shows the focus"')
    if (name === null || names.length > 50) return names
    names.push(name)
  }
}

if (!existsSync(CHROMIUM) && process.env.CI === undefined) {
  t.test('the page in real Chromium', { skip: `no ${CHROMIUM}: apt-get install --no-install-recommends chromium` }, async () => {})
} else {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  t.teardown(async () => browser.close())
  t.comment(`Chromium ${browser.version()}`)

  const { origin, asked } = await startPages(t)

  t.test('it refreshes itself, and stays where the reader was', { buffered: true }, async t => {
    const { page } = await open(browser, `${origin}/working?soon`, { width: 360, height: 400 })
    const anew = page.waitForEvent('load')
    await page.evaluate('scrollTo(0, 300)')
    await anew
    t.equal(await page.evaluate('scrollY'), 300)
    t.ok(asked.filter(path => path === '/working?soon').length >= 2)
    await page.close()
  })

  t.jobs = 4

  for (const [name, { headline }] of Object.entries(STATES)) {
    t.test(`in every theme and width it is readable, well named and quiet: ${name}`, { buffered: true }, async t => {
      const { page, complaints } = await open(browser, `${origin}/${encodeURIComponent(name)}?paused`)
      t.ok((await page.title()).startsWith(headline))
      t.ok((await page.getByRole('heading', { level: 1 }).textContent())?.startsWith(headline))
      await page.evaluate('document.querySelector("details").open = true')
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme })
        for (const [, width] of WIDTHS) {
          await page.setViewportSize({ width, height: 800 })
          t.same(await page.evaluate(AUDIT), [], `${colorScheme}, ${width} wide`)
        }
      }
      t.same(complaints, [])
      await page.close()
    })
  }

  t.test('the audit sees what it is there to see', { buffered: true }, async t => {
    const { page } = await open(browser, `${origin}/working?paused`, { width: 360 })
    await page.evaluate(`
      const style = new CSSStyleSheet()
      style.replaceSync('dt { color: #999 } h3 { width: 400px }')
      document.adoptedStyleSheets = [style]
      document.querySelector('.chart').removeAttribute('aria-labelledby')
      document.querySelector('h2').outerHTML = '<h4>Access token</h4>'`)
    const found = String(await page.evaluate(AUDIT))
    for (const complaint of [/"State" has a contrast of 2.85/, /a H3 reaches beyond/, /a graphic has no name/, /a heading skips from 1 to 4/, /not named by its own heading/]) t.match(found, complaint)
    await page.close()
  })

  t.test('the keyboard reaches all links in reading order, and shows where it is', { buffered: true }, async t => {
    const { page } = await open(browser, `${origin}/working?paused`)
    t.same(await focusOrder(page), [
      'Resume', 'These minutes as a table', ...sample().recentErrors.map(({ code }) => code), 'Status as JSON', 'Metrics', 'Readiness'
    ])
    await page.close()
  })

  for (const [, width] of WIDTHS) {
    t.test(`a screen reader gets landmarks and tables, ${width} wide`, { buffered: true }, async t => {
      const { page } = await open(browser, `${origin}/working?paused`, { width })
      for (const role of ['banner', 'main', 'contentinfo', 'navigation'] as const) t.equal(await page.getByRole(role).count(), 1, role)
      const table = page.getByRole('table', { name: 'Last own errors' })
      t.equal(await table.getByRole('row').count(), 6)
      t.equal(await table.getByRole('columnheader').count(), 5)
      t.equal(await table.getByRole('cell').count(), 25)
      t.equal(await page.getByRole('region', { name: 'Access token' }).count(), 1)
      t.equal(await page.getByRole('img', { name: /^Requests a minute 874 requests/ }).count(), 1)
      await page.getByText('These minutes as a table').click()
      t.equal(await page.getByRole('row', { name: '09:33 142 3 88 ms 348 ms' }).count(), 1)
      await page.close()
    })
  }

  t.test('of a real sidecar it shows what its requests met, and pauses and resumes', { buffered: true }, async t => {
    const { url, adminUrl, line, requestLine } = await startTestSidecar(t)
    await line('token refreshed')
    await call(url, '/venues')
    await call(url, '/elsewhere', { headers: { 'x-correlation-id': 'till-9-0123456789' } })
    await requestLine(2)
    const { page, complaints } = await open(browser, `${adminUrl}/`)
    t.equal(await page.title(), 'Working – bookable-sidecar')
    t.equal(await page.getByRole('row', { name: /PROXY-N-001 No such route .*404 GET no route till-9-0123456789/ }).count(), 1)
    t.same(await page.evaluate(AUDIT), [])
    t.same(complaints, [])
    await page.getByRole('link', { name: 'Pause' }).click()
    t.equal(await page.locator('meta[http-equiv]').count(), 0)
    for (const [name, text] of [['Readiness', '"ok"'], ['Metrics', '# HELP'], ['Status as JSON', '"uptime"']] as const) {
      await page.getByRole('link', { name }).click()
      t.match(await page.locator('body').textContent(), text)
      await page.goBack()
    }
    await page.getByRole('link', { name: 'Resume' }).click()
    t.equal(await page.locator('meta[http-equiv]').count(), 1)
    await page.close()
  })

  t.test('it may not be framed', { buffered: true }, async t => {
    const frame = await startServer(t, (_req, res) => res.end(`<iframe src="${origin}/working"></iframe>`))
    const page = await browser.newPage()
    await page.goto(frame)
    t.equal(page.frames()[1]?.url(), 'chrome-error://chromewebdata/')
    t.equal(await page.frameLocator('iframe').getByText('Working').count(), 0)
    await page.close()
  })

  if (process.env.UPDATE_SCREENSHOTS !== undefined) {
    for (const theme of THEMES) {
      for (const [name, width] of [WIDTHS[0], WIDTHS[2]]) {
        t.test(`a screenshot, ${theme} and ${name}`, { buffered: true }, async t => {
          const { page } = await open(browser, `${origin}/working`, { theme, width })
          const file = new URL(`../../docs/status-page-${theme}-${name}.png`, import.meta.url)
          const png = await page.screenshot({ fullPage: true })
          // Of Debian's package pngquant: a fourth of the size, and no difference to see.
          writeFileSync(file, execFileSync('pngquant', ['--speed', '1', '--strip', '-'], { input: png }))
          t.ok(readFileSync(file).length < 150_000)
          await page.close()
        })
      }
    }
  }

  t.test('all that was asked of the server are the pages', async t => {
    t.same(asked.filter(path => !/^\/[a-z%0-9]+(?:\?paused|\?soon)?$/.test(path)), [])
  })
}
