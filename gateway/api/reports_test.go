package api

import (
	"encoding/csv"
	"net/url"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func (c *client) report(t *testing.T, query string) []ReportRow {
	t.Helper()
	return want[Report](t, c.do("GET", "/reports?"+query, nil), 200).Items
}

// TestReportsEndToEnd has a customer's text taken, answered and dealt with, and a
// text of ours fail, and asks everybody for reports.
func TestReportsEndToEnd(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, ben := s.as("ana"), s.as("ben")
	s.arrive(customer, ours, "hello")
	s.arrive("+12602058902", general, "hello")
	c := s.waitingFrom(t, customer)
	want[Conversation](t, ana.do("POST", "/conversations/"+c.ID+"/take", nil), 200)
	m := want[Message](t, ana.do("POST", "/conversations/"+c.ID+"/messages", replyBody{Text: "hi"}), 202)
	if a := ana.do("POST", "/messages/"+m.ID+"/cancel", nil); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := ana.do("POST", "/conversations/"+c.ID+"/dealt-with", dealtWithBody{Reason: "=1+1"}); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	rows := s.as("olga").report(t, "by=queue")
	if len(rows) != 2 || rows[0].Queue.Name != "General" || rows[0].Incoming != 1 || rows[0].TimeToTake.P50 != nil || rows[0].Agent != nil || rows[0].Day != nil {
		t.Fatalf("%+v", rows)
	}
	r := rows[1]
	if r.Queue.ID != s.queue.String() || r.Queue.Name != "Sales" || r.Incoming != 1 || r.Answered != 1 || r.DealtWith != 1 || r.Failures != 1 ||
		len(r.Reasons) != 1 || r.Reasons[0] != (Reason{"=1+1", 1}) || r.TimeToTake.P50 == nil || *r.TimeToTake.P90 > 60 || r.TimeToFirstReply.P90 == nil {
		t.Errorf("%+v", r)
	}
	if rows := s.as("max").report(t, "by=queue,agent,day"); len(rows) != 2 || rows[0].Agent != nil || rows[0].Incoming != 1 || rows[0].Failures != 0 ||
		rows[1].Agent.Name != "ana" || rows[1].Answered != 1 || rows[1].Failures != 1 || *rows[1].Day != time.Now().UTC().Format(time.DateOnly) {
		t.Errorf("max, of Sales alone: %+v", rows)
	}
	if rows := ana.report(t, "by=agent,day&timezone=Pacific/Kiritimati"); len(rows) != 1 || rows[0].Agent.Name != "ana" || rows[0].DealtWith != 1 || rows[0].Incoming != 0 {
		t.Errorf("ana of herself: %+v", rows)
	}
	if rows := ben.report(t, "by=agent"); len(rows) != 0 {
		t.Errorf("ben of himself: %+v", rows)
	}
	if rows := s.program("p", "conversations:read", "").report(t, "by=queue&queue="+s.queue.String()); len(rows) != 1 || rows[0].Incoming != 1 {
		t.Errorf("a program: %+v", rows)
	}
	if a := s.as("olga").do("GET", "/reports?by=queue,agent", nil, "Accept", "text/csv"); !strings.Contains(string(a.body), ",'=1+1: 1\n") {
		t.Errorf("%s", a.body)
	}
}

// waitingFrom is the one of those that wait that is a customer's.
func (s *site) waitingFrom(t *testing.T, peer string) Conversation {
	t.Helper()
	for _, c := range s.as("olga").list(t, "?view=waiting") {
		if c.Peer == peer {
			return c
		}
	}
	t.Fatalf("%s does not wait", peer)
	return Conversation{}
}

func TestWhoGetsReports(t *testing.T) {
	s := newSite(t)
	general, sales, ana := store.GeneralQueue.String(), s.queue.String(), s.people["ana"].String()
	for _, tc := range []struct {
		who, query string
		status     int
		code       string
	}{
		{"ana", "by=day", 200, ""},
		{"ana", "by=agent&agent=" + ana + "&queue=" + sales, 200, ""},
		{"ana", "by=queue", 403, "forbidden"},
		{"ana", "by=agent&agent=" + s.people["ben"].String(), 404, "not_found"},
		{"stan", "by=agent&queue=" + sales, 404, "not_found"},
		{"max", "by=queue&queue=" + sales, 200, ""},
		{"max", "by=queue&queue=" + general, 404, "not_found"},
		{"max", "by=agent&agent=" + ana, 200, ""},
		{"olga", "by=queue&queue=" + general, 200, ""},
		{"olga", "by=queue&queue=" + gateway.ID(12345).String(), 200, ""},
		{"olga", "by=queue&queue=nonsense", 422, "invalid_request"},
		{"olga", "by=queue&agent=nonsense", 422, "invalid_request"},
		{"olga", "", 422, "invalid_request"},
		{"olga", "by=", 422, "invalid_request"},
		{"olga", "by=week", 422, "invalid_request"},
		{"olga", "by=day&format=xml", 422, "invalid_request"},
		{"olga", "by=day&from=2026-13-01", 422, "invalid_request"},
		{"olga", "by=day&from=2026-02-02&to=2026-02-01", 422, "invalid_request"},
		{"olga", "by=day&from=2024-01-01&to=2025-02-03", 200, ""},
		{"olga", "by=day&from=2024-01-01&to=2025-02-04", 422, "invalid_request"},
		{"program", "by=queue", 200, ""},
		{"limited", "by=queue", 403, "forbidden"},
		{"sender", "by=queue", 403, "forbidden"},
	} {
		var c *client
		switch tc.who {
		case "program":
			c = s.program("p", "conversations:read", "")
		case "limited":
			c = s.program("l", "conversations:read", ours)
		case "sender":
			c = s.program("s", "messages:send", "")
		default:
			c = s.as(tc.who)
		}
		for _, accept := range []string{"application/json", "text/csv"} {
			if a := c.do("GET", "/reports?"+tc.query, nil, "Accept", accept); tc.status != 200 {
				refused(t, a, tc.status, tc.code)
			} else if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), accept) {
				t.Errorf("%s, %s: %d %s %s", tc.who, tc.query, a.status, a.header, a.body)
			}
		}
	}
	for _, zone := range []string{"Mars/Base", "Local", "../etc/passwd"} {
		p := refused(t, s.as("olga").do("GET", "/reports?by=day&timezone="+url.QueryEscape(zone), nil), 422, "invalid_request")
		if len(p.Errors) != 1 || p.Errors[0].Location != "query.timezone" {
			t.Errorf("%s: %+v", zone, p)
		}
	}
	r := want[Report](t, s.as("olga").do("GET", "/reports?by=day&timezone=Europe/Zurich&to=2026-11-30", nil), 200)
	if r.From != "2026-11-24" || r.To != "2026-11-30" || r.Timezone != "Europe/Zurich" {
		t.Errorf("%+v", r)
	}
}

