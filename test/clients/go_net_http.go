// net/http: encodes the pipe itself, keeps its connection.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func main() {
	base, venue := os.Getenv("BASE_URL"), os.Getenv("VENUE")
	booking := strings.NewReader(os.Getenv("BOOKING"))

	var list struct{ Data []struct{ Name string } }
	answer, err := http.Get(base + "/venues?venueName=dishoom")
	read(answer, err, &list)
	fmt.Println("list", answer.StatusCode, list.Data[0].Name)

	var availability struct{ Times []struct{ Time string } }
	answer, err = http.Get(base + "/venues/" + venue + "/availability?date=" + os.Getenv("DATE") + "&partySize=2")
	read(answer, err, &availability)
	fmt.Println("availability", answer.StatusCode, availability.Times[0].Time)

	var booked struct{ Status, ID string }
	// docs: begin
	answer, err = http.Post(base+"/venues/"+url.PathEscape(venue)+"/booking", "application/json", booking)
	check(err)
	err = json.NewDecoder(answer.Body).Decode(&booked)
	// docs: end
	check(err)
	fmt.Println("book", answer.StatusCode, booked.Status, booked.ID)

	request, err := http.NewRequest("DELETE", base+"/venues/bookings/"+url.PathEscape(booked.ID), nil)
	check(err)
	answer, err = http.DefaultClient.Do(request)
	check(err)
	fmt.Println("cancel", answer.StatusCode)
}

func read(answer *http.Response, err error, into any) {
	check(err)
	defer answer.Body.Close()
	check(json.NewDecoder(answer.Body).Decode(into))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
