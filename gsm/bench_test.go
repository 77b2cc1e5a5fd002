package gsm

import (
	"fmt"
	"strings"
	"testing"
)

// What a modem writes when a memory of a hundred messages is listed, with vendors'
// lines in between.
func BenchmarkLines(b *testing.B) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "\r\n+CMGL: %d,1,,22\r\n%s\r\n\r\n^RSSI:%d\r\n", i, pduOf('A'), i%32)
	}
	text.WriteString("\r\nOK\r\n")
	octets := []byte(text.String())
	b.SetBytes(int64(len(octets)))
	b.ReportAllocs()
	for b.Loop() {
		c := readAs(3, octets, 4096)
		if !c.cur.done || len(pairs(c.cur.lines)) != 100 {
			b.Fatal(len(c.cur.lines))
		}
	}
}
