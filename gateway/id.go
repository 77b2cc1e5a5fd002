package gateway

import (
	"encoding/json"
	"fmt"
)

// ID identifies a person, queue, conversation, message or segment. IDs made
// later are greater, across restarts, so ordering by ID is ordering by time.
//
// A message's ID has its low four bits clear; they number its segments, so a
// segment's ID is its message's ID plus its index (MaxSegments is below 16).
//
// Outside the process an ID is thirteen lower-case characters that sort as the
// numbers do. The zero ID is "none": the empty string, or JSON null.
type ID int64

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base 32
const idLen = 13

// SegmentBits is the number of low bits of a message's ID that its segments use.
const SegmentBits = 4

// Segment returns the ID of the message's i-th segment, from 0.
func (id ID) Segment(i int) ID { return id + ID(i) }

// Message returns the ID of the message that a segment's ID belongs to.
func (id ID) Message() ID { return id &^ (1<<SegmentBits - 1) }

// String returns the external form, or "" for none.
func (id ID) String() string {
	if id == 0 {
		return ""
	}
	var b [idLen]byte
	v := uint64(id)
	for i := idLen - 1; i >= 0; i-- {
		b[i] = idAlphabet[v&31]
		v >>= 5
	}
	return string(b[:])
}

// ParseID reads the external form of an ID. The empty string is no ID.
func ParseID(s string) (ID, error) {
	if len(s) != idLen {
		return 0, fmt.Errorf("id %q: want %d characters", s, idLen)
	}
	var v uint64
	for i := 0; i < idLen; i++ {
		d := idDigit(s[i])
		if d < 0 || i == 0 && d > 7 {
			return 0, fmt.Errorf("id %q: bad character at %d", s, i)
		}
		v = v<<5 | uint64(d)
	}
	if v == 0 {
		return 0, fmt.Errorf("id %q: zero", s)
	}
	return ID(v), nil
}

func idDigit(c byte) int {
	for i := 0; i < len(idAlphabet); i++ {
		if idAlphabet[i] == c {
			return i
		}
	}
	return -1
}

// MarshalJSON writes the external form as a string, or null for none.
func (id ID) MarshalJSON() ([]byte, error) {
	if id == 0 {
		return []byte("null"), nil
	}
	return []byte(`"` + id.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (id *ID) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == nil || *s == "" {
		*id = 0
		return nil
	}
	v, err := ParseID(*s)
	*id = v
	return err
}
