package gsmsim

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/warthog618/sms/encoding/gsm7"
)

// USSD is what a modem sends to a service (TS 22.090).
type USSD struct {
	From string // the SIM's number
	Text string
	Open bool // it answers a Reply with More
}

// Reply is what the service says.
type Reply struct {
	Text string
	More bool // and waits for an answer
}

// Coding schemes of +CUSD (TS 23.038 §5).
const (
	dcsDefault = 15
	dcsUCS2    = 72
)

// doUSSD is +CUSD (TS 27.007 §7.15). The reply comes after the answer.
func doUSSD(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok("+CUSD: (0-2)")
	case opGet:
		return ok("+CUSD: 1")
	}
	mode, valid := c.number(0, 1)
	if !valid || mode > 2 {
		return m.cme(cmeParameter)
	}
	if mode == 2 {
		m.ussd = false
		return ok()
	}
	if len(c.list()) < 2 {
		return ok() // presentation alone
	}
	if !m.registered() {
		return m.cme(cmeNoNetwork)
	}
	return m.dialCode(m.readCode(c.arg(1)))
}

// dialCode asks the network, once the command was answered. mu is held.
func (m *Modem) dialCode(code string) answer {
	asked := USSD{From: m.options.Number, Text: code, Open: m.ussd}
	a := ok()
	a.after = func() {
		reply := m.network.service(asked)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ussd = reply.More
		status := map[bool]int{true: 1, false: 0}[reply.More]
		text, dcs := m.showReply(reply.Text)
		m.urc(fmt.Sprintf(`+CUSD: %d,"%s",%d`, status, text, dcs))
	}
	return a
}

// readCode reads what the program typed: in the set of +CSCS, or, as Huawei sticks
// want it, in packed septets.
func (m *Modem) readCode(s string) string {
	if m.told.charset == "UCS2" {
		return m.unquote(s)
	}
	if b, err := hex.DecodeString(s); err == nil && m.options.vendorName() == "huawei" {
		if text, err := gsm7.Decode(gsm7.Unpack7BitUSSD(b, 0)); err == nil {
			return strings.TrimRight(string(text), "\r\x00@")
		}
	}
	return s
}

// showReply writes a reply and says in which coding scheme.
func (m *Modem) showReply(s string) (string, int) {
	septets, err := gsm7.Encode([]byte(s))
	switch {
	case err != nil:
		return ucs2Hex(s), dcsUCS2
	case m.told.charset == "UCS2":
		return ucs2Hex(s), dcsDefault
	case m.options.vendorName() == "huawei":
		return strings.ToUpper(hex.EncodeToString(gsm7.Pack7BitUSSD(septets, 0))), dcsDefault
	}
	return s, dcsDefault
}

// service is what the network answers.
func (n *Network) service(asked USSD) Reply {
	n.mu.Lock()
	f := n.onUSSD
	n.mu.Unlock()
	switch {
	case f != nil:
		return f(asked)
	case asked.Text == "*100#":
		return Reply{Text: "Your balance is 12.34"}
	}
	return Reply{Text: "Unknown service code"}
}
