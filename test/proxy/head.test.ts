import t from 'tap'
import { readHead, upstreamHeaders } from '../../src/proxy/head.ts'

const NONE = { isKeyed: false, partnerReference: undefined, bookingSource: undefined }

t.test('headers keep their order, spelling and repetitions', async t => {
  const raw = ['Accept', 'a', 'X-Odd', '1', 'accept', 'b', 'x-ODD', '2']
  t.same(readHead(raw).forwarded, raw)
})

for (const name of [
  'Connection', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'Proxy-Authenticate', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade',
  'Expect', 'Host', 'Content-Length', 'Authorization', 'authorization', 'X-Correlation-ID'
]) {
  t.test(`the app's own ${name} does not go up`, async t => {
    t.same(readHead([name, 'x', 'Accept', 'y']).forwarded, ['Accept', 'y'])
  })
}

t.test('what Connection names does not go up, wherever it stands', async t => {
  t.same(readHead(['X-Hop', '1', 'Connection', 'close, X-HOP', 'X-End', '2', 'x-hop', '3', 'connection', 'x-end']).forwarded, [])
})

t.test('an app cannot remove our headers by naming them in Connection', async t => {
  const head = readHead(['Connection', 'authorization, x-correlation-id, content-length', 'Content-Length', '3'])
  t.same(upstreamHeaders(head, 'id', NONE), ['X-Correlation-ID', 'id', 'Content-Length', '3'])
})

t.test('partner headers are added only where the app sent none', async t => {
  const added = { isKeyed: false, partnerReference: 'P', bookingSource: 'api' }
  t.same(upstreamHeaders(readHead([]), 'id', added), ['X-Correlation-ID', 'id', 'X-Partner-Reference', 'P', 'X-Booking-Source', 'api'])
  const own = ['X-Partner-Reference', 'mine', 'x-booking-source', 'email']
  t.same(upstreamHeaders(readHead(own), 'id', added), [...own, 'X-Correlation-ID', 'id'])
})

for (const [raw, hasBody, contentLength] of [
  [[], false, undefined],
  [['Content-Length', '0'], false, 0],
  [['Content-Length', '5'], true, 5],
  [['Transfer-Encoding', 'chunked'], true, undefined]
] as const) {
  t.test(`a request with ${raw.join(': ') || 'neither length nor encoding'} has ${hasBody ? 'a' : 'no'} body`, async t => {
    t.match(readHead(raw), { hasBody, contentLength })
  })
}
