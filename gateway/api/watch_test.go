package api

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// TestPreview says how texts would travel, to who may send them.
func TestPreview(t *testing.T) {
	s := newSite(t)
	p := s.program("p", "messages:send", ours)
	for _, tc := range []struct {
		text     string
		encoding string
		segments int
		units    int
		room     int
	}{
		{"", "gsm7", 0, 0, 160},
		{"Hello", "gsm7", 1, 5, 155},
		{"5€", "gsm7", 1, 3, 157},
		{strings.Repeat("a", 161), "gsm7", 2, 161, 145},
		{"Zażółć", "ucs2", 1, 6, 64},
		{strings.Repeat("ж", 71), "ucs2", 2, 71, 63},
		{strings.Repeat("a", 2000), "gsm7", 14, 2000, 142},
	} {
		got := want[Preview](t, p.do("GET", "/messages/preview?text="+query(tc.text), nil), 200)
		expect := Preview{"acme", tc.encoding, tc.segments, gateway.MaxSegments, len([]rune(tc.text)), tc.units, tc.room, tc.text}
		if got != expect {
			t.Errorf("%.10q: got %+v, want %+v", tc.text, got, expect)
		}
	}
	if got := want[Preview](t, s.as("ana").do("GET", "/messages/preview?from="+query(ours)+"&to=1260&text=x", nil), 200); got.Segments != 1 {
		t.Errorf("%+v", got)
	}
	refused(t, s.as("stan").do("GET", "/messages/preview?from="+query(ours)+"&text=x", nil), 422, "number_not_ours")
	refused(t, s.program("q", "messages:read", "").do("GET", "/messages/preview?text=x", nil), 403, "forbidden")
	refused(t, p.do("GET", "/messages/preview?text="+strings.Repeat("a", 4001), nil), 422, "invalid_request")
}

func query(s string) string {
	return strings.NewReplacer(" ", "%20", "+", "%2B", "€", "%E2%82%AC", "ж", "%D0%B6", "ż", "%C5%BC", "ó", "%C3%B3", "ł", "%C5%82", "ć", "%C4%87").Replace(s)
}

