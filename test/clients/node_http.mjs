// node:http: a path goes out as it is written.
import { request } from 'node:http'
import { json } from 'node:stream/consumers'

const { BASE_URL: base, VENUE: venue, DATE: date, BOOKING: booking } = process.env

/**
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
function send (method, path, body) {
  const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    request(base + path, { method, headers }, resolve).on('error', reject).end(body)
  })
}

let answer = await send('GET', '/venues?venueName=dishoom')
console.log('list', answer.statusCode, (await json(answer)).data[0].name)

answer = await send('GET', `/venues/${venue}/availability?date=${date}&partySize=2`)
console.log('availability', answer.statusCode, (await json(answer)).times[0].time)

answer = await send('POST', `/venues/${encodeURIComponent(venue)}/booking`, booking)
const { status, id } = await json(answer)
console.log('book', answer.statusCode, status, id)

answer = await send('DELETE', `/venues/bookings/${encodeURIComponent(id)}`)
console.log('cancel', answer.statusCode)
// Else the connection, and so the process, waits for somebody to read the end of the answer.
answer.resume()
