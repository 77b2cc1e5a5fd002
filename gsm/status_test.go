package gsm

import (
	"strings"
	"testing"
)

func TestStatusOf(t *testing.T) {
	yes, soft, temporary := Status{Final: true}, Status{Soft: true}, Status{Temporary: true}
	gaveUp := Status{Final: true, Temporary: true}
	next := 0
	for _, row := range []struct {
		first, last int
		tick        string
		want        Status
	}{
		{0x00, 0x00, "delivered", yes},
		{0x01, 0x01, "sent", soft},
		{0x02, 0x02, "unknown", yes},
		{0x03, 0x1f, "unknown", soft},
		{0x20, 0x3f, "sent", temporary},
		{0x40, 0x45, "failed", yes},
		{0x46, 0x46, "expired", yes},
		{0x47, 0x5f, "failed", yes},
		{0x60, 0x7f, "failed", gaveUp},
		{0x80, 0xff, "unknown", soft},
	} {
		if row.first != next {
			t.Fatalf("0x%02x follows 0x%02x", row.first, next-1)
		}
		for ; next <= row.last; next++ {
			got := StatusOf(uint8(next))
			text := got.Text
			got.Text = ""
			want := row.want
			want.Tick = row.tick
			if got != want {
				t.Errorf("0x%02x is %+v, want %+v", next, got, want)
			}
			if !strings.HasSuffix(text, ".") || strings.ToUpper(text[:1]) != text[:1] {
				t.Errorf("0x%02x says %q", next, text)
			}
		}
	}
	if next != 256 {
		t.Errorf("%d values", next)
	}
}
