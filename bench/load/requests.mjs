/** Bytes of a booking. */
export const BOOKING_BYTES = 1024

const SERIAL_DIGITS = 10

const COMMON = 'Host: localhost\r\nUser-Agent: legacy-app/1.0\r\nAccept: application/json\r\n'

let serial = 0

/**
 * Makes requests of which none equals another, so that nothing can be shared between them.
 * @param {'GET' | 'POST'} method a read of availability, or a booking
 * @param {string} [authorization] for the API itself
 * @returns {() => string}
 */
export function createRequests (method, authorization) {
  const headers = COMMON + (authorization === undefined ? '' : `Authorization: ${authorization}\r\n`)
  if (method === 'GET') {
    const tail = ` HTTP/1.1\r\n${headers}\r\n`
    return () => `GET /venues/venue-1/availability?date=2030-05-17&covers=4&n=${serial++}${tail}`
  }
  const [before = '', after = ''] = booking().split('#')
  const head = `POST /venues/venue-1/booking HTTP/1.1\r\n${headers}Content-Type: application/json\r\nContent-Length: ${BOOKING_BYTES}\r\n\r\n${before}`
  return () => head + String(serial++).padStart(SERIAL_DIGITS, '0') + after
}

/** @param {string} target @param {number} [bodyBytes] of a body that follows */
export function createHead (target, bodyBytes) {
  return bodyBytes === undefined
    ? `GET ${target} HTTP/1.1\r\n${COMMON}\r\n`
    : `POST ${target} HTTP/1.1\r\n${COMMON}Content-Type: application/octet-stream\r\nContent-Length: ${bodyBytes}\r\n\r\n`
}

/** With # where the number of the guest goes. */
function booking () {
  const text = JSON.stringify({
    firstName: 'Ada', lastName: 'Lovelace', email: 'guest-#@example.com', phone: '+44 20 7946 0000', partySize: 2, date: '2030-05-17', time: '19:00', type: 'book', notes: ''
  })
  const missing = BOOKING_BYTES - text.length - (SERIAL_DIGITS - 1)
  return text.replace(/""}$/, `"${'.'.repeat(missing)}"}`)
}
