package gsm

import "fmt"

// Status is what a TP-ST says of a message.
type Status struct {
	Tick string // "delivered", "sent", "failed", "expired" or "unknown"
	// Final: nothing will change this. Soft: nothing more is to be expected
	// either, but a better report that comes all the same outranks this one.
	// Neither: the service centre still tries and will report again.
	Final, Soft bool
	Temporary   bool   // the cause may pass: another attempt can succeed
	Text        string // a sentence for an agent
}

// StatusOf returns what a TP-ST says (3GPP TS 23.040 §9.2.3.15).
func StatusOf(st uint8) Status {
	s := Status{Text: statusTexts[st]}
	switch {
	case st == 0x00:
		s.Tick, s.Final = "delivered", true
	case st == 0x01: // a telephone may still report that it has it
		s.Tick, s.Soft = "sent", true
	case st == 0x02: // nobody will ever see this text
		s.Tick, s.Final = "unknown", true
	case st < 0x20:
		s.Tick, s.Soft = "unknown", true
	case st < 0x40:
		s.Tick, s.Temporary = "sent", true
	case st == 0x46:
		s.Tick, s.Final = "expired", true
	case st < 0x60:
		s.Tick, s.Final = "failed", true
	case st < 0x80:
		s.Tick, s.Final, s.Temporary = "failed", true, true
	default:
		// Reserved. A telephone takes these for a service that was rejected; that
		// the message did not arrive is more than such a network can be trusted to
		// say.
		s.Tick, s.Soft = "unknown", true
	}
	if s.Text == "" {
		s.Text = statusText(st)
	}
	return s
}

// statusTexts are of the values that the specification defines one by one.
var statusTexts = map[uint8]string{
	0x00: "The telephone received the message.",
	0x01: "The message was passed on; whether it arrived is not known.",
	0x02: "The message was replaced by another one before it arrived.",
	0x20: "The network is congested; it tries again.",
	0x21: "The telephone is busy; the network tries again.",
	0x22: "The telephone does not answer; the network tries again.",
	0x23: "The service was rejected; the network tries again.",
	0x24: "The quality of service is not available; the network tries again.",
	0x25: "The telephone has an error; the network tries again.",
	0x40: "The networks do not understand each other.",
	0x41: "The telephone cannot receive this message.",
	0x42: "The telephone rejected the message.",
	0x43: "The number cannot be reached.",
	0x44: "The quality of service is not available.",
	0x45: "The networks do not work together.",
	0x46: "The message expired before the telephone could be reached.",
	0x47: "The message was deleted by its sender.",
	0x48: "The message was deleted by the network's operator.",
	0x49: "The network does not know the message.",
	0x60: "The network is congested and gave up.",
	0x61: "The telephone was busy and the network gave up.",
	0x62: "The telephone did not answer and the network gave up.",
	0x63: "The service was rejected and the network gave up.",
	0x64: "The quality of service was not available and the network gave up.",
	0x65: "The telephone had an error and the network gave up.",
}

// statusText is of values that are reserved, or a service centre's own.
func statusText(st uint8) string {
	switch {
	case st < 0x20:
		return fmt.Sprintf("The network is done with the message and says %d, which has no common meaning.", st)
	case st < 0x40:
		return fmt.Sprintf("The network tries again, for a reason that it numbers %d.", st)
	case st < 0x60:
		return fmt.Sprintf("The message cannot be delivered, for a reason that the network numbers %d.", st)
	case st < 0x80:
		return fmt.Sprintf("The network gave up, for a reason that it numbers %d.", st)
	}
	return fmt.Sprintf("The network reports %d, which has no meaning.", st)
}
