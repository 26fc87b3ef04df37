import t from 'tap'
import { cureOf, messageOf } from '../src/cause.ts'

t.test('where each address of a host name was tried, all of them are told', async t => {
  const errors = ['connect ECONNREFUSED ::1:443', 'connect ETIMEDOUT 127.0.0.1:443'].map(message => new Error(message))
  t.equal(messageOf(new AggregateError(errors)), 'connect ECONNREFUSED ::1:443; connect ETIMEDOUT 127.0.0.1:443')
  t.equal(messageOf(new Error('other side closed')), 'other side closed')
})

for (const [what, cause, cure] of [
  ['a certificate of one\'s own', Object.assign(new Error(), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), /NODE_EXTRA_CA_CERTS/],
  ['a certificate that has ended', Object.assign(new Error(), { code: 'CERT_HAS_EXPIRED' }), /clock/],
  ['a certificate of another name', Object.assign(new Error(), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), /check the URL/],
  ['no TLS at all', Object.assign(new Error(), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }), /speaks no TLS/],
  ['a refused connection', Object.assign(new Error(), { code: 'ECONNREFUSED' }), undefined],
  ['an error without a code', new Error('CERT_HAS_EXPIRED'), undefined],
  ['what is no error', 'CERT_HAS_EXPIRED', undefined]
] as const) {
  t.test(`${what} has ${cure === undefined ? 'no cure but to wait' : `a cure that names ${cure.source}`}`, async t => {
    if (cure === undefined) t.equal(cureOf(cause), undefined)
    else t.match(cureOf(cause), cure)
  })
}
