// `npm run clients`: HTTP clients of every age, each with the same four calls through the built sidecar to the simulator.
// `-- --packages` prints the Debian packages that they come from. With CI=true a client that Debian has must be there.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Demo } from './demo.mjs'
import { describe, differences, expectedLog, expectedOutput } from './expected.mjs'
import { ABSENT, ROSTER } from './roster.mjs'

/** Go compiles its library at its first run. */
const CLIENT_TIMEOUT_MS = 120_000

/** Outside ASCII and outside the first plane: what old encodings break. */
const GUEST = { firstName: 'Zoë', lastName: 'Žižková 🍷' }

/** Nothing of this environment but what finds programs: an http_proxy would lead past the sidecar. */
const ENV = { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8' }

if (process.argv.includes('--packages')) {
  console.log([...new Set(ROSTER.flatMap(({ packages }) => packages))].join(' '))
  process.exit()
}

const demo = new Demo()
const { url, venue, date, time } = await demo.example()
const firstTime = (await ask(`/venues/${encodeURIComponent(venue)}/availability?date=${date}&partySize=2`)).times[0].time
await demo.requestsFrom(0, 1)
/** @type {Array<{ client: import('./roster.mjs').Client, bookingId: string }>} */
const booked = []
const counts = { ok: 0, failed: 0, skipped: 0 }

for (const client of ROSTER) {
  const version = versionOf(client)
  if (version !== undefined) {
    const { calls, complaints } = await tryOut(client)
    tell(complaints, `${client.name} ${version}: ${calls.join(' ')}${client.cancels === false ? ' (cancel: not possible)' : ''}`)
  } else if (process.env.CI === 'true' && hasPackages(client)) {
    tell([`not installed: apt-get install ${client.packages.join(' ')}`], client.name)
  } else {
    skip(client.name, hasPackages(client) ? `not installed (apt-get install ${client.packages.join(' ')})` : 'not in this Debian release')
  }
}
for (const { name, reason } of ABSENT) skip(name, reason)
tell(await lookIntoTheBook(), `each of the ${booked.length} bookings was made once, for ${GUEST.firstName} ${GUEST.lastName}, and cancelled where the client can`)
tell(differences('exit code', ['0'], [String(await demo.stop())]), 'the sidecar ended cleanly')

console.log(`\n${counts.ok} ok, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed === 0 ? 0 : 1

/** @param {import('./roster.mjs').Client} client */
async function tryOut (client) {
  const linesBefore = demo.requests.length
  const { stdout, stderr } = await runClient(client)
  const output = stdout.split('\n').map(line => line.trimEnd()).filter(line => line !== '')
  const calls = output.map(line => line.split(' ')[0] ?? '')
  const bookingId = /^book \d+ \w+ (\S+)$/m.exec(stdout)?.[1] ?? '(none)'
  const facts = { venue, firstTime, bookingId }
  const expected = expectedLog(client, facts)
  const log = (await demo.requestsFrom(linesBefore, expected.length)).map(describe)
  if (bookingId !== '(none)') booked.push({ client, bookingId })
  const complaints = [...differences('it says', expectedOutput(client, facts), output), ...differences('the log', expected, log)]
  // A client may warn of something and go on; where it went wrong, this is why.
  return { calls, complaints: complaints.length > 0 ? [...complaints, stderr.slice(0, 2000)] : [] }
}

/** @param {import('./roster.mjs').Client} client */
async function runClient ({ name, file, run: [command = '', ...args] }) {
  const booking = { ...GUEST, email: `${name.replaceAll(/\W+/g, '-')}@example.com`, phone: '+44 20 7946 0000', partySize: 2, date, time, type: 'book' }
  // For what compilers and scripts leave behind.
  const cwd = mkdtempSync(join(tmpdir(), 'client-'))
  try {
    return await promisify(execFile)(command, [...args, join(import.meta.dirname, file)], {
      cwd, env: { ...ENV, BASE_URL: url, VENUE: venue, DATE: date, BOOKING: JSON.stringify(booking) }, timeout: CLIENT_TIMEOUT_MS
    })
  } catch (error) {
    const { message, stdout = '', stderr = '' } = /** @type {Error & { stdout?: string, stderr?: string }} */ (error)
    return { stdout, stderr: `${message}\n${stderr}` }
  } finally {
    rmSync(cwd, { recursive: true })
  }
}

/** The simulator numbers its bookings: a gap, or a number too many at the end, is a booking that nobody asked for. */
async function lookIntoTheBook () {
  const complaints = []
  for (const [i, { client: { name, cancels = true }, bookingId }] of booked.entries()) {
    const { operatorBookingId, status, firstName, lastName } = await ask(`/venues/bookings/${encodeURIComponent(bookingId)}`)
    const wanted = [numberOf(i), cancels ? 'Cancelled' : 'Confirmed', GUEST.firstName, GUEST.lastName]
    complaints.push(...differences(name, wanted, [operatorBookingId, status, firstName, lastName]))
  }
  const last = await ask(`/venues/${encodeURIComponent(venue)}/booking`, { ...GUEST, email: 'last@example.com', phone: '+44 20 7946 0000', partySize: 2, date, time, type: 'book' })
  return [...complaints, ...differences('the booking after all', [numberOf(booked.length)], [last.operatorBookingId])]
}

/** @param {number} index */
function numberOf (index) {
  return `BKA-${(index + 1).toString(36).toUpperCase().padStart(4, '0')}`
}

/**
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function ask (path, body) {
  const answer = await fetch(url + path, body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return answer.json()
}

/** @param {import('./roster.mjs').Client} client */
function versionOf ({ version: [command = '', ...args] }) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', env: ENV })
  return status === 0 ? /\d+(\.\d+)+/.exec(stdout ?? '')?.[0] : undefined
}

/** @param {import('./roster.mjs').Client} client */
function hasPackages ({ packages }) {
  return packages.every(name => spawnSync('apt-cache', ['show', name]).status === 0)
}

/**
 * @param {readonly string[]} complaints
 * @param {string} what
 */
function tell (complaints, what) {
  counts[complaints.length === 0 ? 'ok' : 'failed']++
  console.log([`${complaints.length === 0 ? 'ok' : 'FAILED'} ${what}`, ...complaints].join('\n  '))
}

/**
 * @param {string} name
 * @param {string} reason
 */
function skip (name, reason) {
  counts.skipped++
  console.log(`skipped ${name}: ${reason}`)
}
