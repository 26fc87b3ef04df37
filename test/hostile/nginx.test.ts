import t from 'tap'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { converse, inBatches, inWords } from './helper.ts'
import { nginxVersion, startNginx, type NginxRequest } from './nginx.ts'
import { SHAPES, smuggled } from './shapes.ts'
import { HARMLESS, HOSTILE } from './targets.ts'

/** Far below what was counted: a table that has lost its bite falls below. */
const MIN_BITES = 50

const TARGETS = [...HOSTILE.map(({ target }) => target), ...HARMLESS]
const ROUTES = ['venues', 'bookings']

const request = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`

/** What the sidecar let through to nginx: the targets that nginx answered. */
async function sendThrough (apiUrl: string): Promise<string[]> {
  const { url, line, drain } = await startTestSidecar(t, { apiUrl })
  await line('token refreshed')
  const conversations = await inBatches(TARGETS, async target => converse(url, request(target)))
  await inBatches(SHAPES, async ({ request }, row) => converse(url, request(`/venues/shape-${row}`) + smuggled(`/venues/behind-${row}`)))
  await drain()
  return TARGETS.filter((_, row) => conversations[row]?.answers[0]?.code === undefined)
}

async function sendDirectly (nginxUrl: string): Promise<void> {
  await inBatches(TARGETS, async target => converse(nginxUrl, request(target)))
}

const landedIn = (requests: readonly NginxRequest[], ...places: readonly string[]): NginxRequest[] => requests.filter(({ where }) => places.includes(where))

const without = (targets: readonly string[], others: readonly string[]): string[] => targets.filter(target => !others.includes(target)).map(inWords)

const version = nginxVersion()
if (version === undefined && process.env.CI === 'true') {
  t.fail('nginx is not installed: apt-get install -y --no-install-recommends nginx')
} else if (version === undefined) {
  t.test('what nginx makes of what the sidecar lets through', { skip: 'nginx is not installed: apt-get install -y --no-install-recommends nginx' }, async () => {})
} else {
  t.comment(version)
  const behind = await startNginx(t)
  const letThrough = { merging: await sendThrough(behind.merging), keeping: await sendThrough(behind.keeping) }
  const seen = await behind.stop()

  const bare = await startNginx(t)
  await Promise.all([sendDirectly(bare.merging), sendDirectly(bare.keeping)])
  const seenDirectly = await bare.stop()

  for (const [how, kind] of [['merges slashes', 'merging'], ['keeps slashes', 'keeping']] as const) {
    t.test(`an nginx that ${how} serves nothing that the sidecar lets through but below the routes`, async t => {
      t.same(seen[kind].filter(({ where }) => !ROUTES.includes(where)), [])
    })

    t.test(`an nginx that ${how} gets each target that the sidecar lets through once, byte for byte, and no other request`, async t => {
      const got = seen[kind].map(({ target }) => target)
      t.same(without(got, letThrough[kind]), [], 'nothing else came')
      t.same(without(letThrough[kind], got), [], 'nothing was lost or changed')
      t.equal(got.length, letThrough[kind].length)
      t.same(without(HARMLESS, got), [], 'all harmless ones came')
    })

    t.test(`the table bites: sent straight to an nginx that ${how}, many of the targets lead to where they aim`, async t => {
      const bites = landedIn(seenDirectly[kind], 'operators', 'webhooks')
      t.ok(bites.length >= MIN_BITES, `${bites.length} of ${TARGETS.length}`)
      const hidden = bites.filter(({ target }) => !/^\/(operators|webhooks)/.test(target))
      t.ok(hidden.length >= MIN_BITES / 2, `${hidden.length} of them do not say so`)
    })
  }
}
