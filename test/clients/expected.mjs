/** @typedef {{ venue: string, firstTime: string, bookingId: string }} Facts */

/**
 * What a client has to say of its calls, in order.
 * @param {import('./roster.mjs').Client} client
 * @param {Facts} facts
 */
export function expectedOutput ({ cancels = true }, { firstTime, bookingId }) {
  return [
    'list 200 Dishoom Covent Garden',
    `availability 200 ${firstTime}`,
    `book 201 Confirmed ${bookingId}`,
    ...(cancels ? ['cancel 204'] : [])
  ]
}

/**
 * What the sidecar has to log of them: each once, tried once, its path as it came.
 * @param {import('./roster.mjs').Client} client
 * @param {Facts} facts
 */
export function expectedLog ({ pipe, cancels = true }, { venue, bookingId }) {
  return [
    '/venues GET /venues 200, 1 attempt',
    `/venues GET /venues/${venue.replaceAll('|', pipe)}/availability 200, 1 attempt`,
    `/venues POST /venues/${encodeURIComponent(venue)}/booking 201, 1 attempt`,
    ...(cancels ? [`/venues DELETE /venues/bookings/${encodeURIComponent(bookingId)} 204, 1 attempt`] : [])
  ]
}

/** @param {import('./demo.mjs').LogLine} line */
export function describe ({ route, method, path, status, attempts }) {
  return `${route} ${method} ${path} ${status}, ${attempts} attempt${attempts === 1 ? '' : 's'}`
}

/**
 * @param {string} what
 * @param {readonly string[]} expected
 * @param {readonly string[]} got
 * @returns {string[]} nothing where they are equal
 */
export function differences (what, expected, got) {
  const lines = []
  for (let i = 0; i < Math.max(expected.length, got.length); i++) {
    if (expected[i] !== got[i]) lines.push(`${what}: expected "${expected[i] ?? 'no more'}", got "${got[i] ?? 'no more'}"`)
  }
  return lines
}
