package main_test

import (
	"strings"
	"testing"

	"smsbridge/smpp"
)

const esmReceipt, esmIntermediate = 0x04, 0x20 // SMPP 3.4 §5.2.12

// TestInteropReceipts has receipts come in every shape that carriers give them.
func TestInteropReceipts(t *testing.T) {
	t.Parallel()
	i, smsc := manualInterop(t, "")
	receipt := fromCustomer().with(fields{"esm_class": esmReceipt})
	tlvs := func(id string, state int) fields {
		return receipt.with(fields{"receipted_message_id": id, "message_state": state})
	}
	for _, test := range []struct {
		name     string
		id       string // in the response
		command  string // of the receipt; deliver_sm when empty
		receipts []fields
		want     string
	}{
		{"as text", "a1", "", []fields{receiptOf("a1", "DELIVRD")}, "delivered"},
		{"as optional parameters alone", "a2", "", []fields{tlvs("a2", 2)}, "delivered"},
		{"as both, which differ", "a3", "", []fields{tlvs("a3", 5).with(receiptOf("a3", "DELIVRD"))}, "failed"},
		{"in message_payload", "a4", "", []fields{receipt.with(fields{"message_payload": receiptText("a4", "DELIVRD")})}, "delivered"},
		{"in data_sm", "a5", "data_sm", []fields{receipt.with(fields{"message_payload": receiptText("a5", "DELIVRD")})}, "delivered"},
		{"in data_sm, as optional parameters alone", "a6", "data_sm", []fields{tlvs("a6", 3)}, "expired"},
		{"in UCS-2", "a7", "", []fields{receipt.with(fields{"data_coding": 8, "short_message": octets(ucs2(receiptText("a7", "DELIVRD")))})}, "delivered"},
		{"with esm_class 0 and the id as a parameter", "a8", "", []fields{fromCustomer().with(tlvs("a8", 2)).with(fields{"esm_class": 0})}, "delivered"},
		{"with esm_class 0, as text alone", "b0", "", []fields{receiptOf("b0", "DELIVRD").with(fields{"esm_class": 0})}, "delivered"},
		{"twice", "a9", "", []fields{receiptOf("a9", "DELIVRD"), receiptOf("a9", "DELIVRD")}, "delivered"},
		{"delivered after failed", "b1", "", []fields{receiptOf("b1", "UNDELIV"), receiptOf("b1", "DELIVRD")}, "delivered"},
		{"failed after delivered", "b2", "", []fields{receiptOf("b2", "DELIVRD"), receiptOf("b2", "UNDELIV")}, "delivered"},
		{"intermediate after final", "b3", "", []fields{receiptOf("b3", "DELIVRD"), receiptOf("b3", "ENROUTE").with(fields{"esm_class": esmIntermediate})}, "delivered"},
		{"intermediate before final", "b4", "", []fields{receiptOf("b4", "ENROUTE").with(fields{"esm_class": esmIntermediate}), receiptOf("b4", "REJECTD")}, "failed"},
		{"a word that nobody knows", "b5", "", []fields{receiptOf("b5", "PERHAPS"), receiptOf("b5", "EXPIRED")}, "expired"},
		{"hexadecimal, then decimal", "1F0A3C", "", []fields{receiptOf("2034236", "DELIVRD")}, "delivered"},
		{"decimal, then hexadecimal", "2034237", "", []fields{receiptOf("1f0a3d", "DELIVRD")}, "delivered"},
		{"upper case, then lower", "1F0A3E", "", []fields{receiptOf("1f0a3e", "DELIVRD")}, "delivered"},
		{"padded", "2034239", "", []fields{receiptOf("0002034239", "DELIVRD")}, "delivered"},
		{"padded, then not", "0002034240", "", []fields{receiptOf("2034240", "DELIVRD")}, "delivered"},
		{"beyond 63 bits", "F123456789ABCDEF", "", []fields{receiptOf("17375808098319191535", "DELIVRD")}, "delivered"},
		{"as UUID", "5F0C9E1A-6D1F-4B8B-9E64-0C1D2E3F4A5B", "", []fields{tlvs("5f0c9e1a-6d1f-4b8b-9e64-0c1d2e3f4a5b", 2)}, "delivered"},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, smsc := i.under(t), smsc.under(t)
			sent, submit := i.submits("Text " + test.name)
			smsc.responds(submit, test.id)
			i.ticks(sent.ID, "sent")
			command := "deliver_sm"
			if test.command != "" {
				command = test.command
			}
			for _, f := range test.receipts {
				smsc.asks(command, f)
			}
			i.reaches(sent.ID, test.want)
		})
	}
	i.stays()
	i.stops()
}

// TestInteropEarlyReceipts has receipts overtake the responses.
func TestInteropEarlyReceipts(t *testing.T) {
	t.Parallel()
	i, smsc := manualInterop(t, "")

	sent, submit := i.submits("Early")
	smsc.asks("deliver_sm", receiptOf("e1", "DELIVRD"))
	i.counts("receipts_unmatched", "", "", "1")
	smsc.responds(submit, "e1")
	i.reaches(sent.ID, "delivered")

	// In hexadecimal, and before the responses of both parts, the second first.
	long := strings.Repeat("Two parts of a text. ", 10)
	sent = i.sends(long)
	first, second := smsc.sees("submit"), smsc.sees("submit")
	if first.Text+second.Text != long {
		t.Errorf("submitted %q and %q", first.Text, second.Text)
	}
	smsc.asks("deliver_sm", receiptOf("ABCDF0", "DELIVRD"))
	smsc.asks("deliver_sm", receiptOf("ABCDEF", "DELIVRD"))
	smsc.responds(second, "11259376")
	smsc.responds(first, "11259375")
	i.reaches(sent.ID, "delivered")
	i.counts("receipts_unmatched", "", "", "0")

	// Netfors: receipted_message_id is longer than its PDU, and the text is whole.
	sent, submit = i.submits("Lying")
	smsc.responds(submit, "e3")
	i.ticks(sent.ID, "sent")
	smsc.raw(lyingReceipt("e3"))
	if e := smsc.sees("pdu"); e.Command != "deliver_sm_resp" || e.Status != "ESME_ROK" {
		t.Errorf("a receipt with a lying parameter was answered %s, %s", e.Command, e.Status)
	}
	i.reaches(sent.ID, "delivered")
	i.stays()
	i.stops()
}

// lyingReceipt ends with a parameter that says to be longer than it is.
func lyingReceipt(id string) []byte {
	b := smpp.AppendShortMessage(nil, smpp.Header{Command: smpp.CmdDeliverSM, Sequence: 0x7000_0001}, &smpp.ShortMessage{
		Source: smpp.Address{TON: 1, NPI: 1, Value: customer[1:]}, Dest: smpp.Address{TON: 1, NPI: 1, Value: ourNumber[1:]},
		ESMClass: esmReceipt, Message: []byte(receiptText(id, "DELIVRD")),
	})
	b = append(b, "\x00\x1e\x00\x41"+id...)
	b[3] = byte(len(b))
	return b
}
