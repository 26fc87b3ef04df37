# LWP: encodes the pipe itself.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use LWP::UserAgent;
use URI::Escape qw(uri_escape);

my ($base, $venue, $date, $booking) = @ENV{qw(BASE_URL VENUE DATE BOOKING)};
my $agent = LWP::UserAgent->new;

my $answer = $agent->get("$base/venues?venueName=dishoom");
printf "list %d %s\n", $answer->code, decode_json($answer->content)->{data}[0]{name};

$answer = $agent->get("$base/venues/$venue/availability?date=$date&partySize=2");
printf "availability %d %s\n", $answer->code, decode_json($answer->content)->{times}[0]{time};

# docs: begin
my $url = "$base/venues/" . uri_escape($venue) . '/booking';
$answer = $agent->post($url, 'Content-Type' => 'application/json', Content => $booking);
my $booked = decode_json($answer->content);
# docs: end
printf "book %d %s %s\n", $answer->code, @$booked{qw(status id)};

$answer = $agent->delete("$base/venues/bookings/" . uri_escape($booked->{id}));
printf "cancel %d\n", $answer->code;
