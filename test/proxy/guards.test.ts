import t from 'tap'
import { admit } from '../../src/proxy/guards.ts'
import { Secret } from '../../src/secret.ts'
import { readHead } from '../../src/proxy/head.ts'

const CONFIG = { hosts: { names: [], hasLoopback: true, hasAddresses: false }, inboundKey: () => KEY, routes: ['/venues'], allowedMethods: ['GET'], maxInFlight: 2 }
const KEY = new Secret('the-key')
const PROPER = ['Host', 'localhost', 'X-Api-Key', 'the-key']
const OPEN = { inFlight: 1, isLeaving: false, isDraining: false }

function verdict (change: { method?: string, url?: string, httpVersion?: string, headers?: string[] }, door = OPEN) {
  const { headers = PROPER, ...request } = change
  return admit({ method: 'GET', url: '/venues/1', httpVersion: '1.1', ...request }, readHead(headers), CONFIG, door, false)
}

t.test('a proper request is let in, and belongs to its route', async t => {
  t.same(verdict({}), { route: '/venues', refusal: undefined })
})

/** Each row has the fault of its own and of all rows below it. */
const faults = [
  ['PROXY-N-006', { headers: [] }],
  ['PROXY-N-003', { headers: ['Host', 'evil.example'] }],
  ['PROXY-N-004', { headers: ['Host', 'localhost', 'Origin', 'https://evil.example'] }],
  ['PROXY-N-005', { headers: ['Host', 'localhost'] }],
  ['PROXY-N-006', { url: '/venues/../x' }],
  ['PROXY-N-001', { url: '/x' }],
  ['PROXY-N-002', { method: 'POST' }],
  ['PROXY-N-007', { headers: [...PROPER, ...Array<string>(1000).fill('a')] }],
  ['DRAIN-R-001', {}, { inFlight: 9, isLeaving: true, isDraining: true }],
  ['LOAD-R-001', {}, { inFlight: 2, isLeaving: false, isDraining: false }]
] as const

faults.forEach(([code], first) => {
  t.test(`of several faults the first in the contract's order is told: ${code} (${first + 1})`, async t => {
    let change = {}
    let door: typeof OPEN = OPEN
    for (const [, worse, state] of faults.slice(first).reverse()) {
      change = { ...change, ...worse }
      door = state ?? door
    }
    t.match(verdict(change, door).refusal, { code })
  })
})

t.test('a Host may be missing in HTTP/1.0 alone', async t => {
  t.equal(verdict({ headers: ['X-Api-Key', 'the-key'], httpVersion: '1.0' }).refusal, undefined)
})
