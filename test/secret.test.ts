import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { serialize } from 'node:v8'
import { pino } from 'pino'
import t from 'tap'
import { Problem } from '../src/problem.ts'
import { Secret } from '../src/secret.ts'

const VALUE = 'obviously-fake'
const secret = new Secret(VALUE)

/** What pino writes of a line with these fields. */
function logged (fields: object): string {
  let text = ''
  const destination = new Writable({
    write (chunk: Buffer, _encoding, done) {
      text += String(chunk)
      done()
    }
  })
  pino({ level: 'trace' }, destination).error(fields, 'a line')
  return text
}

/** A mistake that somebody may make one day: an error that carries it along. */
const error = Object.assign(new Error('failed', { cause: { secret, nested: [secret] } }), { config: { clientSecret: secret } })

for (const [way, printed] of [
  ['string concatenation', `${secret}`],
  ['JSON', JSON.stringify({ secret })],
  ['util.inspect', inspect({ secret }, { depth: 9, showHidden: true })],
  ['an Error message', new Error(`bad ${secret}`).message]
] as const) {
  t.test(`a secret prints as [secret] in ${way}`, async t => {
    t.match(printed, '[secret]')
    t.notMatch(printed, VALUE)
  })
}

for (const [way, shown] of [
  ['JSON, deep within', JSON.stringify([{ a: { b: [secret, { c: secret }] } }])],
  ['JSON, as a key', JSON.stringify({ [String(secret)]: 1 })],
  ['Object.entries', JSON.stringify(Object.entries(secret))],
  ['Object.getOwnPropertyNames', JSON.stringify(Reflect.ownKeys(secret))],
  ['a spread', inspect({ ...secret })],
  ['structuredClone', inspect(structuredClone(secret), { showHidden: true })],
  ['the serializer of v8, which messages between threads use', serialize(secret).toString('latin1')],
  ['util.format with %s, %o, %O and %j', format('%s %o %O %j', secret, secret, secret, secret)],
  ['util.inspect without its own words', inspect(secret, { customInspect: false, showHidden: true, depth: 9 })],
  ['util.inspect of a proxy', inspect(new Proxy(secret, {}), { showProxy: true })],
  ['util.inspect of a Map and a Set', inspect([new Map([[secret, secret]]), new Set([secret])])],
  ['an error that carries it', inspect(error, { depth: 9 })],
  ['the stack of an error about it', String(new Error(`bad ${secret}`).stack)],
  ['pino, as a field', logged({ secret, nested: { secret } })],
  ['pino, with an error that carries it', logged({ err: error })],
  ['a problem that it caused', JSON.stringify(new Problem('PROXY-R-001', 'failed', { cause: error }).toBody())],
  ['toLocaleString', secret.toLocaleString()],
  ['what a comparison makes of it', String([secret].join() + [secret].toString())]
] as const) {
  t.test(`a secret is not shown by ${way}`, async t => {
    t.not(shown, undefined)
    t.notMatch(shown, VALUE)
  })
}

t.test('a secret is revealed only on request', async t => {
  t.equal(secret.reveal(), VALUE)
})
