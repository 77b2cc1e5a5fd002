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

func readExtras(text string, x *gateway.Extras) error {
	var stored extras
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return fmt.Errorf("extras of a message: %w", err)
	}
	*x = gateway.Extras(stored)
	return nil
}
