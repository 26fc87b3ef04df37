import t from 'tap'
import { parseTokenResponse } from '../../src/token/access-token.ts'

const SENT_AT_MS = 1_700_000_000_000
const IAT = SENT_AT_MS / 1000

function jwt (claims: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.${part('signature')}`
}

const lifetimes: ReadonlyArray<readonly [string, Record<string, unknown>, number]> = [
  ['expires_in alone', { access_token: 'opaque', expires_in: 3600 }, 3600],
  ['expires_in as a string', { access_token: 'opaque', expires_in: '86400' }, 86_400],
  ['exp - iat where it is shorter', { access_token: jwt({ iat: IAT, exp: IAT + 60 }), expires_in: 3600 }, 60],
  ['expires_in where it is shorter', { access_token: jwt({ iat: IAT, exp: IAT + 86_400 }), expires_in: 3600 }, 3600],
  ['the JWT where expires_in is missing', { access_token: jwt({ iat: IAT, exp: IAT + 2_592_000 }) }, 2_592_000],
  ['exp alone, counted from the request', { access_token: jwt({ exp: IAT + 120 }) }, 120],
  ['claims that are strings', { access_token: jwt({ iat: String(IAT), exp: String(IAT + 90) }) }, 90],
  ['the JWT although its clock is an hour ahead', { access_token: jwt({ iat: IAT + 3600, exp: IAT + 3700 }), expires_in: 3600 }, 100],
  ['ten years at most', { access_token: 'opaque', expires_in: 1e12 }, 10 * 365 * 24 * 3600],
  ['expires_in where the payload of the JWT is garbage', { access_token: 'a.%%%.c', expires_in: 10 }, 10]
]

for (const [what, response, expectedS] of lifetimes) {
  t.test(`the lifetime is taken from ${what}`, async t => {
    t.equal(parseTokenResponse({ token_type: 'Bearer', ...response }, SENT_AT_MS).lifetimeMs, expectedS * 1000)
  })
}

const unusable: ReadonlyArray<readonly [string, unknown]> = [
  ['nothing', undefined],
  ['null', null],
  ['an array', []],
  ['a string', 'token'],
  ['no access_token', { expires_in: 1 }],
  ['an empty access_token', { access_token: '', expires_in: 1 }],
  ['an access_token that is a number', { access_token: 7, expires_in: 1 }],
  ['an access_token with a line break', { access_token: 'a\r\nX-Evil: 1', expires_in: 1 }],
  ['an access_token with a space', { access_token: 'a b', expires_in: 1 }],
  ['an access_token with a control character', { access_token: 'a\u0000', expires_in: 1 }],
  ['an access_token beyond ASCII', { access_token: 'tökén', expires_in: 1 }],
  ['another token type', { access_token: 'a', token_type: 'mac', expires_in: 1 }],
  ['a token type that is no string', { access_token: 'a', token_type: 1, expires_in: 1 }],
  ['no lifetime anywhere', { access_token: 'a' }],
  ['a lifetime of zero', { access_token: 'a', expires_in: 0 }],
  ['a lifetime of less than a second', { access_token: 'a', expires_in: 0.9 }],
  ['a negative lifetime', { access_token: 'a', expires_in: -5 }],
  ['a JWT that ends before it begins', { access_token: jwt({ iat: IAT, exp: IAT - 1 }), expires_in: 3600 }],
  ['a lifetime that is no number', { access_token: 'a', expires_in: 'soon' }]
]

for (const [what, response] of unusable) {
  t.test(`a response with ${what} is TOKEN-R-002 and shows none of it`, async t => {
    t.throws(() => parseTokenResponse(response, SENT_AT_MS), { code: 'TOKEN-R-002' })
    try {
      parseTokenResponse(response, SENT_AT_MS)
    } catch (error) {
      t.notMatch(String(error), /Evil|tökén/)
    }
  })
}

t.test('scopes come from the response, else from the token', async t => {
  t.same(parseTokenResponse({ access_token: 'a', expires_in: 1, scope: 'venue:read  venue-booking:create' }, 0).scopes, ['venue:read', 'venue-booking:create'])
  t.same(parseTokenResponse({ access_token: jwt({ iat: 1, exp: 2, scope: 'venue:read' }) }, 0).scopes, ['venue:read'])
})

t.test('a token type is Bearer in any case, and where none is told', async t => {
  t.equal(parseTokenResponse({ access_token: 'a', token_type: 'bEARER', expires_in: 1 }, 0).value.reveal(), 'a')
  t.equal(parseTokenResponse({ access_token: 'a', expires_in: 1 }, 0).value.reveal(), 'a')
})
