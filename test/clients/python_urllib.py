"""urllib: a new connection for each request, by Connection: close."""
import json
from os import environ
from urllib.parse import quote
from urllib.request import Request, urlopen

base, venue, date, booking = (environ[name] for name in ('BASE_URL', 'VENUE', 'DATE', 'BOOKING'))

with urlopen(f'{base}/venues?venueName=dishoom') as answer:
    print('list', answer.status, json.load(answer)['data'][0]['name'])

with urlopen(f'{base}/venues/{venue}/availability?date={date}&partySize=2') as answer:
    print('availability', answer.status, json.load(answer)['times'][0]['time'])

# docs: begin
request = Request(f'{base}/venues/{quote(venue)}/booking', booking.encode(), {'Content-Type': 'application/json'})
with urlopen(request) as answer:
    booked = json.load(answer)
# docs: end
print('book', answer.status, booked['status'], booked['id'])

with urlopen(Request(f"{base}/venues/bookings/{quote(booked['id'])}", method='DELETE')) as answer:
    print('cancel', answer.status)
