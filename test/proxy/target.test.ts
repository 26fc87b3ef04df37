import t from 'tap'
import { routeOf } from '../../src/proxy/target.ts'

const ROUTES = ['/bookings', '/venues']

for (const target of [
  '/venues',
  '/venues/',
  '/venues?page=2&a=+&a=&b',
  '/venues/29|CO|275cc44dd2e2496fba44857c9257443a|d99128c5/availability?date=2026-01-01',
  '/venues/29%7CCO%7C275cc44dd2e2496fba44857c9257443a/booking',
  '/venues/caf%C3%A9',
  '/venues/a..b',
  '/venues/.../x',
  '/venues/./1',
  '/venues//1',
  '/venues/100%25',
  '/venues/50%25%20off',
  '/venues/a%2Fb',
  '/venues/a%23b',
  '/venues/{}',
  '/venues/a;b=c',
  '/venues?next=/../operators',
  '/venues?x=%00%zz'
]) {
  t.test(`${target} belongs to /venues`, async t => {
    t.same(routeOf(target, ROUTES), { route: '/venues' })
  })
}

for (const target of ['/', '*', '/venue', '/venuesx', '/Venues', '/venues;x', '/venues%2F1', '/%76enues', '//venues', '/operators/1/tms-credentials', '/webhooks', '/x/venues']) {
  t.test(`${target} belongs to no route`, async t => {
    t.same(routeOf(target, ROUTES), { refusal: 'no-route' })
  })
}

for (const target of [
  '/venues/../operators',
  '/venues/..',
  '/venues/%2e%2e/operators',
  '/venues/.%2E/operators',
  '/venues/%252e%252e/operators',
  '/venues/%25252e%25252e/operators',
  '/venues/..%2Foperators',
  '/venues/..;/operators',
  '/venues/..;x=y/operators',
  '/venues/..%3B/operators',
  '/venues/..\\operators',
  '/venues/%5C..%5Coperators',
  '/venues/a\\b',
  '/venues/%00',
  '/venues/%0d%0aX: y',
  '/venues/%7F',
  '/venues/%c0%ae%c0%ae/operators',
  '/venues/%e0%80%ae/operators',
  '/venues/%25c0%25ae/operators',
  '/venues/%FF',
  '/venues/%',
  '/venues/%zz',
  '/venues/%2',
  '/venues#/../x',
  '/venues?a#b',
  'http://api.bookabletech.com/venues',
  'https://evil.example/venues',
  'api.bookabletech.com:443',
  'venues'
]) {
  t.test(`${target} is malformed`, async t => {
    t.same(routeOf(target, ROUTES), { refusal: 'malformed' })
  })
}

t.test('the longest route wins', async t => {
  t.same(routeOf('/venues/bookings/1', ['/venues/bookings', '/venues']), { route: '/venues/bookings' })
})
