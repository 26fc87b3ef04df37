# HTTP/1.0 by hand: no Host, and the answer ends where the connection does.
. "$(dirname "$0")/answer.sh"

address=${BASE_URL#http://}
send () { nc.openbsd -w 10 "${address%:*}" "${address#*:}"; }
octets () { printf '%s' "$1" | wc -c; }

printf 'GET /venues?venueName=dishoom HTTP/1.0\r\n\r\n' | send | report list name
printf 'GET /venues/%s/availability?date=%s&partySize=2 HTTP/1.0\r\n\r\n' "$VENUE" "$DATE" | send | report availability time
printf 'POST /venues/%s/booking HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
  "$(encoded "$VENUE")" "$(octets "$BOOKING")" "$BOOKING" | send | report book status id
id=$(field id)
printf 'DELETE /venues/bookings/%s HTTP/1.0\r\n\r\n' "$(encoded "$id")" | send | report cancel
