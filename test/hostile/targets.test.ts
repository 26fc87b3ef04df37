import t from 'tap'
import { recorder, valuesOf } from '../helpers/http.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'
import { converse, inBatches, inWords } from './helper.ts'
import { isBelow, READINGS } from './readings.ts'
import { HARMLESS, HOSTILE } from './targets.ts'

/** The reading of a server that looks no closer. */
const PLAINLY = 'as it stands'

const aimsTrue = (landed: string): boolean => isBelow(landed, '/operators') || isBelow(landed, '/webhooks')

/** Sends all targets to one sidecar, each marked, and tells what came of each: the answer, and the target in which it reached the API. */
async function send (targets: readonly string[]) {
  const { seen, api } = recorder()
  const { url, line } = await startTestSidecar(t, { api })
  await line('token refreshed')
  const conversations = await inBatches(targets, async (target, row) =>
    converse(url, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nX-Row: ${row}\r\nConnection: close\r\n\r\n`))
  const outcomes = conversations.map(({ answers, ended }, row) => ({
    statuses: answers.map(({ status }) => status),
    code: answers[0]?.code,
    ended,
    reached: seen.filter(({ headers }) => valuesOf(headers, 'x-row')[0] === String(row)).map(({ url }) => url)
  }))
  return { outcomes, requests: seen.length }
}

const hostile = await send(HOSTILE.map(({ target }) => target))
const harmless = await send(HARMLESS)

t.test('the table has at least 150 hostile targets, no two alike', async t => {
  const distinct = new Set(HOSTILE.map(({ target }) => target))
  t.equal(distinct.size, HOSTILE.length)
  t.ok(distinct.size >= 150, `${distinct.size} targets`)
})

for (const [row, { group, target }] of HOSTILE.entries()) {
  t.test(`${group}: ${inWords(target)} is refused, or stays below its prefix however the API reads it`, async t => {
    const outcome = hostile.outcomes[row]
    if (outcome?.statuses[0] === 200) {
      t.same(outcome.reached, [target])
      const prefix = target.startsWith('/venues') ? '/venues' : '/bookings'
      for (const [how, read] of Object.entries(READINGS)) t.ok(isBelow(read(target), prefix), `read ${how} it is ${inWords(read(target))}`)
    } else {
      t.same(outcome?.reached, [])
      t.same(outcome?.statuses, [outcome?.code === 'PROXY-N-001' ? 404 : 400])
      t.match(outcome?.code, /^PROXY-N-00[16]$/)
      t.equal(outcome?.ended, 'closed')
    }
  })
}

t.test('no request reached the API but those that were answered by it', async t => {
  t.equal(hostile.requests, hostile.outcomes.filter(({ statuses }) => statuses[0] === 200).length)
})

for (const [how, read] of Object.entries(READINGS)) {
  t.test(`the readings can tell: ${how}, some target leads to where it aims${how === PLAINLY ? '' : ' that does not say so'}`, async t => {
    const hits = HOSTILE.filter(({ target }) => aimsTrue(read(target)) && (how === PLAINLY || !aimsTrue(target)))
    t.ok(hits.length > 0, `${hits.length} of ${HOSTILE.length}`)
  })
}

for (const [row, target] of HARMLESS.entries()) {
  t.test(`the harmless ${inWords(target)} reaches the API byte for byte`, async t => {
    t.same(harmless.outcomes[row], { statuses: [200], code: undefined, ended: 'closed', reached: [target] })
  })
}
