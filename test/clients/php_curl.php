<?php
// The curl extension.
[$base, $venue, $date, $booking] = array_map('getenv', ['BASE_URL', 'VENUE', 'DATE', 'BOOKING']);

function status($curl): int
{
    return curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
}

$curl = curl_init("$base/venues?venueName=dishoom");
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
$list = json_decode(curl_exec($curl), true);
echo 'list ', status($curl), " {$list['data'][0]['name']}\n";

$curl = curl_init("$base/venues/$venue/availability?date=$date&partySize=2");
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
$availability = json_decode(curl_exec($curl), true);
echo 'availability ', status($curl), " {$availability['times'][0]['time']}\n";

// docs: begin
$curl = curl_init("$base/venues/" . rawurlencode($venue) . '/booking');
curl_setopt_array($curl, [CURLOPT_POSTFIELDS => $booking, CURLOPT_HTTPHEADER => ['Content-Type: application/json'], CURLOPT_RETURNTRANSFER => true]);
$booked = json_decode(curl_exec($curl), true);
// docs: end
echo 'book ', status($curl), " {$booked['status']} {$booked['id']}\n";

$curl = curl_init("$base/venues/bookings/" . rawurlencode($booked['id']));
curl_setopt($curl, CURLOPT_CUSTOMREQUEST, 'DELETE');
curl_exec($curl);
echo 'cancel ', status($curl), "\n";
