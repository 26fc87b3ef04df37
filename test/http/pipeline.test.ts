import type { ServerResponse } from 'node:http'
import t from 'tap'
import { sendRaw } from '../helpers/servers.ts'
import { startTestSidecar } from '../helpers/sidecar.ts'

const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`

/** An API that answers when told. */
function holdingApi (count: number) {
  const held: ServerResponse[] = []
  let onAll: () => void
  const all = new Promise<void>(resolve => { onAll = resolve })
  return {
    all,
    answerAll: () => { for (const res of held) res.end(res.req.url) },
    api: (_req: unknown, res: ServerResponse) => { if (held.push(res) === count) onAll() }
  }
}

t.test('while leaving, an answer does not end a connection on which a later request is being served', async t => {
  const { all, answerAll, api } = holdingApi(2)
  const { url, drain } = await startTestSidecar(t, { api })
  const answers = sendRaw(url, get('/venues/1') + get('/venues/2'))
  await all
  const drained = drain()
  answerAll()
  const [first = '', second = ''] = (await answers).split(/(?=HTTP\/1\.1)/)
  t.match(first, /^HTTP\/1\.1 200 [^]*\/venues\/1$/)
  t.notMatch(first, /connection: close/i)
  t.match(second, /^HTTP\/1\.1 200 [^]*connection: close[^]*\/venues\/2$/i)
  t.equal(await drained, true)
})

for (const [what, text] of [
  ['a request with Connection: close', get('/venues/1', 'Connection: close\r\n')],
  ['a request of HTTP/1.0', 'GET /venues/1 HTTP/1.0\r\n\r\n']
]) {
  t.test(`what an app sends behind ${what} is nobody's, and does not cost it the answer`, async t => {
    const { all, answerAll, api } = holdingApi(1)
    const { url, log, requestLine } = await startTestSidecar(t, { api })
    const answers = sendRaw(url, `${text}${get('/venues/2')}\r\n\r\n`)
    await all
    answerAll()
    t.match(await answers, /^HTTP\/1\.1 200 [^]*\/venues\/1$/)
    t.match(await requestLine(), { status: 200 })
    t.equal(log.filter(({ msg }) => msg === 'request').length, 1)
  })
}

t.test('CONNECT behind a request whose answer is due is not answered in its place', async t => {
  const { api } = holdingApi(1)
  const { url, requestLine } = await startTestSidecar(t, { api })
  const answers = sendRaw(url, `${get('/venues/1')}CONNECT api.bookabletech.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  t.equal(await answers, '')
  t.match(await requestLine(), { status: 499 })
})
