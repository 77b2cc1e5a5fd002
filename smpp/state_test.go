package smpp

import (
	"strings"
	"testing"
	"time"
)

// stateTable is every word that carriers are known to write.
var stateTable = map[State]string{
	StateEnroute:       "ENROUTE SCHEDUL SCHEDULED BUFFRED BUFFERD BUFFERED ACKED QUEUED",
	StateDelivered:     "DELIVRD DELIVERED DLVRD READ",
	StateExpired:       "EXPIRED",
	StateDeleted:       "DELETED CANCELD",
	StateUndeliverable: "UNDELIV UNDELIVERABLE UNDELIVRD FAILED FAIL NACK ABSENT-SUB HANDSET-ERR HANDSET-BUSY MOB-OFF NET-ERR MEMEXEC INVALID-SUB BARRED",
	StateAccepted:      "ACCEPTD ACCEPTED",
	StateUnknown:       "UNKNOWN UNKNOWN-SUB",
	StateRejected:      "REJECTD REJECTED NOCRED SYSERR SERIES-BLK TL-NT-MTCHD SNDR-NT-REG DND_REJECTED",
	StateSkipped:       "SKIPPED",
	StateUnrecognised:  "0 1 WEIRD HANDSET ABSENT DELIVERY-FAILED DELIVERY_FAILURE NOCREDITS",
}

func TestStateWords(t *testing.T) {
	for want, words := range stateTable {
		for word := range strings.FieldsSeq(words) {
			for _, written := range []string{word, strings.ToLower(word)} {
				m := &ShortMessage{ESMClass: 4, Message: []byte("id:7 sub:001 dlvrd:001 stat:" + written + " err:0 text:hi")}
				r, kind := ParseReceipt(m, time.UTC)
				if kind != IsReceipt || r.MessageID != "7" || r.Err != "0" || r.Text != "hi" {
					t.Errorf("%s: got %+v", written, r)
				}
				if r.State != want || r.Word != word {
					t.Errorf("%s is %s with the word %q, want %s", written, r.State, r.Word, want)
				}
			}
		}
	}
}

// TestBareWords leaves the label of the word out.
func TestBareWords(t *testing.T) {
	for word, want := range stateWords {
		m := &ShortMessage{ESMClass: 4, Message: []byte("id:7 sub:001 done date:2601010000 " + word + " err:0 text:hi")}
		if r, _ := ParseReceipt(m, time.UTC); r.State != want || r.Word != word || r.MessageID != "7" || r.Err != "0" {
			t.Errorf("%s: got %+v", word, r)
		}
	}
}

func TestMessageState(t *testing.T) {
	for n, want := range []State{
		StateEnroute, StateEnroute, StateDelivered, StateExpired, StateDeleted, StateUndeliverable,
		StateAccepted, StateUnknown, StateRejected, StateSkipped, StateUnrecognised,
	} {
		m := &ShortMessage{ESMClass: 4, TLVs: TLVs{{TagMessageState, []byte{byte(n)}}}}
		if r, _ := ParseReceipt(m, time.UTC); r.State != want {
			t.Errorf("message_state %d is %s, want %s", n, r.State, want)
		}
		if got := (&QueryResponse{MessageState: uint8(n)}).State(); got != want {
			t.Errorf("message_state %d of a query is %s, want %s", n, got, want)
		}
	}
}
