import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Scanner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** HttpURLConnection, written for Java 7: sends a path as it is written. */
public class UrlConnection {
    public static void main(String[] args) throws Exception {
        String base = System.getenv("BASE_URL");
        String venue = System.getenv("VENUE");
        byte[] booking = System.getenv("BOOKING").getBytes(StandardCharsets.UTF_8);

        HttpURLConnection call = open(base + "/venues?venueName=dishoom");
        System.out.println("list " + call.getResponseCode() + " " + field(bodyOf(call), "name"));

        call = open(base + "/venues/" + venue + "/availability?date=" + System.getenv("DATE") + "&partySize=2");
        System.out.println("availability " + call.getResponseCode() + " " + field(bodyOf(call), "time"));

        call = open(base + "/venues/" + URLEncoder.encode(venue, "UTF-8") + "/booking");
        call.setDoOutput(true);
        call.setRequestProperty("Content-Type", "application/json");
        call.getOutputStream().write(booking);
        String booked = bodyOf(call);
        System.out.println("book " + call.getResponseCode() + " " + field(booked, "status") + " " + field(booked, "id"));

        call = open(base + "/venues/bookings/" + URLEncoder.encode(field(booked, "id"), "UTF-8"));
        call.setRequestMethod("DELETE");
        System.out.println("cancel " + call.getResponseCode());
    }

    private static HttpURLConnection open(String url) throws Exception {
        return (HttpURLConnection) new URL(url).openConnection();
    }

    private static String bodyOf(HttpURLConnection call) throws Exception {
        try (InputStream body = call.getInputStream(); Scanner scanner = new Scanner(body, "UTF-8")) {
            return scanner.useDelimiter("\\A").next();
        }
    }

    /** Java has no JSON of its own. */
    private static String field(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return matcher.find() ? matcher.group(1) : "";
    }
}
