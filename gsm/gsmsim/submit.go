package gsmsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
)

// maxOpen is how many long texts a network waits for the rest of.
const maxOpen = 1000

// Submitted is one part that a modem sends: an SMS-SUBMIT (TS 23.040 §9.2.2.2).
type Submitted struct {
	From      string // the SIM's number
	To        string // +E.164 where it is international, else as it was written
	Text      string // of this part; 8-bit data in hex
	Reference byte   // TP-MR, as +CMGS answers it
	TPDU      []byte // with that TP-MR in it
	SMSC      string // the service centre it was sent by
	Report    bool   // a status report is wanted: TP-SRR

	Part, Parts     int    // 1 and 1 of a text in one part
	ConcatReference int    // of a text in several
	Complete        bool   // no other part is missing
	Whole           string // the text of all parts, where Complete

	At time.Time
}

// Fate is what becomes of a part. The zero value accepts and delivers it, answers
// at once, and reports that when it was asked to.
type Fate struct {
	Delay  time.Duration // before the answer
	Error  int           // +CMS ERROR: the part is not accepted
	Silent bool          // accepted, and never answered

	// Reports are the status reports, in their order; nil is one with status 0 once it
	// was delivered. They are sent only if a report was wanted, or with Unasked.
	Reports   []Report
	NoReports bool
	Unasked   bool
	// Lost is accepted, and delivered to no modem of the network.
	Lost bool
}

// Report is one status report.
type Report struct {
	Status byte          // TP-ST (TS 23.040 §9.2.3.15)
	After  time.Duration // after acceptance
	// Early has it arrive before the answer +CMGS.
	Early bool
}

type partKey struct {
	from, to         string
	reference, parts int
}

// partial is a text of which parts are missing.
type partial struct {
	texts []string
	seen  []bool
	since time.Time
}

// prompt is a command that waits for its PDU.
type prompt struct {
	command string
	length  int // octets of the TPDU
	stat    int // of +CMGW
}

// doSend is +CMGS (TS 27.005 §4.3). In text mode it is refused.
func doSend(m *Modem, p *port, c command) answer {
	length, valid := c.number(0, -1)
	switch {
	case c.op == opTest:
		return ok()
	case m.told.cmgf == 1:
		return m.cms(cmsNotSupported)
	case c.op != opSet || !valid || length < 1 || length > 180:
		return m.cms(cmsParameter)
	case m.b.NoPrompt.take():
		return ok()
	}
	return m.ask(p, &prompt{command: "+CMGS", length: length})
}

// ask writes a prompt. What follows up to control-Z is its PDU.
func (m *Modem) ask(p *port, waiting *prompt) answer {
	p.prompt = waiting
	text := m.b.Prompt
	if text == "" {
		text = "\r\n> "
	}
	return answer{raw: text, after: func() {
		v := p.obey(waiting.command, AfterPrompt)
		if v.answered {
			m.mu.Lock()
			p.promptEnds()
			m.mu.Unlock()
			p.say(v.answer, 0)
		}
	}}
}

// cancel is ESC (TS 27.005 §4.3).
func (p *port) cancel() {
	m := p.modem
	m.mu.Lock()
	p.emit(ok())
	p.promptEnds()
	m.mu.Unlock()
}

// submit is a PDU with control-Z.
func (p *port) submit(body string) {
	m := p.modem
	m.mu.Lock()
	waiting := p.prompt
	p.prompt = nil
	delay := m.b.delay()
	m.mu.Unlock()
	if waiting == nil || !p.wait(delay) {
		return
	}
	v := p.obey(waiting.command, AfterPDU)
	if v.stop {
		return
	}
	a := v.answer
	if !v.answered {
		if waiting.command == "+CMGW" {
			a = p.save(waiting, body)
		} else {
			var then func()
			a, then = p.send(waiting, body)
			defer then()
		}
	}
	late := v.late
	if v = p.obey(waiting.command, AfterSent); v.stop {
		return
	} else if v.answered {
		a = v.answer
	}
	p.say(a, max(late, v.late))
	m.mu.Lock()
	p.promptEnds()
	m.mu.Unlock()
	m.network.kick()
}

