package api

import (
	"net/url"
	"testing"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func TestOurNumbers(t *testing.T) {
	s := newSite(t)
	for who, numbers := range map[*client]int{s.as("ana"): 2, s.as("stan"): 1, s.as("olga"): 2, s.program("p", "conversations:read", ""): 2, s.program("q", "conversations:read", ours): 1} {
		if got := want[OurNumberList](t, who.do("GET", "/numbers", nil), 200).Items; len(got) != numbers {
			t.Errorf("%+v, want %d", got, numbers)
		}
	}
	refused(t, s.program("r", "messages:send", "").do("GET", "/numbers", nil), 403, "forbidden")
	first := want[OurNumberList](t, s.as("olga").do("GET", "/numbers?limit=1", nil), 200)
	if n := first.Items[0]; n.Number != ours || n.Kind != "e164" || n.Queue.Name != "Sales" || n.Person != nil || n.Stops || len(n.Carriers) != 1 || n.Carriers[0] != "acme" || first.NextCursor == nil {
		t.Errorf("%+v", first)
	}
	refused(t, s.as("olga").do("POST", "/numbers/parse", nil), 405, "method_not_allowed")
}

func TestNumberChangesHands(t *testing.T) {
	s := newSite(t)
	s.run()
	olga, max, ana := s.as("olga"), s.as("max"), s.as("ana")
	lea := s.hire("lea", "201", "manager", store.GeneralQueue)
	path := "/numbers/" + url.PathEscape(ours)
	own := `{"person":"` + s.people["stan"].String() + `"}`
	s.everyone("PATCH", path, own, map[*client]int{ana: 403, max: 403, lea: 404, s.program("p", "admin", ""): 403})
	n := want[OurNumber](t, olga.do("PATCH", path, own), 200)
	if n.Person == nil || n.Person.Name != "stan" || n.Queue.Name != "Sales" {
		t.Errorf("%+v", n)
	}
	s.audited("number.changed", "olga", ours, s.people["stan"].String())
	stan := s.as("stan")
	if got := want[OurNumberList](t, stan.do("GET", "/numbers", nil), 200).Items; len(got) != 2 {
		t.Errorf("whose it is sees %+v", got)
	}
	s.arrive(customer, ours, "for stan") // who is there
	if c := stan.list(t, "?view=mine"); len(c) != 1 || c[0].Status != "taken" {
		t.Errorf("%+v", c)
	}

	if n := want[OurNumber](t, max.do("PATCH", path, `{"carrier_handles_stop":true}`), 200); !n.Stops || n.Person == nil {
		t.Errorf("%+v", n)
	}
	s.audited("number.changed", "max", "STOP: true")
	n = want[OurNumber](t, olga.do("PATCH", path, `{"person":null,"queue":"`+store.GeneralQueue.String()+`"}`), 200)
	if n.Person != nil || n.Queue.Name != "General" || !n.Stops {
		t.Errorf("%+v", n)
	}
	rows := len(s.deeds("number.changed"))
	want[OurNumber](t, olga.do("PATCH", path, `{"person":null}`), 200)
	if got := len(s.deeds("number.changed")); got != rows {
		t.Errorf("what changes nothing is recorded: %d rows, then %d", rows, got)
	}

	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["ben"]) })
	for body, at := range map[string]string{
		`{"person":"` + s.people["ben"].String() + `"}`: "body.person",
		`{"person":"0000000000009"}`:                    "body.person",
		`{"person":"nobody"}`:                           "body.person",
		`{"queue":"0000000000009"}`:                     "body.queue",
		`{"queue":"x"}`:                                 "body.queue",
	} {
		if p := refused(t, olga.do("PATCH", path, body), 422, "invalid_request"); p.Errors[0].Location != at {
			t.Errorf("%s: %+v", body, p)
		}
	}
	refused(t, olga.do("PATCH", "/numbers/%2B1999", own), 404, "not_found")
	if n := s.dir.Number(ours); n != (store.Number{Number: ours, Queue: gateway.ID(store.GeneralQueue), CarrierStops: true}) {
		t.Errorf("%+v", n)
	}
}
