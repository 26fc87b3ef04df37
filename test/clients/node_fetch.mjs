// fetch, as browsers and Node have it: leaves a pipe in a path alone.
const { BASE_URL: base, VENUE: venue, DATE: date, BOOKING: booking } = process.env

let answer = await fetch(`${base}/venues?venueName=dishoom`)
console.log('list', answer.status, (await answer.json()).data[0].name)

answer = await fetch(`${base}/venues/${venue}/availability?date=${date}&partySize=2`)
console.log('availability', answer.status, (await answer.json()).times[0].time)

// docs: begin
const headers = { 'content-type': 'application/json' }
answer = await fetch(`${base}/venues/${encodeURIComponent(venue)}/booking`, { method: 'POST', headers, body: booking })
const { status, id } = await answer.json()
// docs: end
console.log('book', answer.status, status, id)

answer = await fetch(`${base}/venues/bookings/${encodeURIComponent(id)}`, { method: 'DELETE' })
console.log('cancel', answer.status)
