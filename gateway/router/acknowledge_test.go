package router

import (
	"slices"
	"testing"
	"time"

	"smsbridge/gateway"
)

// Answers may wait for the next one on their connection, and no longer: on another
// one there may be nothing to say for a long time.
func TestAnswersOfEachConnectionGoOut(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		links := []gateway.ID{1, 2, 1, 1, 2, 3}
		more := make([]bool, len(links))
		reports := make([]gateway.Report, len(links))
		for i, link := range links {
			reports[i] = gateway.Report{Kind: gateway.ReportInbound, At: time.Now(), Link: link, Inbound: b.text(customer(i), "hello"),
				Ack: func(_ gateway.AckStatus, m bool, _ func()) { more[i] = m }}
		}
		if err := b.r.pumps["acme"].apply(b.ctx, reports); err != nil {
			b.t.Fatal(err)
		}
		if want := []bool{true, true, true, false, false, false}; !slices.Equal(more, want) {
			b.t.Errorf("more follows: %v, want %v", more, want)
		}
	})
}
