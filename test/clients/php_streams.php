<?php
// file_get_contents, for hosts without the curl extension.
[$base, $venue, $date, $booking] = array_map('getenv', ['BASE_URL', 'VENUE', 'DATE', 'BOOKING']);

function status(array $headers): string
{
    return explode(' ', $headers[0])[1];
}

$list = json_decode(file_get_contents("$base/venues?venueName=dishoom"), true);
echo 'list ', status($http_response_header), " {$list['data'][0]['name']}\n";

$availability = json_decode(file_get_contents("$base/venues/$venue/availability?date=$date&partySize=2"), true);
echo 'availability ', status($http_response_header), " {$availability['times'][0]['time']}\n";

$options = ['method' => 'POST', 'header' => 'Content-Type: application/json', 'content' => $booking];
$body = file_get_contents("$base/venues/" . rawurlencode($venue) . '/booking', false, stream_context_create(['http' => $options]));
$booked = json_decode($body, true);
echo 'book ', status($http_response_header), " {$booked['status']} {$booked['id']}\n";

$context = stream_context_create(['http' => ['method' => 'DELETE']]);
file_get_contents("$base/venues/bookings/" . rawurlencode($booked['id']), false, $context);
echo 'cancel ', status($http_response_header), "\n";
