package store

import (
	"fmt"
	"testing"
	"time"

	"smsbridge/gateway"
)

// fact adds a fact with a time of its own, as no caller but a test may.
func (tx *Tx) factAt(at time.Time, f Fact) error {
	_, err := tx.exec(`INSERT INTO facts (id, at, kind, queue, person, took, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		int64(tx.NewID()), micros(at), int64(f.Kind), int64(f.Queue), int64(f.Person), f.Took.Microseconds(), f.Reason)
	return err
}

func testReports(b *bed) {
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	days := []time.Time{day, day.AddDate(0, 0, 1), day.AddDate(0, 0, 2)}
	b.do(func(tx *Tx) error {
		add := func(at time.Time, f Fact) {
			if err := tx.factAt(at, f); err != nil {
				b.t.Error(err)
			}
		}
		for i := range 10 { // 10 s, 20 s … 100 s, out of order
			add(day.Add(time.Hour), Fact{Kind: FactTaken, Queue: 1, Person: 5, Took: time.Duration((i*7)%10+1) * 10 * time.Second})
			add(day.Add(time.Hour), Fact{Kind: FactIncoming, Queue: 1})
		}
		add(day, Fact{Kind: FactAnswered, Queue: 1, Person: 5, Took: 1234567 * time.Microsecond})
		add(days[1].Add(-time.Microsecond), Fact{Kind: FactDealtWith, Queue: 1, Person: 5, Reason: "refund"})
		add(days[1], Fact{Kind: FactDealtWith, Queue: 1, Person: 5, Reason: "refund"})
		add(days[1], Fact{Kind: FactDealtWith, Queue: 2, Person: 6, Reason: "spam"})
		add(days[1], Fact{Kind: FactDealtWith, Queue: 2, Person: 6})
		add(days[1], Fact{Kind: FactAnswered, Queue: 2, Person: 6, Took: -time.Second})
		add(days[1], Fact{Kind: FactFailed, Queue: 2})
		add(days[1], Fact{Kind: FactFailed, Queue: 2, Person: 6})
		add(days[1], Fact{Kind: FactArrived, Queue: 2, Person: 6})
		add(days[2], Fact{Kind: FactIncoming, Queue: 1})                    // behind the end
		add(day.Add(-time.Microsecond), Fact{Kind: FactIncoming, Queue: 1}) // before the beginning
		return nil
	})
	took := Percentiles{10, 50 * time.Second, 90 * time.Second}
	first := Percentiles{1, 1234 * time.Millisecond, 1234 * time.Millisecond}
	refund := func(n int) []ReasonCount { return []ReasonCount{{"refund", n}} }
	spam := []ReasonCount{{"spam", 1}, {"", 1}}
	for _, test := range []struct {
		name  string
		query ReportQuery
		want  []ReportRow
	}{
		{"in all", ReportQuery{}, []ReportRow{{Incoming: 10, Answered: 2, DealtWith: 4, Failures: 1, Reasons: append(refund(2), ReasonCount{"spam", 1}, ReasonCount{"", 1}),
			ToTake: took, ToFirstReply: Percentiles{2, 0, 1234 * time.Millisecond}}}},
		{"by queue", ReportQuery{ByQueue: true}, []ReportRow{
			{Queue: 1, Incoming: 10, Answered: 1, DealtWith: 2, Reasons: refund(2), ToTake: took, ToFirstReply: first},
			{Queue: 2, Answered: 1, DealtWith: 2, Failures: 1, Reasons: spam, ToFirstReply: Percentiles{Count: 1}}}},
		{"by day", ReportQuery{ByDay: true, Queues: []gateway.ID{1}}, []ReportRow{
			{Incoming: 10, Answered: 1, DealtWith: 1, Reasons: refund(1), ToTake: took, ToFirstReply: first},
			{Day: 1, DealtWith: 1, Reasons: refund(1)}}},
		{"by person", ReportQuery{ByPerson: true, Queues: []gateway.ID{2}}, []ReportRow{
			{Failures: 1}, {Person: 6, Answered: 1, DealtWith: 2, Reasons: spam, ToFirstReply: Percentiles{Count: 1}}}},
		{"of a person, by all", ReportQuery{ByPerson: true, ByDay: true, ByQueue: true, Person: 5}, []ReportRow{
			{Queue: 1, Person: 5, Answered: 1, DealtWith: 1, Reasons: refund(1), ToTake: took, ToFirstReply: first},
			{Day: 1, Queue: 1, Person: 5, DealtWith: 1, Reasons: refund(1)}}},
		{"of no queue", ReportQuery{ByQueue: true, Queues: []gateway.ID{}}, nil},
	} {
		test.query.Days = days
		equal(b.t, test.name, must(b.Report(b.ctx, test.query))(b.t), test.want)
	}
}

func TestTopReasons(t *testing.T) {
	counts := map[string]int{}
	for i := range MaxReasons {
		counts[fmt.Sprintf("%03d", i)] = 2
	}
	equal(t, "as many as are named", len(topReasons(counts)), MaxReasons)
	counts["one more"] = 1
	got := topReasons(counts)
	equal(t, "one more", []any{len(got), got[0], got[MaxReasons-1]}, []any{MaxReasons, ReasonCount{"000", 2}, ReasonCount{"", 3}})
	tl := &tally{}
	for i := range 2 * knownReasons {
		tl.add(&factCount{kind: FactDealtWith, reason: fmt.Sprint(i), count: 1})
	}
	if n := len(tl.reasons); n > knownReasons+1 {
		t.Errorf("%d reasons are counted apart", n)
	}
	sum := 0
	for _, r := range topReasons(tl.reasons) {
		sum += r.Count
	}
	equal(t, "in all", sum, 2*knownReasons)
}

// TestPercentiles compares with the definition: the least value that so many of a
// hundred do not exceed.
func TestPercentiles(t *testing.T) {
	for n := 1; n < 40; n++ {
		times := map[time.Duration]int{}
		for i := range n {
			times[time.Duration(i/2)]++
		}
		got := percentiles(times, n)
		for percent, p := range map[int]time.Duration{50: got.P50, 90: got.P90} {
			upTo, below := 0, 0
			for d, k := range times {
				if d <= p {
					upTo += k
				}
				if d < p {
					below += k
				}
			}
			if upTo*100 < percent*n || below*100 >= percent*n {
				t.Errorf("of %d, p%d is %d", n, percent, p)
			}
		}
	}
	equal(t, "of none", percentiles(nil, 0), Percentiles{})
}
