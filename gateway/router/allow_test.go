package router

import (
	"testing"

	"smsbridge/gateway"
)

// A carrier that the configuration keeps to some destinations refuses others,
// and nothing of the text is kept.
func TestAllowTo(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		p := b.r.pumps["acme"]
		p.line.AllowTo = []string{"+44", "+1261"}
		by := gateway.Actor{Kind: gateway.ActorProgram, ID: 7, Name: "shop"}
		abroad := gateway.Address{Kind: gateway.AddressE164, Value: "+12602058901"}
		_, err := b.r.SendProgram(b.ctx, by, ourNumber, abroad, Text{Text: "hello", Key: "k"})
		wantRefusal(b.t, err, gateway.NotAllowed)
		if c := b.pair(abroad); c.ID != 0 {
			b.t.Errorf("the refused text left a conversation: %+v", c)
		}
		for _, to := range []string{"+447400900123", "+12612058901"} {
			if _, err := b.r.SendProgram(b.ctx, by, ourNumber, gateway.Address{Kind: gateway.AddressE164, Value: to}, Text{Text: "hello"}); err != nil {
				b.t.Errorf("%s: %v", to, err)
			}
		}
	})
}
