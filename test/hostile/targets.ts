/** Request targets as bytes, a character each: what is beyond latin1 is written through `utf8`. */

/** A target that aims at what is not ours to serve. */
export interface HostileTarget {
  readonly group: string
  readonly target: string
}

const TMS_CREDENTIALS = 'operators/7/tms-credentials'

/** Ways from below a prefix to its side; each is tried from /venues and from /bookings. */
const CLIMBS: Readonly<Record<string, readonly string[]>> = {
  'plain dot segments': ['/../', '/./../', '/../././', '/x/../../', '/x/./.././../', '/1/availability/../../../'],
  'empty segments': ['//../', '/..//', '///../', '//..//', '/.//../', '/x//../../', '//../../', '%2f%2f..%2f%2f'],
  'encoded once': [
    '/%2e%2e/', '/.%2e/', '/%2e./', '/%2e%2e%2f', '/..%2f', '%2f../', '%2f..%2f', '%2f%2e%2e%2f', '/x%2f..%2f..%2f', '/%2e/%2e%2e/', '/%2e%2e/%2e/'
  ],
  'encoded twice': ['/%252e%252e/', '/.%252e/', '/..%252f', '/%252e%252e%252f', '%252f..%252f', '/%2e%252e/', '/%25%32%65%25%32%65/'],
  'encoded three times': ['/%25252e%25252e/', '/.%25252e/', '/..%25252f', '/%25252e%25252e%25252f', '%25252f..%25252f'],
  'escapes of mixed case': ['/%2E%2E/', '/%2e%2E/', '/%2E./', '/..%2F', '/%2E%2e%2F', '/%252E%252e/', '%2F..%2f'],
  backslashes: [
    '/..\\', '\\..\\', '/\\..\\', '/x\\..\\..\\', '/..%5c', '/..%5C', '%5c..%5c', '/%5c..%5c', '/%2e%2e%5c', '/..%255c', '/%5c../', '/..\\/', '/.\\../'
  ],
  'path parameters': [
    '/..;/', '/..;x=y/', '/..;jsessionid=1/', '/..%3b/', '/..%3B/', '/..%253b/', '/..;%2f', '/;/../', '/;x/..;y/', '/.;/..;/', '/x;/../..;/', '/%2e%2e;/',
    '/%2e%2e%3b/', ';/../', ';x=y/..;/', '/..;a=b;c=d/'
  ],
  'an escaped end of the path': ['/..%3f', '/..%3F/', '/..%23', '/..%23/', '/..%253f/', '/..%2523/', '%2f..%3f', '/x/../..%3f/'],
  NUL: ['/..%00/', '/%00/../', '%00/../', '/../%00', '/..%2500/', '/x%00/../../', '/..%00.html/'],
  'overlong UTF-8': [
    '/%c0%ae%c0%ae/', '/%e0%80%ae%e0%80%ae/', '/%f0%80%80%ae%f0%80%80%ae/', '/..%c0%af', '/%c0%ae%c0%ae%c0%af', '/..%e0%80%af', '/..%c1%9c',
    '/%25c0%25ae%25c0%25ae/', '/%c0%2e%c0%2e/', '/\xc0\xae\xc0\xae/', '/..\xc0\xaf', '/%C0%AE./'
  ],
  'bad escapes': ['/..%/', '/..%2/', '/%zz/../', '/..%zz', '/%u002e%u002e/', '/..%u002f', '/..%u2215', '/%%32%65%%32%65/', '/%2/../', '/%2g%2e/../'],
  controls: ['/..\t/', '/..%09/', '/.%0d./', '/..%0a/', '/%0d%0a../', '/..\x7f/', '/..%7f/', '/..\x01/', '/.%00./', '/..%1f/', '/..%250a/'],
  'raw high bytes': ['/\xff../', '/..\xff/', '/\x80\x81/../', '/..\xe2\x88/', '/..%ff/', '/%fe%ff../'],
  'dots and slashes of other scripts': [
    '/%ef%bc%8e%ef%bc%8e/', '/..%ef%bc%8f', '/..%e2%88%95', '/%e3%80%82%e3%80%82/', '/%e2%80%a5/', `/${utf8('．．')}/`, `/..${utf8('／')}`, `/${utf8('‥')}/`
  ],
  fragments: ['#/../', '/#/../', '/..#/', '/x#../', '/%2e%2e#/']
}

