# curl: sends a path as it is written.
. "$(dirname "$0")/answer.sh"

curl -isS "$BASE_URL/venues?venueName=dishoom" | report list name
curl -isS "$BASE_URL/venues/$VENUE/availability?date=$DATE&partySize=2" | report availability time
# docs: begin
curl -isS -H 'Content-Type: application/json' --data-binary "$BOOKING" \
  "$BASE_URL/venues/$(encoded "$VENUE")/booking" > booked
# docs: end
report book status id < booked
id=$(field id)
curl -isS -X DELETE "$BASE_URL/venues/bookings/$(encoded "$id")" | report cancel
