import { inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../src/secret.ts'

const secret = new Secret('obviously-fake')

for (const [way, printed] of [
  ['string concatenation', `${secret}`],
  ['JSON', JSON.stringify({ secret })],
  ['util.inspect', inspect({ secret }, { depth: 9, showHidden: true })],
  ['an Error message', new Error(`bad ${secret}`).message]
] as const) {
  t.test(`a secret prints as [secret] under ${way}`, async t => {
    t.match(printed, '[secret]')
    t.notMatch(printed, 'obviously-fake')
  })
}

t.test('a secret is revealed only on request', async t => {
  t.equal(secret.reveal(), 'obviously-fake')
})