/** Targets that are hostile as a whole. */
const WHOLES: Readonly<Record<string, readonly string[]>> = {
  'what is aimed at': [`/${TMS_CREDENTIALS}`, '/webhooks', '/webhooks/', '/', '/.', '/..', '/../operators', '/venues/..', '/venues/../', '/bookings/../..'],
  'absolute-form': [
    `http://api.bookabletech.com/${TMS_CREDENTIALS}`, 'http://api.bookabletech.com/venues', `HTTP://API.BOOKABLETECH.COM/${TMS_CREDENTIALS}`,
    'https://api.bookabletech.com/webhooks', 'http://localhost/venues', `http://venues@api.bookabletech.com/${TMS_CREDENTIALS}`,
    'http://user:pass@api.bookabletech.com/webhooks', 'http://localhost/venues/../operators', 'http:///webhooks', 'http:/webhooks', 'ftp://api.bookabletech.com/webhooks',
    'file:///venues/../operators', 'http://api.bookabletech.com', 'http://api.bookabletech.com?/venues', 'javascript:/venues', 'https:\\\\evil.example\\venues'
  ],
  'authority-form': ['api.bookabletech.com:443', 'localhost:80', 'api.bookabletech.com', '[::1]:8080', 'user@api.bookabletech.com:443'],
  'network-path': [
    '//operators/../webhooks', '//api.bookabletech.com/webhooks', '//venues/../operators', '//operators/7', '///operators/7', '/\\operators/7', '\\\\operators\\7', '//venues/7'
  ],
  'asterisk-form': ['*', '/*', '*/venues', '*/../operators'],
  'no leading slash': ['venues', 'venues/../operators', 'operators/7', '../operators', './venues', '?/venues', '%2fvenues', '.'],
  'prefixes in wrong case': ['/VENUES', '/Venues/7', '/bOOKINGS/7', '/VENUES/../operators/7', '/OPERATORS/7/tms-credentials', '/WebHooks'],
  'what looks like a prefix': [
    '/venuesx', '/venue', '/venues..', '/venues../operators', '/venues.', '/venues%2f..%2foperators', '/venues%2F7', '/venues;/../operators', '/venues;x=y',
    '/venues%3f', '/venues%20', '/venues%00', '/venues+7', '/venues-7', '/venues~', '/venues\\..\\operators', '/%76enues/7', '/%2fvenues', '/bookingsx/../operators',
    '/x/venues/../../operators', '/operators/venues', '/operators/../venues/../operators', '/./operators', '/venues&/../operators'
  ],
  'raw high bytes where an escape belongs': [`/venues/${utf8('café')}`, '/venues?q=\xff', `/${utf8('ｖｅｎｕｅｓ')}/7`],
  'spaces in the target': ['/venues/.. /operators', '/venues /../operators', ' /operators', '/venues/..\r/operators', '/venues/..\x0b/operators', '/venues/..\x0c/operators'],
  'very long': [
    `/venues/${'x'.repeat(8_000)}/../../${TMS_CREDENTIALS}`, `/venues${'/.'.repeat(4_000)}/../webhooks`, `/venues/${'x/'.repeat(2_000)}${'../'.repeat(2_001)}webhooks`,
    `/venues/${'x%2f'.repeat(1_000)}${'..%2f'.repeat(1_001)}webhooks`, `/venues/..${';x'.repeat(4_000)}/webhooks`, `/venues/%${'25'.repeat(4_000)}2e%2e/webhooks`
  ],
  'encoded four times': [`/venues/%2525252e%2525252e/${TMS_CREDENTIALS}`]
}

export const HOSTILE: readonly HostileTarget[] = [
  ...Object.entries(CLIMBS).flatMap(([group, climbs]) =>
    climbs.flatMap(climb => [{ group, target: `/venues${climb}${TMS_CREDENTIALS}` }, { group, target: `/bookings${climb}webhooks` }])),
  ...Object.entries(WHOLES).flatMap(([group, targets]) => targets.map(target => ({ group, target })))
]

/** Targets that only look like the above, and belong to apps. */
export const HARMLESS: readonly string[] = [
  '/venues', '/venues/', '/bookings/7', '/venues//7', '/venues/./7', '/venues/%2e/7', '/venues/a..b', '/venues/..a', '/venues/a..', '/venues/...', '/venues/.../7',
  '/venues/.well-known', '/venues/x%20y', '/venues/a%2Fb', '/venues/a%2fb', '/venues/100%25', '/venues/50%25%20off', '/venues/caf%C3%A9', '/venues/caf%c3%a9',
  '/venues/29|CO|d99128c5/availability', '/venues/29%7CCO%7Cd99128c5/availability', '/venues/29%7cCO', '/venues/a+b', '/venues/a%2Bb',
  '/venues/a;b=c', '/venues/a;b=c/d', '/venues/a,b', '/venues/{}', '/venues/<>"`^', '/venues/operators', '/venues/webhooks', '/bookings/operators/7/tms-credentials',
  '/venues?', '/venues??', '/venues?a=&a=&b', '/venues?next=../../operators', '/venues?next=/../operators', '/venues?next=%2e%2e%2foperators', '/venues?x=%00%zz%',
  '/venues?x=\\..\\', '/venues?url=http://api.bookabletech.com/operators', '/venues?a=%c0%ae', '/venues?q=a+b&r=a%20b', '/venues?q=;/../',
  `/venues/${'x'.repeat(15_000)}`
]

function utf8 (text: string): string {
  return Buffer.from(text).toString('latin1')
}
