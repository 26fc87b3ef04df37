# wget: encodes the pipe itself, and leaves %7C alone. -S prints the head before the body.
. "$(dirname "$0")/answer.sh"

wget -qSO - "$BASE_URL/venues?venueName=dishoom" 2>&1 | report list name
wget -qSO - "$BASE_URL/venues/$VENUE/availability?date=$DATE&partySize=2" 2>&1 | report availability time
wget -qSO - --header 'Content-Type: application/json' --post-data "$BOOKING" \
  "$BASE_URL/venues/$(encoded "$VENUE")/booking" 2>&1 | report book status id
id=$(field id)
wget -qSO - --method DELETE "$BASE_URL/venues/bookings/$(encoded "$id")" 2>&1 | report cancel
