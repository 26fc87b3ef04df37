import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** java.net.http as it comes: asks for HTTP/2 by Upgrade: h2c in plain http. Its URI refuses a raw pipe. */
public class HttpClientH2c {
    public static void main(String[] args) throws Exception {
        String base = System.getenv("BASE_URL");
        String venue = encoded(System.getenv("VENUE"));
        String booking = System.getenv("BOOKING");
        HttpClient client = HttpClient.newHttpClient();

        HttpRequest request = HttpRequest.newBuilder(URI.create(base + "/venues?venueName=dishoom")).build();
        HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
        System.out.println("list " + answer.statusCode() + " " + field(answer.body(), "name"));

        URI availability = URI.create(base + "/venues/" + venue + "/availability?date=" + System.getenv("DATE") + "&partySize=2");
        answer = client.send(HttpRequest.newBuilder(availability).build(), BodyHandlers.ofString());
        System.out.println("availability " + answer.statusCode() + " " + field(answer.body(), "time"));

        // docs: begin
        request = HttpRequest.newBuilder(URI.create(base + "/venues/" + venue + "/booking"))
            .header("Content-Type", "application/json").POST(BodyPublishers.ofString(booking)).build();
        answer = client.send(request, BodyHandlers.ofString());
        // docs: end
        String id = field(answer.body(), "id");
        System.out.println("book " + answer.statusCode() + " " + field(answer.body(), "status") + " " + id);

        request = HttpRequest.newBuilder(URI.create(base + "/venues/bookings/" + encoded(id))).DELETE().build();
        System.out.println("cancel " + client.send(request, BodyHandlers.discarding()).statusCode());
    }

    private static String encoded(String id) {
        return URLEncoder.encode(id, StandardCharsets.UTF_8);
    }

    /** Java has no JSON of its own. */
    private static String field(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return matcher.find() ? matcher.group(1) : "";
    }
}