// TestMidnight checks the days on which clocks change, around midnight too.
func TestMidnight(t *testing.T) {
	for _, tc := range []struct{ zone, day, begins, ends string }{
		{"UTC", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"},
		{"Europe/Zurich", "2026-10-24", "2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"},
		{"Europe/Zurich", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, // 25 hours
		{"Europe/Zurich", "2026-10-26", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"},
		{"Europe/Zurich", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},    // 23
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}, // begins at one
		{"America/Santiago", "2026-09-05", "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"},
		{"America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z"}, // eleven in the evening twice
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},   // midnight twice
		{"America/Havana", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},   // begins at one
		{"Asia/Kathmandu", "2026-10-25", "2026-10-24T18:15:00Z", "2026-10-25T18:15:00Z"},
	} {
		days, err := reportDays(&reportQuery{From: tc.day, To: tc.day, Timezone: tc.zone}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		begins, ends := days[0].begins.UTC().Format(time.RFC3339), days[1].begins.UTC().Format(time.RFC3339)
		if begins != tc.begins || ends != tc.ends {
			t.Errorf("%s, %s: from %s to %s, want %s to %s", tc.zone, tc.day, begins, ends, tc.begins, tc.ends)
		}
	}
}

func TestReportCSV(t *testing.T) {
	day, half := "2026-11-30", 1.5
	r := Report{Items: []ReportRow{
		{Day: &day, Queue: &Named{"0q", `@home, "here"`}, Agent: &Named{"0a", "-ana"}, Incoming: 3, Failures: -1, TimeToTake: Percentiles{&half, &half},
			Reasons: []Reason{{"+spam", 2}, {"", 1}}},
		{Queue: &Named{"0d", ""}},
	}}
	lines, err := csv.NewReader(strings.NewReader(string(r.csv()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines[1:] {
		got = append(got, strings.Join(l, "|"))
	}
	if len(got) != 2 || got[0] != `2026-11-30|0q|'@home, "here"|0a|'-ana|3|0|0|-1|1.5|1.5|||'+spam: 2; : 1` || got[1] != "|0d||||0|0|0|0|||||" {
		t.Errorf("%q", got)
	}
}
