import t from 'tap'
import { printable } from '../../src/printable.ts'
import { Secret } from '../../src/secret.ts'
import { mistakeInClaims, mistakeInScopes } from '../../src/token/claims.ts'

const NOW_S = 1_780_000_000
const ISSUER = 'https://auth.bookabletech.com/'
const AUDIENCE = 'api.bookabletech.com'
const GOOD = { iss: ISSUER, aud: AUDIENCE, exp: NOW_S + 3600 }

function mistake (claims: Record<string, unknown>, audience: string | undefined = AUDIENCE): string | undefined {
  return mistakeInClaims(
    { value: new Secret('obviously-fake'), lifetimeMs: 1, scopes: [], ownScopes: [], claims, show: printable },
    { issuer: ISSUER, audience, requiredScopes: ['venue:read', 'venue-booking:create'] }, NOW_S * 1000
  )
}

for (const [what, claims] of [
  ['names its issuer and audience and has not expired', GOOD],
  ['has our audience among others', { ...GOOD, aud: ['https://x.auth0.com/userinfo', AUDIENCE] }],
  ['ends in a second', { ...GOOD, exp: NOW_S + 1 }],
  ['is valid from a moment that clocks differ by', { ...GOOD, nbf: NOW_S + 5 }]
] as const) {
  t.test(`a token that ${what} is good`, async t => {
    t.equal(mistake(claims), undefined)
  })
}

for (const [claims, words] of [
  [{ ...GOOD, iss: undefined }, /^has no iss, but BOOKABLE_ISSUER is "https/],
  [{ ...GOOD, iss: ISSUER.slice(0, -1) }, /^has iss "https:\/\/auth.bookabletech.com", but/],
  [{ ...GOOD, iss: [ISSUER] }, /^has iss "\['https/],
  [{ ...GOOD, aud: undefined }, /^has no aud, but BOOKABLE_AUDIENCE is/],
  [{ ...GOOD, aud: 'api.elsewhere.example' }, /^has aud "api.elsewhere.example"/],
  [{ ...GOOD, aud: ['a', 'b'] }, /^has aud "\['a','b'\]"/],
  [{ ...GOOD, aud: { [AUDIENCE]: 1 } }, /^has aud/],
  [{ ...GOOD, exp: undefined }, /^has no exp/],
  [{ ...GOOD, exp: '2999999999' }, /^has exp/],
  [{ ...GOOD, exp: NOW_S }, /had expired.*\(exp/],
  [{ ...GOOD, nbf: NOW_S + 6 }, /not valid yet \(nbf/],
  [{ ...GOOD, nbf: 'tomorrow' }, /not valid yet \(nbf tomorrow/]
] as const) {
  t.test(`a token with ${JSON.stringify(claims)} is refused, naming the claim`, async t => {
    t.match(mistake(claims), words)
  })
}

t.test('a token that is no JWT is refused', async t => {
  t.match(mistakeInClaims(
    { value: new Secret('x'), lifetimeMs: 1, scopes: [], ownScopes: [], claims: {}, show: printable }, { issuer: ISSUER, audience: AUDIENCE, requiredScopes: [] }, NOW_S * 1000
  ), /no JWT/)
})

t.test('where no audience is asked for, any will do', async t => {
  t.equal(mistakeInClaims(
    { value: new Secret('x'), lifetimeMs: 1, scopes: [], ownScopes: [], claims: { ...GOOD, aud: 'any' }, show: printable }, { issuer: ISSUER, audience: undefined, requiredScopes: [] }, NOW_S * 1000
  ), undefined)
})

t.test('a token without a required scope is refused, naming the scopes that are missing', async t => {
  t.equal(mistakeInScopes({ show: printable }, ['b', 'a'], ['a', 'b']), undefined)
  t.equal(mistakeInScopes({ show: printable }, ['a', 'b', 'c'], ['a']), 'lacks scope "b c" of REQUIRED_SCOPES: it has "a"')
})

t.test('what a token says of itself is shown cut and without control characters', async t => {
  t.equal(mistake({ ...GOOD, iss: `\u001b[31m"${'x'.repeat(200)}\r\n` }), `has iss "[31m'${'x'.repeat(75)}", but BOOKABLE_ISSUER is "${ISSUER}"`)
})
