package gateway

import (
	"fmt"
	"testing"
)

// The words are part of the API.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		value fmt.Stringer
		want  string
	}{
		{In, "in"}, {Out, "out"}, {Direction(9), "direction(9)"},
		{KindText, "text"}, {KindSystem, "system"}, {KindNote, "note"}, {MessageKind(9), "kind(9)"},
		{EncodingGSM7, "gsm7"}, {EncodingUCS2, "ucs2"}, {EncodingBinary, "binary"}, {EncodingLatin1, "latin1"}, {EncodingASCII, "ascii"}, {Encoding(9), "encoding(9)"},
		{StatusNone, ""}, {StatusWaiting, "waiting"}, {StatusTaken, "taken"},
		{StatusClosed, "closed"}, {StatusDeleted, "deleted"}, {Status(9), "status(9)"},
		{CarrierConnecting, "connecting"}, {CarrierUp, "up"}, {CarrierDown, "down"},
		{CarrierRefused, "refused"}, {CarrierPaused, "paused"},
	} {
		if got := tt.value.String(); got != tt.want {
			t.Errorf("%q; want %q", got, tt.want)
		}
	}
}
