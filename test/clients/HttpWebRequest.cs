using System;
using System.IO;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

/// HttpWebRequest of the .NET Framework: sends Expect: 100-continue before each body.
static class Client
{
    static void Main()
    {
        string url = Environment.GetEnvironmentVariable("BASE_URL");
        string venue = Environment.GetEnvironmentVariable("VENUE");
        string date = Environment.GetEnvironmentVariable("DATE");
        byte[] booking = Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable("BOOKING"));

        string body = Send("list", Request("GET", url + "/venues?venueName=dishoom"), "name");
        body = Send("availability", Request("GET", url + "/venues/" + venue + "/availability?date=" + date + "&partySize=2"), "time");

        // docs: begin
        HttpWebRequest request = Request("POST", url + "/venues/" + Uri.EscapeDataString(venue) + "/booking");
        request.ContentType = "application/json";
        using (Stream upload = request.GetRequestStream()) upload.Write(booking, 0, booking.Length);
        // docs: end
        body = Send("book", request, "status", "id");

        Send("cancel", Request("DELETE", url + "/venues/bookings/" + Uri.EscapeDataString(Field(body, "id"))));
    }

    static HttpWebRequest Request(string method, string url)
    {
        HttpWebRequest request = (HttpWebRequest)WebRequest.Create(url);
        request.Method = method;
        return request;
    }

    static string Send(string call, HttpWebRequest request, params string[] fields)
    {
        using (HttpWebResponse answer = (HttpWebResponse)request.GetResponse())
        using (StreamReader reader = new StreamReader(answer.GetResponseStream(), Encoding.UTF8))
        {
            string body = reader.ReadToEnd();
            Console.Write(call + " " + (int)answer.StatusCode);
            foreach (string name in fields) Console.Write(" " + Field(body, name));
            Console.WriteLine();
            return body;
        }
    }

    static string Field(string json, string name)
    {
        return Regex.Match(json, "\"" + name + "\":\"([^\"]*)\"").Groups[1].Value;
    }
}
