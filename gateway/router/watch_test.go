package router

import (
	"fmt"
	"testing"
	"time"

	"smsbridge/gateway"
)

// What is said on the links can be read while it is traced, the newest lines at
// least.
func TestTracePDUs(t *testing.T) {
	onSQLite(t, func(b *bed) {
		var sink func(bind int, out bool, line string)
		var until time.Time
		b.line.Trace = func(t time.Time, s func(int, bool, string)) { until, sink = t, s }
		b.second = &Line{Name: "beta"}
		b.run()
		for _, d := range []time.Duration{-1, 2 * time.Hour} {
			_, err := b.r.TracePDUs("acme", d)
			wantRefusal(b.t, err, gateway.Conflict)
		}
		_, err := b.r.TracePDUs("beta", time.Minute)
		wantRefusal(b.t, err, gateway.Conflict)
		_, err = b.r.TracePDUs("gamma", time.Minute)
		wantRefusal(b.t, err, gateway.NotFound)
		_, _, err = b.r.TraceLines("gamma")
		wantRefusal(b.t, err, gateway.NotFound)
		end, err := b.r.TracePDUs("acme", time.Minute)
		if err != nil || !end.Equal(time.Now().Add(time.Minute)) || !until.Equal(end) {
			b.t.Fatalf("traced until %v, the carrier until %v: %v", end, until, err)
		}
		const more = 7
		for i := range keptTrace + more {
			sink(1, i%2 == 0, fmt.Sprint(i))
		}
		lines, shown, err := b.r.TraceLines("acme")
		if err != nil || len(lines) != keptTrace || !shown.Equal(end) {
			b.t.Fatalf("%d lines until %v, %v", len(lines), shown, err)
		}
		for i, l := range lines {
			if l.Line != fmt.Sprint(i+more) || l.Out != ((i+more)%2 == 0) || l.Bind != 1 || l.At.IsZero() {
				b.t.Fatalf("line %d is %+v", i, l)
			}
		}
	})
}

// A text is measured as the carrier takes it that would send it.
func TestPreview(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{Alphabet: gateway.AlphabetLatin1})
		b.line.TLVs = func(raw map[string]string) ([]gateway.TLV, error) {
			return []gateway.TLV{{Tag: 1, Value: []byte(raw["a"])}}, nil
		}
		b.run()
		text := fmt.Sprintf("%0150d", 0)
		if p := b.r.Preview(ourNumber, customer(1), text); p.Carrier != "acme" || p.Segments != 1 || p.Encoding != gateway.EncodingGSM7 {
			b.t.Errorf("%+v", p)
		}
		if p := b.r.Preview("+1999", customer(1), text); p.Carrier != "" || p.Segments != 1 {
			b.t.Errorf("from a number of nobody's: %+v", p)
		}
		if tlvs, err := b.r.ParseTLVs(ourNumber, customer(1), map[string]string{"a": "b"}); err != nil || len(tlvs) != 1 {
			b.t.Errorf("parameters: %v, %v", tlvs, err)
		}
		b.acme.say(gateway.CarrierDown)
		b.settle()
		if p := b.r.Preview(ourNumber, customer(1), text); p.Carrier != "beta" || p.Segments != 2 || p.Encoding != gateway.EncodingLatin1 {
			b.t.Errorf("%+v", p)
		}
		if _, err := b.r.ParseTLVs(ourNumber, customer(1), map[string]string{"a": "b"}); err == nil {
			b.t.Error("a carrier without parameters took one")
		}
		if tlvs, err := b.r.ParseTLVs(ourNumber, customer(1), nil); tlvs != nil || err != nil {
			b.t.Errorf("no parameters: %v, %v", tlvs, err)
		}
	})
}
