# busybox wget, of small images and routers: knows GET and POST only.
. "$(dirname "$0")/answer.sh"

busybox wget -qSO - "$BASE_URL/venues?venueName=dishoom" 2>&1 | report list name
busybox wget -qSO - "$BASE_URL/venues/$VENUE/availability?date=$DATE&partySize=2" 2>&1 | report availability time
busybox wget -qSO - --header 'Content-Type: application/json' --post-data "$BOOKING" \
  "$BASE_URL/venues/$(encoded "$VENUE")/booking" 2>&1 | report book status id
