import t from 'tap'
import { isBooking, parseKey } from '../../src/repeats/key.ts'

for (const [value, key] of [
  ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['!', '!'],
  ['~', '~'],
  ['a,b;c=d', 'a,b;c=d'],
  ['a"b\\c', 'a"b\\c'],
  ['"a\\"b\\\\c"', 'a"b\\c'],
  ['k'.repeat(255), 'k'.repeat(255)],
  [`"${'k'.repeat(255)}"`, 'k'.repeat(255)],
  ['k'.repeat(256), undefined],
  [`"${'k'.repeat(256)}"`, undefined],
  ['', undefined],
  ['""', undefined],
  ['"', undefined],
  ['a b', undefined],
  ['"a b"', undefined],
  ['a\x7f', undefined],
  ['a\x1f', undefined],
  ['schl\xfcssel', undefined],
  ['"a', undefined],
  ['"a"b"', undefined],
  ['"a\\b"', undefined],
  ['"a\\"', undefined],
  ['"a";b=c', undefined],
  ['"a", "b"', undefined]
] as const) {
  t.test(`Idempotency-Key: ${JSON.stringify(value.length > 60 ? `${value.length} characters` : value)} is ${key === undefined ? 'no key' : 'a key'}`, async t => {
    t.equal(parseKey(value), key)
  })
}

for (const [method, target, expected] of [
  ['POST', '/venues/1%7C2/booking', true],
  ['POST', '/venues/1|2/booking?a=b', true],
  ['PATCH', '/venues/1/booking', false],
  ['POST', '/venues/1/bookings', false],
  ['POST', '/venues/1/booking/2', false],
  ['POST', '/venues/1/booking/', false],
  ['POST', '/venues/1/2/booking', false],
  ['POST', '/venues//booking', false],
  ['POST', '/venues/?/booking', false],
  ['POST', '/bookings/1', false],
  ['POST', '/Venues/1/booking', false]
] as const) {
  t.test(`${method} ${target} is ${expected ? 'a' : 'no'} booking`, async t => {
    t.equal(isBooking(method, target), expected)
  })
}