// send gives a PDU to the network. then is what happens there after the answer.
func (p *port) send(waiting *prompt, body string) (a answer, then func()) {
	m := p.modem
	m.mu.Lock()
	t, smsc, code := m.checkPDU(waiting.length, body)
	if code != 0 {
		defer m.mu.Unlock()
		return m.cms(code), func() {}
	}
	m.sim.lastMR++ // wraps: TS 23.040 §9.2.3.6 has 8 bits
	reference := m.sim.lastMR
	number := m.options.Number
	m.mu.Unlock()

	t.MR = reference
	fate, early, then := m.network.submit(number, smsc, t)
	if !p.wait(fate.Delay) {
		return answer{silent: true}, then
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, report := range early {
		if report != nil && !m.arrive(report) {
			_ = m.network.post(number, report) // the number exists: it has sent this
		}
	}
	switch {
	case fate.Error != 0:
		return m.cms(fate.Error), then
	case fate.Silent:
		return answer{silent: true}, then
	case m.b.NoReference.take():
		return ok(), then
	}
	return ok(fmt.Sprintf("+CMGS: %d", reference)), then
}

// checkPDU decodes a PDU and says by which service centre it is sent, or by which
// +CMS ERROR it fails. mu is held.
func (m *Modem) checkPDU(length int, body string) (t *tpdu.TPDU, smsc string, code int) {
	pdu, err := pdumode.UnmarshalHexString(strings.TrimSpace(body))
	if err != nil || len(pdu.TPDU) != length {
		return nil, "", cmsParameter
	}
	t = &tpdu.TPDU{Direction: tpdu.MO}
	if err := t.UnmarshalBinary(pdu.TPDU); err != nil || t.SmsType() != tpdu.SmsSubmit {
		return nil, "", cmsParameter
	}
	smsc = m.sim.smsc
	if pdu.SMSC.Addr != "" {
		smsc = pdu.SMSC.Number()
	} else if m.sim.smscStale {
		smsc = ""
	}
	switch lack, cmsLack := m.simLack(); {
	case lack != 0:
		return nil, "", cmsLack
	case smsc == "":
		return nil, "", cmsNoServiceCentre
	case !m.registered():
		return nil, "", cmsNoNetwork
	case m.b.BadProfile:
		return nil, "", cmsUnknown
	case m.b.SendError != 0:
		return nil, "", m.b.SendError
	}
	return t, smsc, 0
}

// submit records a part, has its fate decided and does what follows. It returns the
// reports that are early, and what is to be done after the answer.
func (n *Network) submit(from, smsc string, t *tpdu.TPDU) (fate Fate, early []*parcel, then func()) {
	raw, err := t.MarshalBinary()
	if err != nil {
		return Fate{Error: cmsParameter}, nil, func() {}
	}
	s := Submitted{
		From: from, To: t.DA.Number(), Text: partText(t), Reference: t.MR, TPDU: raw, SMSC: smsc,
		Report: t.FirstOctet.SRR(), Part: 1, Parts: 1, Complete: true, At: time.Now(),
	}
	s.Whole = s.Text
	if parts, part, reference, ok := t.ConcatInfo(); ok && parts > 1 && part >= 1 && part <= parts {
		s.Part, s.Parts, s.ConcatReference = part, parts, reference
	}
	n.mu.Lock()
	decide := n.onSubmit
	if s.Parts > 1 {
		s.Complete, s.Whole = n.complete(s, false)
	}
	n.mu.Unlock()
	if decide != nil {
		fate = decide(s)
	}
	if fate.Error != 0 {
		return fate, nil, func() {}
	}
	n.mu.Lock()
	if s.Parts > 1 {
		s.Complete, s.Whole = n.complete(s, true)
	}
	if n.submitted = append(n.submitted, s); len(n.submitted) > maxRecord {
		n.submitted = slices.Delete(n.submitted, 0, len(n.submitted)-maxRecord)
	}
	close(n.changed)
	n.changed = make(chan struct{})
	n.mu.Unlock()
	early, then = n.carry(s, t, fate)
	return fate, early, then
}

// complete says whether a part is the last that was missing, and keeps it if it was
// accepted. mu is held.
func (n *Network) complete(s Submitted, accepted bool) (bool, string) {
	key := partKey{s.From, s.To, s.ConcatReference, s.Parts}
	open := n.open[key]
	if open == nil {
		open = &partial{texts: make([]string, s.Parts), seen: make([]bool, s.Parts), since: s.At}
	}
	texts, seen := slices.Clone(open.texts), slices.Clone(open.seen)
	texts[s.Part-1], seen[s.Part-1] = s.Text, true
	whole := !slices.Contains(seen, false)
	if accepted {
		open.texts, open.seen = texts, seen
		n.open[key] = open
		if whole {
			delete(n.open, key)
		}
		if len(n.open) > maxOpen {
			n.forgetOldest()
		}
	}
	if !whole {
		return false, ""
	}
	return true, strings.Join(texts, "")
}

func (n *Network) forgetOldest() {
	var oldest partKey
	for key, open := range n.open {
		if o := n.open[oldest]; o == nil || open.since.Before(o.since) {
			oldest = key
		}
	}
	delete(n.open, oldest)
}

// carry makes the reports of an accepted part. What then does is to deliver it to a
// modem that has its number, and to send the reports.
func (n *Network) carry(s Submitted, t *tpdu.TPDU, fate Fate) (early []*parcel, then func()) {
	report := func(status byte) *parcel {
		b, err := statusReport(s.Reference, t.DA, s.At, status)
		if err != nil {
			return nil // a destination that cannot be written was not decoded either
		}
		return &parcel{tpdu: b, report: true}
	}
	post := func(p *parcel) {
		if p != nil {
			_ = n.post(s.From, p) // the number exists: it has sent this
		}
	}
	wanted := (s.Report || fate.Unasked) && !fate.NoReports
	var later []Report
	for _, r := range fate.Reports {
		switch {
		case !wanted:
		case r.Early:
			early = append(early, report(r.Status))
		default:
			later = append(later, r)
		}
	}
	slices.SortStableFunc(later, func(a, b Report) int { return cmp.Compare(a.After, b.After) })
	arrived := func() {
		if wanted && fate.Reports == nil {
			post(report(0))
		}
	}
	return early, func() {
		n.reportLater(later, 0, func(status byte) { post(report(status)) })
		if fate.Lost {
			return
		}
		forward := tpdu.TPDU{
			Direction: tpdu.MT, FirstOctet: tpdu.FirstOctet(tpdu.FoMMS), OA: address(s.From, false),
			PID: t.PID, DCS: t.DCS, SCTS: stamp(time.Time{}), UD: t.UD,
		}
		if len(t.UDH) > 0 {
			forward.SetUDH(t.UDH)
		}
		b, err := forward.MarshalBinary()
		if err != nil || n.post(s.To, &parcel{tpdu: b, arrived: arrived}) != nil {
			arrived() // somewhere in the world
		}
	}
}

// reportLater sends reports, those of one time in their order.
func (n *Network) reportLater(reports []Report, since time.Duration, send func(status byte)) {
	if len(reports) == 0 {
		return
	}
	next := reports[0]
	n.clock.after(next.After-since, func() {
		send(next.Status)
		n.reportLater(reports[1:], next.After, send)
	})
}

// save keeps a PDU in a memory: +CMGW (TS 27.005 §4.4).
func (p *port) save(waiting *prompt, body string) answer {
	m := p.modem
	m.mu.Lock()
	defer m.mu.Unlock()
	pdu, err := pdumode.UnmarshalHexString(strings.TrimSpace(body))
	if err != nil || len(pdu.TPDU) != waiting.length {
		return m.cms(cmsParameter)
	}
	smsc := ""
	if pdu.SMSC.Addr != "" {
		smsc = pdu.SMSC.Number()
	}
	index, stored := m.view(m.told.mem[1]).add(stored{smsc: smsc, tpdu: pdu.TPDU, stat: waiting.stat}, m.b.StorageFull)
	if !stored {
		return m.cms(cmsFull)
	}
	return ok(fmt.Sprintf("+CMGW: %d", index))
}
