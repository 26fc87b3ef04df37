import { inspect } from 'node:util'
import t from 'tap'
import { Markers } from './markers.ts'

const markers = new Markers()
const value = markers.plant('a place')

for (const [way, text] of [
  ['as it is', `x${value}x`],
  ['in JSON, twice', JSON.stringify({ log: JSON.stringify({ value }) })],
  ['in a URL', `https://a.example/?x=${encodeURIComponent(value)}`],
  ['in a form', new URLSearchParams({ value }).toString()],
  ['in upper case', value.toUpperCase()],
  ['cut short', value.slice(0, 20)],
  ['in base64', Buffer.from(value).toString('base64')],
  ['in base64, with something before it', Buffer.from(`user:${value}`).toString('base64')],
  ['in base64url, with something around it', Buffer.from(`{"a":${value}}`).toString('base64url')],
  ['in hex', Buffer.from(value).toString('hex')],
  ['as a Buffer in JSON', JSON.stringify(Buffer.from(value))],
  ['as a Buffer that is inspected', inspect(Buffer.from(value))]
] as const) {
  t.test(`a marker is found ${way}`, async t => {
    t.same(markers.foundIn(`before ${text} after`), ['a place'])
  })
}

t.test('a marker is found only where it is', async t => {
  t.same(markers.foundIn('nothing of the sort'), [])
  t.not(markers.plant('another place'), value)
  t.equal(markers.plant('a place'), value)
})
