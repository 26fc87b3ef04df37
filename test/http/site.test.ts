import t from 'tap'
import { isFromElsewhere, isHostAllowed } from '../../src/http/site.ts'

const LOOPBACK = { names: [], hasLoopback: true, hasAddresses: false }
const ADMIN = { names: ['monitor.example'], hasLoopback: true, hasAddresses: true }

for (const [host, app, admin] of [
  ['localhost', true, true], ['localhost:8080', true, true], ['LOCALHOST:8080', true, true], ['app.localhost:1', true, true], ['127.0.0.1', true, true],
  ['127.9.9.9:80', true, true], ['[::1]:8080', true, true], ['[::1]', true, true],
  ['10.0.0.7:8081', false, true], ['[fd00::7]:8081', false, true], ['monitor.example:8081', false, true],
  ['evil.example', false, false], ['localhost.evil.example', false, false], ['127.0.0.1.evil.example', false, false], ['evil-localhost', false, false],
  ['localhost:8080:evil', false, false], ['localhost@evil.example', false, false], ['localhost,evil.example', false, false], ['', false, false], ['localhost.', false, false]
] as const) {
  t.test(`the Host "${host}" is ${app ? '' : 'not '}allowed for apps, and ${admin ? '' : 'not '}for operators`, async t => {
    t.equal(isHostAllowed(host, LOOPBACK), app)
    t.equal(isHostAllowed(host, ADMIN), admin)
  })
}

t.test('behind a wildcard any Host is allowed, and where names are set only those', async t => {
  t.ok(isHostAllowed('evil.example', 'any'))
  const policy = { names: ['sidecar.internal', '[::1]'], hasLoopback: false, hasAddresses: false }
  t.same(['Sidecar.Internal:80', '[::1]:8080', 'localhost', 'x.sidecar.internal'].map(host => isHostAllowed(host, policy)), [true, true, false, false])
})

for (const [what, provenance, expected] of [
  ['a client that says nothing', {}, false],
  ['a user who typed the address', { secFetchSite: 'none' }, false],
  ['a page of its own', { secFetchSite: 'same-origin', origin: 'http://localhost:8080' }, false],
  ['a page of its own in an old browser', { origin: 'http://LOCALHOST:8080' }, false],
  ['another site', { secFetchSite: 'cross-site' }, true],
  ['another port of this machine', { secFetchSite: 'same-site' }, true],
  ['another port in an old browser', { origin: 'http://localhost:3000' }, true],
  ['another site in an old browser', { origin: 'https://evil.example' }, true],
  ['a page that hides its origin', { origin: 'null' }, true],
  ['a browser of the future', { secFetchSite: 'something-new' }, true],
  ['an origin that pretends', { origin: 'http://localhost:8080.evil.example' }, true]
] as const) {
  t.test(`a request by ${what} is ${expected ? '' : 'not '}from elsewhere`, async t => {
    t.equal(isFromElsewhere({ host: 'localhost:8080', origin: undefined, secFetchSite: undefined, ...provenance }), expected)
  })
}
