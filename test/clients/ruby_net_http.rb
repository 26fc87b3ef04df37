# Net::HTTP: one connection for all four. Its URI() refuses a raw pipe; a path as a string may hold one.
require 'erb'
require 'json'
require 'net/http'

base, venue, date, booking = ENV.values_at('BASE_URL', 'VENUE', 'DATE', 'BOOKING')

def encoded(id) = ERB::Util.url_encode(id)

uri = URI(base)
Net::HTTP.start(uri.host, uri.port) do |http|
  answer = http.get('/venues?venueName=dishoom')
  puts "list #{answer.code} #{JSON.parse(answer.body)['data'][0]['name']}"

  answer = http.get("/venues/#{venue}/availability?date=#{date}&partySize=2")
  puts "availability #{answer.code} #{JSON.parse(answer.body)['times'][0]['time']}"

  # docs: begin
  answer = http.post("/venues/#{encoded(venue)}/booking", booking, 'Content-Type' => 'application/json')
  booked = JSON.parse(answer.body)
  # docs: end
  puts "book #{answer.code} #{booked['status']} #{booked['id']}"

  puts "cancel #{http.delete("/venues/bookings/#{encoded(booked['id'])}").code}"
end
