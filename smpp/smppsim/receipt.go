package smppsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"smsbridge/smpp"
)

// esm_class (SMPP 3.4 §5.2.12).
const (
	esmReceipt      = 0x04
	esmIntermediate = 0x20
	esmUDHI         = 0x40
)

// registered_delivery, its two lowest bits (SMPP 3.4 §5.2.17).
const (
	registeredMask    = 0x03
	registeredAll     = 0x01
	registeredFailure = 0x02
)

func (p *performance) wantsReceipt(m *smpp.ShortMessage) bool {
	switch p.Receipt.When {
	case ReceiptsNever:
		return false
	case ReceiptsAlways:
		return true
	}
	asked := m.RegisteredDelivery & registeredMask
	return asked == registeredAll || asked == registeredFailure
}

// sendReceipts owes the account the receipts of a submit that wants them, as its
// script has them. mu is held.
func (s *SMSC) sendReceipts(job *accepted) {
	play := job.play
	failuresOnly := play.Receipt.When == ReceiptsAsked &&
		job.message.RegisteredDelivery&registeredMask == registeredFailure
	if play.Receipt.Enroute && !failuresOnly {
		s.sendReceipt(job, "ENROUTE", esmIntermediate)
	}
	if job.final != "" && !(failuresOnly && job.final == "DELIVRD") {
		s.sendReceipt(job, job.final, esmReceipt)
	}
	s.feed(job.account)
}

func (s *SMSC) sendReceipt(job *accepted, word string, esmClass uint8) {
	times := 1
	if job.play.Receipt.Doubled {
		times = 2
	}
	script := &job.play.Receipt
	m := job.receipt(word, job.done)
	if !script.Unmarked {
		m.ESMClass = esmClass
	}
	d := delivery{message: m, receipt: true}
	if script.DataSM {
		d.command = smpp.CmdDataSM
	}
	if script.Elsewhere {
		d.shuns = job.session
	}
	for range times {
		another := d
		s.oweReceipt(job.account, &another, script.Reversed)
	}
}

// reversedFor is how long the receipts of an incomplete group wait.
const reversedFor = time.Second

// oweReceipt owes a receipt, or keeps it until its group is complete. mu is held.
func (s *SMSC) oweReceipt(a *account, d *delivery, group int) {
	if group < 2 {
		s.owe(a, d)
		return
	}
	a.owed++
	a.group = append(a.group, d)
	if len(a.group) >= group {
		s.oweGroup(a)
		return
	}
	if len(a.group) > 1 {
		return
	}
	s.clock.after(reversedFor, func() {
		s.lock()
		defer s.unlock()
		if len(a.group) > 0 && a.group[0] == d {
			s.oweGroup(a)
			s.feed(a)
		}
	})
}

// oweGroup owes the receipts of a group, the latest first. mu is held.
func (s *SMSC) oweGroup(a *account) {
	for _, d := range slices.Backward(a.group) {
		a.owed--
		s.owe(a, d)
	}
	a.group = nil
}

// receipt writes what SMPP 3.4 appendix B has as an example and every carrier
// does, dates in UTC.
func (j *accepted) receipt(word string, done time.Time) *smpp.ShortMessage {
	r := &j.play.Receipt
	id := j.play.receiptID(j.number)
	code := r.Err
	delivered := "000"
	switch word {
	case "DELIVRD":
		delivered = "001"
		fallthrough
	case "ENROUTE", "ACCEPTD":
		if code == "" {
			code = "000"
		}
	default:
		if code == "" {
			code = "001"
		}
	}
	m := &smpp.ShortMessage{Source: j.message.Dest, Dest: j.message.Source}
	if r.Form != ReceiptTLVs {
		const date = "0601021504"
		m.Message = fmt.Appendf(nil, "id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:%s",
			id, delivered, j.at.UTC().Format(date), done.UTC().Format(date), word, code, quoted(j.text))
	}
	if r.UCS2 {
		m.Message, m.DataCoding = encodeUCS2(string(m.Message)), dataCodingUCS2
	}
	if r.Form != ReceiptText {
		m.TLVs = smpp.TLVs{{Tag: smpp.TagReceiptedMessageID, Value: append([]byte(id), 0)}}
		if state, ok := receiptStates[word]; ok {
			m.TLVs = append(m.TLVs, smpp.TLV{Tag: smpp.TagMessageState, Value: []byte{state}})
		}
	}
	if r.Payload && len(m.Message) > 0 {
		m.TLVs = append(m.TLVs, smpp.TLV{Tag: smpp.TagMessagePayload, Value: m.Message})
	}
	return m
}

// quoted is the beginning of a text as a receipt has it: twenty characters, and
// those of ASCII alone.
func quoted(text string) string {
	var b strings.Builder
	for _, r := range text {
		if b.Len() == 20 {
			break
		}
		if r < ' ' || r >= utf8.RuneSelf {
			r = '?'
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}
