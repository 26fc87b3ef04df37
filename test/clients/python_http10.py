"""http.client made to speak HTTP/1.0, as scripts of its age do."""
import json
from http.client import HTTPConnection
from os import environ
from urllib.parse import quote, urlsplit

base, venue, date, booking = (environ[name] for name in ('BASE_URL', 'VENUE', 'DATE', 'BOOKING'))


class OldConnection(HTTPConnection):
    _http_vsn, _http_vsn_str = 10, 'HTTP/1.0'


connection = OldConnection(urlsplit(base).netloc)

connection.request('GET', '/venues?venueName=dishoom')
answer = connection.getresponse()
print('list', answer.status, json.load(answer)['data'][0]['name'])

connection.request('GET', f'/venues/{venue}/availability?date={date}&partySize=2')
answer = connection.getresponse()
print('availability', answer.status, json.load(answer)['times'][0]['time'])

connection.request('POST', f'/venues/{quote(venue)}/booking', booking.encode(), {'Content-Type': 'application/json'})
answer = connection.getresponse()
booked = json.load(answer)
print('book', answer.status, booked['status'], booked['id'])

connection.request('DELETE', f"/venues/bookings/{quote(booked['id'])}")
print('cancel', connection.getresponse().status)
