package gateway

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ID(rapid.Int64Range(1, math.MaxInt64).Draw(t, "id"))
		s := id.String()
		if got, err := ParseID(s); got != id || err != nil || len(s) != idLen {
			t.Errorf("%d is %q, read as %d, %v", id, s, got, err)
		}
		b, err := json.Marshal(id)
		var got ID
		if err != nil || json.Unmarshal(b, &got) != nil || got != id {
			t.Errorf("%d is %s in JSON, read as %d, %v", id, b, got, err)
		}
	})
}

func TestIDOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := ID(rapid.Int64Range(1, math.MaxInt64).Draw(t, "a"))
		b := ID(rapid.Int64Range(1, math.MaxInt64).Draw(t, "b"))
		if (a < b) != (a.String() < b.String()) {
			t.Errorf("%d and %d sort as %q and %q", a, b, a, b)
		}
	})
}

func TestIDSegments(t *testing.T) {
	message := ID(12345 << SegmentBits)
	for i := range MaxSegments {
		if s := message.Segment(i); s.Message() != message {
			t.Errorf("segment %d is %d, of message %d; want %d", i, s, s.Message(), message)
		}
	}
	if MaxSegments >= 1<<SegmentBits {
		t.Errorf("%d segments do not fit %d bits", MaxSegments, SegmentBits)
	}
}

func TestIDNone(t *testing.T) {
	if got := ID(0).String(); got != "" {
		t.Errorf("none is %q", got)
	}
	if b, err := json.Marshal(ID(0)); string(b) != "null" || err != nil {
		t.Errorf("none is %s, %v in JSON", b, err)
	}
	for _, s := range []string{"null", `""`} {
		id := ID(7)
		if err := json.Unmarshal([]byte(s), &id); err != nil || id != 0 {
			t.Errorf("%s is read as %d, %v", s, id, err)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := ID(1 << 40).String()
	for _, s := range []string{
		"", "0", strings.Repeat("0", 13), good[1:], good + "0",
		strings.ToUpper(ID(math.MaxInt64).String()), // one form only, or ids would compare unequal
		"8000000000000", // beyond 63 bits
		"000000000000i", "000000000000l", "000000000000o", "000000000000u",
		"00000000000 1", "-000000000001", "00000000000é",
	} {
		if id, err := ParseID(s); err == nil {
			t.Errorf("ParseID(%q) = %d; want an error", s, id)
		}
	}
	for _, s := range []string{"12", `"x"`, "{}", "true", `"` + strings.Repeat("0", 13) + `"`} {
		var id ID
		if err := json.Unmarshal([]byte(s), &id); err == nil {
			t.Errorf("%s is read as %d; want an error", s, id)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("")
	f.Add(ID(1).String())
	f.Add("zzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err == nil && (id <= 0 || id.String() != s) {
			t.Errorf("ParseID(%q) = %d, which is %q", s, id, id)
		}
	})
}
