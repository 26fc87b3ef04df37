import { createHash } from 'node:crypto'
import t from 'tap'
import { pageHeaders, renderPage } from '../../src/admin/page.ts'
import type { Status } from '../../src/admin/status.ts'
import { at, FRESH, HOSTILE, NOW_MS, sample, STATES } from './samples.ts'

/** The words of the page, as they are read. */
function wordsOf (status: Status, isPaused = false): string {
  return plain(renderPage(status, NOW_MS, isPaused).replace(/<(head|svg)[ >].*?<\/\1>/gs, ' '))
}

/** What is read of the first thing that the page tells. */
function verdictOf (status: Status): string {
  return plain(/<header.*?<\/header>/s.exec(renderPage(status, NOW_MS))?.[0] ?? '')
}

function plain (markup: string): string {
  return markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
}

for (const [name, { status, headline }] of Object.entries(STATES)) {
  t.test(`the title and the one h1 tell the state: ${name}`, async t => {
    const page = renderPage(status, NOW_MS)
    const escaped = headline.replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
    t.ok(page.includes(`<title>${escaped}`))
    t.equal(page.split('<h1>').length, 2)
    t.ok(page.includes(`<h1>${escaped}`))
  })

  t.test(`the page has no script, no style attribute, no outside address and no id twice in the state: ${name}`, async t => {
    const page = renderPage(status, NOW_MS)
    t.notMatch(page, /<script|<img|<[^>]* (?:style|on[a-z]+|src)=/i)
    for (const [, href = ''] of page.matchAll(/ href="([^"]*)"/g)) t.match(href, /^(?:#[A-Z0-9-]+|status|metrics|readyz|\?paused|\.\/|data:image\/svg\+xml,.*)$/)
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    t.same(ids, [...new Set(ids)])
    for (const [, references = ''] of page.matchAll(/ aria-labelledby="([^"]*)"/g)) t.same(references.split(' ').filter(id => !ids.includes(id)), [])
    for (const [, anchor] of page.matchAll(/ href="#([^"]*)"/g)) t.ok(ids.includes(anchor))
    t.notMatch(page, /NaN|Infinity|undefined|null|\[object/)
  })
}

t.test('a working sidecar says where requests go, and how long the token is good', async t => {
  t.match(verdictOf(sample()), 'Working Requests go to https://api.bookabletech.com with a token that is valid for another 41 min.')
  const words = wordsOf(sample())
  for (const part of [
    '41 min left', 'Valid until in 41 min 10:23:09', 'Refresh due in 40 min 10:21:55', 'venue:read booking:write',
    '62 of 200 used', 'Resets in 48 s 09:42:00', 'Waiting no request',
    'Answered 2 s ago', 'Last failure 6 min ago 09:34:30 Bookable did not answer in time UPSTR-R-002',
    'Requests 874 at most 142 a minute', 'Errors 7 0.8 % of the requests', 'Latency 46 ms median, 95 % below 118 ms',
    'Requests 128,417 In flight now 3 Own errors 57 5xx of the API 12',
    'bookable-sidecar 1.0.0, up 3 days 5 h, since 2026-03-14 04:05:30 . All times are UTC.'
  ]) t.ok(words.includes(part), part)
})

t.test('the last own errors are told with time, problem, status, request and correlation id', async t => {
  const words = wordsOf(sample())
  t.ok(words.includes('09:39:34 1 min ago PROXY-N-001 No such route Status 404 GET no route 5f0c5f5e-27d1-4a0d-9a52-6a3f0c0e8b11'))
  t.ok(words.includes('09:33:37 7 min ago UPSTR-N-001 Outcome unknown Status 504 POST /bookings 0d8a2f0e-3d65-4b1b-8a4e-2f6f1f5b7c90'))
})

t.test('each code is explained once, with what to do', async t => {
  const words = wordsOf(sample())
  t.equal(words.split('The API took a read but did not answer it within UPSTREAM_TIMEOUT_MS.').length, 2)
  t.ok(words.includes('Look the booking up before sending the request again: it may exist already.'))
})

t.test('until a first token came it asks for patience instead of raising an alarm', async t => {
  t.match(verdictOf(STATES.starting.status), /asked and has not answered yet. What to do: Wait some seconds\. If it lasts, check BOOKABLE_TOKEN_URL/)
  t.ok(wordsOf(STATES.starting.status).includes('Fetching the first one'))
})

t.test('refused credentials are told with the settings to check, and when it tries again', async t => {
  t.match(verdictOf(STATES['credentials refused'].status),
    'refuses the client credentials (access_denied). Apps get TOKEN-N-001 until a token comes. It tries again by itself in 28 s. ' +
    'What to do: Check BOOKABLE_CLIENT_ID, BOOKABLE_CLIENT_SECRET and BOOKABLE_ENVIRONMENT.')
  t.ok(wordsOf(STATES['credentials refused'].status).includes('None yet Last failure 2 s ago 09:41:10 The token endpoint refuses the client credentials (access_denied). TOKEN-N-001 Next try in 28 s'))
})

t.test('an expired token whose refresh fails is told as not ready, with advice for operators instead of apps', async t => {
  const verdict = verdictOf(STATES['token expired'].status)
  t.match(verdict, /The token endpoint cannot be reached\. Apps get TOKEN-R-001 until a token comes\. It tries again by itself in 9 s\. What to do: Nothing for a minute/)
  t.notMatch(verdict, /Retry-After/)
  t.ok(wordsOf(STATES['token expired'].status).includes('Expired, and not sent any more'))
})

t.test('a refresh that fails while the token is valid is a warning that says how long it serves', async t => {
  t.match(verdictOf(STATES['refresh failing'].status), 'The token endpoint cannot be reached. The current token serves for another 40 s; after that apps get TOKEN-R-001. What to do:')
})

t.test('an API whose last word was a failure is a warning, and one that answered since is none', async t => {
  t.match(verdictOf(STATES['api unreachable'].status), /failed 3 s ago \(UPSTR-R-001, bookable unreachable\)/i)
  t.match(verdictOf(sample()), /Working Requests/)
})

for (const [errors, requests, headline] of [[2, 2, 'Working'], [3, 3, 'Working, but most requests fail'], [3, 6, 'Working, but most requests fail'], [3, 7, 'Working']] as const) {
  t.test(`${errors} errors in ${requests} requests of the last minutes are: ${headline}`, async t => {
    const minute = { startsAt: at(-60), requests: 0, errors: 0, p50Ms: null, p95Ms: null }
    const page = renderPage(sample({ minutes: [{ ...minute, requests: 90, errors: 90 }, { ...minute, requests, errors }, minute] }), NOW_MS)
    t.ok(page.includes(`<h1>${headline}</h1>`))
  })
}

t.test('a spent quota is a warning with the time of the reset, until that time has come', async t => {
  t.match(verdictOf(STATES['quota spent'].status), /All 200 requests of this window are used\. The next one starts in 23 s; until then requests wait, or apps get 429\./)
  t.ok(wordsOf(STATES['quota spent'].status).includes('200 of 200 used'))
  t.ok(wordsOf(STATES['quota spent'].status).includes('Waiting 1 write, 6 lists'))
  const past = sample({ quota: { limit: 200, remaining: 0, resetsAt: at(0), waiting: { write: 0, read: 0, list: 0 }, fleet: null } })
  t.match(verdictOf(past), /Working Requests/)
  t.ok(wordsOf(past).includes('Resets with the next answer'))
})

t.test('in a fleet it is told how many share the quota, and whether this one goes alone', async t => {
  t.notMatch(wordsOf(sample()), 'Shared by')
  const quota = (sidecars: number, isAlone: boolean): Pick<Status, 'quota'> => ({ quota: { limit: 200, remaining: 138, resetsAt: at(48), waiting: { write: 0, read: 0, list: 0 }, fleet: { sidecars, isAlone } } })
  t.ok(wordsOf(sample(quota(4, false))).includes('Shared by 4 sidecars in one count'))
  t.ok(wordsOf(sample(quota(1, false))).includes('Shared by 1 sidecar in one count'))
  t.ok(wordsOf(sample(quota(4, true))).includes('Shared by 4 sidecars this one goes alone, on an even share'))
  const redis = { state: 'away', since: at(-7), reason: 'full', detail: 'OOM' } as const
  t.match(verdictOf(sample({ redis })), /\(full: OOM\)\. This sidecar goes on by itself\. /)
  t.match(verdictOf(sample({ redis, ...quota(4, true) })), /\(full: OOM\)\. This sidecar goes on by itself, with an even share of the quota\. /)
})

t.test('all that is wrong at once is told, the worst first', async t => {
  const verdict = verdictOf(sample({ token: STATES['refresh failing'].status.token, quota: STATES['quota spent'].status.quota }))
  t.match(verdict, /Working, but the token cannot be refreshed .*The token endpoint cannot be reached.*All 200 requests/)
})

t.test('what coalescing and the cache saved is told, for the day that runs', async t => {
  t.ok(wordsOf(sample()).includes('Saved 1,240 of 2,000 requests today by coalescing and cache'))
})

t.test('a quota that nobody told yet, and a limit of nothing, are no numbers out of thin air', async t => {
  t.ok(wordsOf(sample({ quota: null })).includes('Quota Not known yet The API has not told one yet.'))
  t.ok(wordsOf(sample({ quota: { limit: 0, remaining: 0, resetsAt: at(5), waiting: { write: 0, read: 0, list: 0 }, fleet: null } })).includes('0 of 0 used'))
})

t.test('a drain says how many requests it finishes first', async t => {
  t.match(verdictOf(STATES.draining.status), 'Shutting down It was asked to stop, and finishes 3 requests first.')
  const idle = sample({ ...STATES.draining.status, counts: { inFlight: 0, requests: 1, ownErrors: 0, upstreamErrors: 0 } })
  t.match(verdictOf(idle), 'no request is running any more')
})

t.test('before the first request there are no errors, no latency and no failures', async t => {
  const words = wordsOf(STATES.unused.status)
  for (const part of ['Requests None no app has called', 'Errors None no request failed', 'Latency – no request to measure', 'Not asked yet', 'Last own errors None since the start.']) t.ok(words.includes(part), part)
  t.ok(wordsOf(sample({ minutes: [] })).includes('Requests None'))
})

t.test('charts tell in words what they draw', async t => {
  const page = renderPage(sample(), NOW_MS)
  for (const words of [
    'Requests a minute</title><desc id="requests-chart-d">874 requests in the last 15 minutes, at most 142 a minute.',
    'Errors a minute</title><desc id="errors-chart-d">7 errors in the last 15 minutes, 0.8 % of the requests.',
    'In the slowest minute 95 % were below 348 ms.',
    '<title>09:33 UTC: 142 requests</title>',
    '30 % of its 1 h have passed. The mark is where the refresh is due, in 40 min.',
    '62 of 200 requests of this window are used.'
  ]) t.ok(page.includes(words), words)
})

t.test('the minutes are also a table, newest first', async t => {
  t.match(wordsOf(sample()), /These minutes as a table .* 09:41 so far 12 0 44 ms 109 ms 09:40 47 0 46 ms 118 ms .* 09:33 142 3 88 ms 348 ms/)
})

t.test('a minute without requests breaks the line, and one alone is a dot', async t => {
  const minute = (p50Ms: number | null) => ({ startsAt: at(-60), requests: 1, errors: 0, p50Ms, p95Ms: p50Ms })
  const page = renderPage(sample({ minutes: [minute(10), minute(10), minute(null), minute(10)] }), NOW_MS)
  t.match(page, /class="line solid" d="M37.5 4h0L112.5 4M262.5 4h0"/)
})

t.test('whatever comes from elsewhere is text: markup, quotes and controls too', async t => {
  const page = renderPage(STATES.hostile.status, NOW_MS)
  t.notOk(page.includes(HOSTILE.slice(0, 10)))
  t.ok(page.includes('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;&#39;\\x07\\x9b'))
  t.notMatch(page, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/) // eslint-disable-line no-control-regex -- they are what must not be there
})

t.test('a date of another day is shown with its day, and a duration never longer than it is', async t => {
  const expiring = (seconds: number): string => wordsOf(sample({ token: { ...FRESH, expiresAt: at(seconds) } }))
  for (const [seconds, words] of [
    [1, '1 s left'], [59, '59 s left'], [60, '1 min left'], [3599, '59 min left'], [3600, '1 h left'], [5400, '1 h 30 min left'],
    [86_399, '23 h 59 min left'], [86_400, '1 day left'], [180_000, '2 days 2 h left'], [60_000, 'Valid until in 16 h 40 min 2026-03-18 02:21:12']
  ] as const) t.ok(expiring(seconds).includes(words), words)
})

t.test('the page refreshes itself every ten seconds, until it is paused', async t => {
  t.ok(renderPage(sample(), NOW_MS).includes('<meta http-equiv="refresh" content="10">'))
  t.ok(wordsOf(sample()).includes('as of 09:41:12 UTC, refreshed every 10 s. Pause'))
  t.notOk(renderPage(sample(), NOW_MS, true).includes('http-equiv'))
  t.ok(wordsOf(sample(), true).includes('as of 09:41:12 UTC, paused. Resume'))
})

t.test('the headers allow the page its own styles and nothing else', async t => {
  const styles = /<style>(.*?)<\/style>/s.exec(renderPage(sample(), NOW_MS))?.[1] ?? ''
  const hash = createHash('sha256').update(styles).digest('base64')
  t.same(pageHeaders(), {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store'
  })
})

t.test('the page is small', async t => {
  t.ok(Buffer.byteLength(renderPage(sample(), NOW_MS)) < 40_000)
})
