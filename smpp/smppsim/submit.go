package smppsim

import (
	"slices"
	"time"

	"smsbridge/smpp"
)

// maxUnanswered is how many submits of a connection may wait for a delayed
// response, where the script sets no Window.
const maxUnanswered = 10_000

// accepted is a submit on its way to its response.
type accepted struct {
	play    *performance
	account *account
	session *session
	header  smpp.Header
	message *smpp.ShortMessage // its memory is its own
	number  uint64
	id      string
	text    string // of this part, for the receipt
	final   string // state, "" for no final receipt; mu guards it
	silent  bool
	at      time.Time

	// mu guards these.
	echo *echo     // nil for none
	owed bool      // it holds a place in its account's spool
	done time.Time // when it reached its final state; zero while it is on its way
}

func (c *session) handleSubmit(h smpp.Header, m *smpp.ShortMessage) {
	s := c.smsc
	s.lock()
	s.stats.Submits++
	a := c.account
	if a == nil || c.mode == smpp.CmdBindReceiver {
		s.refuse(c, h, smpp.ESME_RINVBNDSTS)
		s.unlock()
		return
	}
	play := a.play
	s.unlock()

	v := play.judge(m.Dest.Value)
	zero := play.Submit.DataCoding0
	m.Message, m.TLVs = slices.Clone(m.Message), cloneTLVs(m.TLVs)
	m.Trailing = nil
	content := smpp.ReadContent(m, zero)
	text := s.alphabet.decode(content.Coding, content.Payload)
	final := play.finalState(m.Dest.Value)

	s.lock()
	defer s.unlock()
	if v.dropBefore {
		s.stats.Dropped++
		c.out.end(outboxFinished)
		return
	}
	if v.odd {
		c.sendOddity(play, m)
	}
	if v.status == smpp.ESME_ROK && s.full(c, play, m) {
		v.status = smpp.ESME_RMSGQFUL
	}
	if v.status != smpp.ESME_ROK {
		c.unanswered++
		s.later(play.Submit.Delay, play.Submit.Jitter, func() {
			c.unanswered--
			if v.nack {
				h.Command = smpp.CmdGenericNack
			}
			s.refuse(c, h, v.status)
		})
		return
	}
	job := &accepted{
		play: play, account: a, session: c, header: h, message: m, number: s.nextID, id: play.Submit.ID.format(s.nextID),
		text: text, final: final, silent: v.silent || v.unbind || v.dropAfter, at: time.Now(),
	}
	s.nextID++
	s.ledger.add(job)
	s.record(job, content)
	c.unanswered++
	if play.Receipt.Early {
		s.conclude(job)
	}
	if job.silent {
		c.unanswered--
		s.stats.Silent++
		s.respond(nil, job)
		switch {
		case v.unbind:
			c.unbind()
		case v.dropAfter:
			s.stats.Dropped++
			c.out.end(outboxFinished)
		}
		return
	}
	s.later(play.Submit.Delay, play.Submit.Jitter, func() {
		c.unanswered--
		s.respond(c, job)
	})
}

// later has f called with mu held, now where there is no delay.
func (s *SMSC) later(delay, jitter time.Duration, f func()) {
	if delay == 0 && jitter == 0 {
		f()
		return
	}
	s.clock.after(jittered(delay, jitter), func() {
		s.lock()
		defer s.unlock()
		f()
	})
}

// full says whether there is no room for a submit. mu is held.
func (s *SMSC) full(c *session, play *performance, m *smpp.ShortMessage) bool {
	window := orElse(play.Submit.Window, maxUnanswered)
	return c.unanswered >= window || len(s.heard) == cap(s.heard) ||
		play.wantsReceipt(m) && c.account.owed >= s.spool
}

// refuse answers a submit with an error. mu is held.
func (s *SMSC) refuse(c *session, h smpp.Header, status smpp.Status) {
	if status == smpp.ESME_RTHROTTLED {
		s.stats.Throttled++
	} else {
		s.stats.Refused++
	}
	s.stats.Responses++
	c.out.response(smpp.Header{Command: h.Command.Response(), Status: status, Sequence: h.Sequence}, nil)
}

// respond gives an accepted submit its response, and has it concluded. mu is held.
func (s *SMSC) respond(c *session, job *accepted) {
	if c != nil {
		s.stats.Responses++
		c.out.add(job.response)
		if job.play.Submit.Doubled {
			c.out.add(job.response)
		}
	}
	if !job.done.IsZero() {
		return
	}
	if job.play.wantsReceipt(job.message) {
		job.account.owed++
		job.owed = true
	}
	s.later(job.play.Receipt.Delay, job.play.Receipt.Jitter, func() { s.conclude(job) })
}

// record keeps an accepted submit, and the text that it completes. mu is held.
func (s *SMSC) record(job *accepted, content smpp.Content) {
	s.stats.Accepted++
	submit := Submit{
		Account: job.account.name, ID: job.id, Connection: job.session.number,
		From: addressText(job.message.Source), To: addressText(job.message.Dest),
		Parts: 1, Time: job.at, PDU: *job.message, Data: job.header.Command == smpp.CmdDataSM,
	}
	whole := &partSet{payloads: [][]byte{content.Payload}, ids: []string{job.id}}
	submit.Text = job.text
	if f := content.Fragment; f != nil {
		submit.Parts, submit.Text = int(f.Total), ""
		key := textKey{job.account.name, submit.From, submit.To, f.Reference, f.Wide, f.Total}
		if whole = s.open.add(key, f.Number, content.Payload, job.id); whole != nil {
			whole.payloads = [][]byte{slices.Concat(whole.payloads...)}
			submit.Text = s.alphabet.decode(content.Coding, whole.payloads[0])
		}
	}
	s.submits.add(submit)
	if whole == nil {
		return
	}
	message := Message{
		Account: submit.Account, From: submit.From, To: submit.To, Text: submit.Text,
		IDs: whole.ids, Payload: whole.payloads[0], Time: job.at,
	}
	s.stats.Messages++
	s.messages.add(message)
	if a := job.account; job.play.Deliver.Echo && a.owns(message.To) {
		job.echo = &echo{from: message.From, to: message.To, text: message.Text, payload: message.Payload, coding: job.message.DataCoding}
	}
	if s.handler != nil {
		s.heard <- message // full made sure of room, and all who send hold mu
	}
}

func cloneTLVs(tlvs smpp.TLVs) smpp.TLVs {
	if tlvs == nil {
		return nil
	}
	clone := make(smpp.TLVs, len(tlvs))
	for i, t := range tlvs {
		clone[i] = smpp.TLV{Tag: t.Tag, Value: slices.Clone(t.Value)}
	}
	return clone
}
