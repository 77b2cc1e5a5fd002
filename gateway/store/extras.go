package store

import (
	"encoding/json"
	"fmt"

	"smsbridge/gateway"
)

// extras is how gateway.Extras is stored: most messages have none, and then the
// column is empty.
type extras struct {
	Flash   bool          `json:"flash,omitempty"`
	TLVs    []gateway.TLV `json:"tlvs,omitempty"`
	Data    []byte        `json:"data,omitempty"`
	Missing int           `json:"missing,omitempty"`
}

func writeExtras(x *gateway.Extras) string {
	if x.Empty() {
		return ""
	}
	text, err := json.Marshal(extras(*x))
	if err != nil {
		panic(err) // of these types there is none
	}
	return string(text)
}

// extrasColumn scans what writeExtras made. Most are empty, and cost nothing.
type extrasColumn gateway.Extras

// Scan implements sql.Scanner.
func (x *extrasColumn) Scan(v any) error {
	switch text := v.(type) {
	case string:
		return x.read([]byte(text))
	case []byte:
		return x.read(text)
	}
	return fmt.Errorf("extras of type %T", v)
}

func (x *extrasColumn) read(text []byte) error {
	*x = extrasColumn{}
	if len(text) == 0 {
		return nil
	}
	var stored extras
	if err := json.Unmarshal(text, &stored); err != nil {
		return fmt.Errorf("extras of a message: %w", err)
	}
	*x = extrasColumn(stored)
	return nil
}
