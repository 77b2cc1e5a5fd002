package carrier

import (
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

func receiverOf(t *testing.T, change func(*smpp.Config)) (*SMPP, *link) {
	t.Helper()
	cfg := smpp.Defaults()
	if change != nil {
		change(&cfg)
	}
	c, err := NewSMPP(SMPPOptions{Name: "acme", Config: cfg, Region: "US"})
	if err != nil {
		t.Fatal(err)
	}
	return c, &link{id: 1, out: gateway.NewStream(4, 4)}
}

// received is what a message comes to.
func received(t *testing.T, change func(*smpp.Config), m *smpp.ShortMessage) gateway.Report {
	t.Helper()
	c, l := receiverOf(t, change)
	if !c.deliver(l, &smpp.Delivery{Message: m}) {
		t.Fatal("not taken")
	}
	return <-l.out.Reports()
}

func TestWhatReceiptsMean(t *testing.T) {
	network := func(c *smpp.Config) { c.DeliveredMeans = smpp.DeliveredNetwork }
	accepted := func(c *smpp.Config) { c.Accepted = smpp.AcceptedDelivered }
	codes := func(c *smpp.Config) {
		c.ErrCodes = map[string]string{"34": "The handset is off.", "007": "Exactly.", "0": "Fine."}
	}
	for _, c := range []struct {
		name    string
		change  func(*smpp.Config)
		text    string
		tick    gateway.Tick
		meaning string
	}{
		{"delivered", nil, "stat:DELIVRD err:000", gateway.TickDelivered, ""},
		{"delivered to the network", network, "stat:DELIVRD err:000", gateway.TickSent, ""},
		{"failed in the network", network, "stat:UNDELIV err:034", gateway.TickFailed, ""},
		{"accepted", nil, "stat:ACCEPTD err:000", gateway.TickSent, ""},
		{"accepted is delivered", accepted, "stat:ACCEPTD err:000", gateway.TickDelivered, ""},
		{"both", func(c *smpp.Config) { network(c); accepted(c) }, "stat:ACCEPTD err:000", gateway.TickDelivered, ""},
		{"a code with zeros", codes, "stat:UNDELIV err:034", gateway.TickFailed, "The handset is off."},
		{"a code as it is", codes, "stat:UNDELIV err:007", gateway.TickFailed, "Exactly."},
		{"an unknown code", codes, "stat:UNDELIV err:035", gateway.TickFailed, ""},
		{"zeros alone", codes, "stat:DELIVRD err:000", gateway.TickDelivered, "Fine."},
		{"no code", codes, "stat:DELIVRD", gateway.TickDelivered, ""},
	} {
		r := received(t, c.change, &smpp.ShortMessage{ESMClass: 4, Message: []byte("id:17 " + c.text)})
		if r.Kind != gateway.ReportReceipt || r.Receipt.Tick != c.tick || r.Receipt.Meaning != c.meaning {
			t.Errorf("%s: %+v", c.name, r.Receipt)
		}
	}
}

func TestReceiptReference(t *testing.T) {
	r := received(t, nil, &smpp.ShortMessage{ESMClass: 4, Message: []byte("id:17 stat:DELIVRD"),
		TLVs: smpp.TLVs{{Tag: smpp.TagUserMessageReference, Value: []byte{0x12, 0x34}}}})
	if r.Receipt.UserReference != 0x1234 || r.Receipt.NoCredit {
		t.Errorf("%+v", r.Receipt)
	}
}

// What reads like a receipt, and is not marked as one, is both until somebody
// knows its reference; and a text never holds the carrier.
func TestMaybeReceipt(t *testing.T) {
	c, l := receiverOf(t, nil)
	m := &smpp.ShortMessage{Source: smpp.Address{Value: "12602058901"}, Message: []byte("id:17 sub:001 dlvrd:000 stat:NOCRED err:001 text:hi")}
	if !c.deliver(l, &smpp.Delivery{Message: m}) {
		t.Fatal("not taken")
	}
	r := <-l.out.Reports()
	if r.Kind != gateway.ReportInbound || r.Inbound.Maybe == nil || r.Inbound.Maybe.Reference != "17" || string(r.Inbound.Payload) != string(m.Message) {
		t.Errorf("%+v", r.Inbound)
	}
	if !c.pace.open() {
		t.Error("a text holds the carrier")
	}
	if r := received(t, nil, &smpp.ShortMessage{Message: []byte("hi")}); r.Inbound.Maybe != nil {
		t.Errorf("%+v", r.Inbound.Maybe)
	}
}

func TestBroken(t *testing.T) {
	c, l := receiverOf(t, nil)
	_, err := smpp.Decode([]byte{0, 0, 0, 17, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 'x'})
	if err == nil || !c.broken(l, &smpp.Delivery{Raw: []byte("raw")}, err) {
		t.Fatal("not taken")
	}
	if r := <-l.out.Reports(); r.Kind != gateway.ReportBroken || r.Text != err.Error() || string(r.Inbound.Raw) != "raw" || time.Since(r.At) > time.Minute {
		t.Errorf("%+v", r)
	}
}