// TestTraceOfAMessage shows what happened to who may see the message, and nobody
// else.
func TestTraceOfAMessage(t *testing.T) {
	s := newSite(t)
	p := s.program("p", "messages:send", "")
	m := want[Message](t, p.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 202)
	id, err := gateway.ParseID(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.update(func(tx *store.Tx) error {
		if err := tx.InsertAttempts([]store.Attempt{
			{Segment: id, Attempt: 1, Carrier: "acme", Outcome: "retry", Code: "ESME_RSYSERR", Note: "it is not well."},
			{Segment: id, Carrier: "acme", Outcome: "resend", Note: "ana"},
		}); err != nil {
			return err
		}
		tx.InsertReceipt("acme", &gateway.Receipt{Reference: "abc", Word: "DELIVRD", Err: "000", Tick: gateway.TickDelivered, At: tx.Now().Add(time.Minute), Raw: "id:abc"}, id)
		return tx.InsertReferences("acme", []store.Reference{{Reference: "abc", Segment: id, Attempt: 2, At: tx.Now().Add(time.Second)}})
	})
	trace := want[Trace](t, p.do("GET", "/messages/"+m.ID+"/trace", nil), 200)
	var steps []string
	for _, x := range trace.Steps {
		steps = append(steps, strings.TrimSpace(x.What+" "+x.Code+" "+x.Reference+" "+x.By))
	}
	if got, want := strings.Join(steps, ", "), "written   p, retry ESME_RSYSERR, resend   ana, accepted  abc, receipt DELIVRD abc"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	if len(trace.Segments) != 1 || trace.Segments[0].Tick != "queued" || trace.Message.ID != m.ID {
		t.Errorf("%+v", trace)
	}
	for who, status := range map[*client]int{s.as("max"): 200, s.as("olga"): 200, s.as("ana"): 404, s.as("stan"): 404,
		s.program("reader", "messages:read", ""): 200, s.program("other", "messages:send", ""): 404, s.program("q", "carriers:read", ""): 403} {
		if a := who.do("GET", "/messages/"+m.ID+"/trace", nil); a.status != status {
			t.Errorf("status %d, want %d: %s", a.status, status, a.body)
		}
	}
	refused(t, p.do("GET", "/messages/nonsense/trace", nil), 404, "not_found")
}

// TestQuarantineList pages through what could not be decoded.
func TestQuarantineList(t *testing.T) {
	s := newSite(t)
	for _, raw := range []string{"one", "two", "three"} {
		s.update(func(tx *store.Tx) error { return tx.Quarantine("acme", []byte(raw), "bad "+raw) })
	}
	s.update(func(tx *store.Tx) error { return tx.Quarantine("other", []byte("else"), "") })
	olga := s.as("olga")
	first := want[QuarantineList](t, olga.do("GET", "/quarantine?carrier=acme&limit=2", nil), 200)
	if len(first.Items) != 2 || first.Items[0].Reason != "bad three" || first.Items[0].Octets != hex.EncodeToString([]byte("three")) || first.NextCursor == nil {
		t.Fatalf("%+v", first)
	}
	rest := want[QuarantineList](t, olga.do("GET", "/quarantine?carrier=acme&limit=2&cursor="+*first.NextCursor, nil), 200)
	if len(rest.Items) != 1 || rest.Items[0].Reason != "bad one" || rest.NextCursor != nil {
		t.Errorf("%+v", rest)
	}
	refused(t, s.as("max").do("GET", "/quarantine", nil), 403, "forbidden")
	refused(t, s.program("p", "messages:read", "").do("GET", "/quarantine", nil), 403, "forbidden")
	refused(t, olga.do("GET", "/quarantine?cursor=x", nil), 422, "invalid_request")
}

// TestCarrierThatCannotBeTraced refuses with a reason.
func TestCarrierThatCannotBeTraced(t *testing.T) {
	s := newSite(t)
	olga := s.as("olga")
	refused(t, olga.do("POST", "/carriers/acme/trace", traceBody{For: "5m"}), 409, "conflict")
	refused(t, olga.do("POST", "/carriers/nobody/trace", traceBody{For: "5m"}), 404, "not_found")
	refused(t, olga.do("POST", "/carriers/acme/trace", traceBody{For: "long"}), 422, "invalid_request")
	refused(t, s.as("max").do("POST", "/carriers/acme/trace", traceBody{For: "5m"}), 403, "forbidden")
	if got := want[CarrierTrace](t, olga.do("GET", "/carriers/acme/trace", nil), 200); got.Until != nil || len(got.Items) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestParticularsOfATextAreChecked gives what no carrier could send.
func TestParticularsOfATextAreChecked(t *testing.T) {
	s := newSite(t)
	p := s.program("p", "messages:send", "")
	body := func(more string) string {
		return `{"from":"` + ours + `","to":"` + customer + `","text":"x",` + more + `}`
	}
	refused(t, p.do("POST", "/messages", body(`"validity":"soon"`)), 422, "invalid_request")
	refused(t, p.do("POST", "/messages", body(`"validity":"10ms"`)), 422, "invalid_request")
	refused(t, p.do("POST", "/messages", body(`"tlvs":{"0x1400":"x"}`)), 422, "invalid_request")
	if m := want[Message](t, p.do("POST", "/messages", body(`"flash":true,"validity":"2h"`)), 202); !m.Flash {
		t.Errorf("%+v", m)
	}
}

// TestTokenLimits refuses a program what its token is not for.
func TestTokenLimits(t *testing.T) {
	s := newSite(t)
	secret, hash := NewToken()
	s.update(func(tx *store.Tx) error {
		return tx.AddToken(&store.Token{Name: "p", Hash: hash, Scopes: "messages:send", AllowTo: "+1", PerDay: 2})
	})
	p := &client{s: s, token: secret}
	refused(t, p.do("POST", "/messages", SendBody{From: ours, To: "+447400900123", Text: "x"}), 422, "destination_not_allowed")
	for range 2 {
		want[Message](t, p.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 202)
	}
	a := p.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"})
	refused(t, a, 429, "rate_limited")
	if a.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After in %v", a.header)
	}
}
