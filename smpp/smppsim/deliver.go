package smppsim

import (
	"cmp"
	"context"
	"slices"
	"time"

	"smsbridge/smpp"
)

// delivery is a deliver_sm that is owed to an account. It is in the account's
// spool, in flight on one session, or waits to be retried.
type delivery struct {
	message *smpp.ShortMessage // never changed
	command smpp.CommandID     // deliver_sm when zero
	receipt bool
	shuns   *session         // goes to another one, where another receives
	settled chan smpp.Status // of one element; nil where nobody waits
}

// spool is a queue that can take things back.
type spool struct {
	items []*delivery
	head  int
}

func (q *spool) len() int { return len(q.items) - q.head }

func (q *spool) push(d *delivery) {
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, d)
}

func (q *spool) first() *delivery { return q.items[q.head] }

func (q *spool) pop() *delivery {
	d := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	return d
}

// unpop puts what was popped back before everything else.
func (q *spool) unpop(ds []*delivery) {
	q.items = slices.Concat(ds, q.items[q.head:])
	q.head = 0
}

// owe puts a delivery at the end of what an account is owed. mu is held.
func (s *SMSC) owe(a *account, d *delivery) {
	a.owed++
	a.spool.push(d)
}

// feed sends what an account is owed as far as its receivers' windows allow, in
// turns. mu is held.
func (s *SMSC) feed(a *account) {
	for a.spool.len() > 0 {
		c := a.nextReceiver(a.spool.first())
		if c == nil {
			return
		}
		d := a.spool.pop()
		sequence := c.nextSequence()
		c.inflight[sequence] = sent{delivery: d, at: time.Now()}
		c.deliveries++
		if d.receipt {
			s.stats.ReceiptsSent++
		} else {
			s.stats.InboundSent++
		}
		command := cmp.Or(d.command, smpp.CmdDeliverSM)
		c.out.shortMessage(smpp.Header{Command: command, Sequence: sequence}, d.message)
	}
}

// nextReceiver returns a session with room for a delivery. mu is held.
func (a *account) nextReceiver(d *delivery) *session {
	if a.play.Link.Silent {
		return nil
	}
	shuns := d.shuns
	if shuns != nil && !slices.ContainsFunc(a.sessions, func(c *session) bool { return c != shuns && c.receives() && c.out.open() }) {
		shuns = nil
	}
	for range a.sessions {
		a.turn = (a.turn + 1) % len(a.sessions)
		c := a.sessions[a.turn]
		if c != shuns && c.receives() && c.deliveries < a.play.Deliver.window() && c.out.open() {
			return c
		}
	}
	return nil
}

// leave takes a session out and puts what it did not answer back, in the order in
// which it was sent. mu is held.
func (a *account) leave(c *session) {
	a.sessions = slices.DeleteFunc(a.sessions, func(o *session) bool { return o == c })
	if a.turn >= len(a.sessions) {
		a.turn = 0
	}
	var sequences []uint32
	for sequence, request := range c.inflight {
		if request.delivery != nil {
			sequences = append(sequences, sequence)
		}
	}
	slices.Sort(sequences)
	var back []*delivery
	for _, sequence := range sequences {
		back = append(back, c.inflight[sequence].delivery)
	}
	c.smsc.stats.Redelivered += uint64(len(back))
	a.spool.unpop(back)
	clear(c.inflight)
}

// isTemporary tells the statuses after which an SMSC tries again.
func isTemporary(status smpp.Status) bool {
	switch status {
	case smpp.ESME_RX_T_APPN, smpp.ESME_RMSGQFUL, smpp.ESME_RTHROTTLED, smpp.ESME_RSYSERR:
		return true
	}
	return false
}

// handleResponse settles what a response, or a generic_nack, is about.
func (c *session) handleResponse(h smpp.Header) {
	s := c.smsc
	s.lock()
	defer s.unlock()
	if h.Command == smpp.CmdUnbindResp {
		c.out.end(outboxFinished)
		return
	}
	if h.Sequence > maxSequence {
		s.stats.OddityAnswers++
		return
	}
	request, ok := c.inflight[h.Sequence]
	d := request.delivery
	expected := smpp.CmdEnquireLinkResp
	if d != nil {
		expected = cmp.Or(d.command, smpp.CmdDeliverSM).Response()
	}
	if !ok || h.Command != expected && h.Command != smpp.CmdGenericNack {
		s.stats.ProtocolErrors++
		return
	}
	delete(c.inflight, h.Sequence)
	if d == nil {
		return
	}
	c.deliveries--
	a := c.account
	if isTemporary(h.Status) {
		s.stats.Retried++
		s.clock.after(a.play.Deliver.retryAfter(), func() {
			s.lock()
			defer s.unlock()
			a.spool.push(d)
			s.feed(a)
		})
	} else {
		s.settle(a, d, h.Status)
	}
	s.feed(a)
}

// settle ends a delivery. mu is held.
func (s *SMSC) settle(a *account, d *delivery, status smpp.Status) {
	a.owed--
	switch {
	case d.receipt && status == smpp.ESME_ROK:
		s.stats.ReceiptsAcked++
	case d.receipt:
		s.stats.ReceiptsRefused++
	case status == smpp.ESME_ROK:
		s.stats.InboundAcked++
	default:
		s.stats.InboundRefused++
	}
	if d.settled != nil {
		d.settled <- status
	}
}

// DeliverOption changes one call of Deliver or its like.
type DeliverOption func(*deliverOptions)

type deliverOptions struct {
	systemID  string
	data      bool
	reference *uint16
	splitting *Splitting
}

func optionsOf(options []DeliverOption) (o deliverOptions) {
	for _, option := range options {
		option(&o)
	}
	return o
}

// Via delivers to an account whatever the destination.
func Via(systemID string) DeliverOption {
	return func(o *deliverOptions) { o.systemID = systemID }
}

// AsDataSM sends data_sm instead of deliver_sm.
func AsDataSM() DeliverOption {
	return func(o *deliverOptions) { o.data = true }
}

// Reference sets the concatenation reference of a text of several parts, of which
// a header of an 8-bit one has the lower octet.
func Reference(reference uint16) DeliverOption {
	return func(o *deliverOptions) { o.reference = &reference }
}

// Split overrides how the script has a long text travel.
func Split(how Splitting) DeliverOption {
	return func(o *deliverOptions) { o.splitting = &how }
}

// Deliver sends a text to the ESME that the destination belongs to: the account
// that lists it among its Numbers, or the only account, or the first by name that
// is bound as a receiver. Addresses are written "+447700900123", "60777" or
// "MyBank". The text goes out in the alphabet of data_coding 0, which is GSM 7 bit,
// one septet an octet, unless the script has another, or in UCS-2 where that has
// not all its characters, and in parts where it is long.
//
// Deliver waits for the responses and returns the first status that is not
// ESME_ROK. While no receiver is bound, and after each temporary error, it goes on
// waiting. When ctx ends it returns ctx's error, and the SMSC goes on trying.
func (s *SMSC) Deliver(ctx context.Context, from, to, text string, options ...DeliverOption) (smpp.Status, error) {
	o := optionsOf(options)
	how, err := s.style(to, &o)
	if err != nil {
		return 0, err
	}
	payloads, dataCoding := s.alphabet.split(text, how)
	return s.deliver(ctx, from, to, dataCoding, payloads, how.splitting, o)
}

// DeliverParts is Deliver with the text already encoded and cut, anywhere: within
// a surrogate pair or an escape sequence too. Payloads are without headers; there
// are at most 255. The one of a text of one part gets no header.
func (s *SMSC) DeliverParts(ctx context.Context, from, to string, dataCoding uint8, payloads [][]byte, options ...DeliverOption) (smpp.Status, error) {
	o := optionsOf(options)
	how, err := s.style(to, &o)
	if err != nil {
		return 0, err
	}
	return s.deliver(ctx, from, to, dataCoding, payloads, how.splitting, o)
}

// DeliverPDU is Deliver with a whole message, which must not be changed any more.
func (s *SMSC) DeliverPDU(ctx context.Context, m *smpp.ShortMessage, options ...DeliverOption) (smpp.Status, error) {
	return s.send(ctx, addressText(m.Dest), []*smpp.ShortMessage{m}, optionsOf(options))
}

func (s *SMSC) deliver(ctx context.Context, from, to string, dataCoding uint8, payloads [][]byte, how Splitting, o deliverOptions) (smpp.Status, error) {
	if len(payloads) == 0 || len(payloads) > 255 {
		return 0, ErrParts
	}
	var reference uint16
	if o.reference != nil {
		reference = *o.reference
	} else {
		reference = s.nextReference()
	}
	return s.send(ctx, to, compose(from, to, dataCoding, payloads, how, reference), o)
}

// style returns how the account that a text goes to has it.
func (s *SMSC) style(to string, o *deliverOptions) (style, error) {
	s.lock()
	defer s.unlock()
	if s.closed {
		return style{}, ErrClosed
	}
	a, err := s.accountFor(to, o.systemID)
	if err != nil {
		return style{}, err
	}
	how := a.style()
	if o.splitting != nil {
		how.splitting = *o.splitting
	}
	return how, nil
}

func (s *SMSC) nextReference() uint16 {
	s.lock()
	defer s.unlock()
	s.reference++
	return s.reference
}

// send owes messages to an account and waits until all are settled.
func (s *SMSC) send(ctx context.Context, to string, messages []*smpp.ShortMessage, o deliverOptions) (smpp.Status, error) {
	var command smpp.CommandID
	if o.data {
		command = smpp.CmdDataSM
	}
	var deliveries []*delivery
	for _, m := range messages {
		deliveries = append(deliveries, &delivery{message: m, command: command, settled: make(chan smpp.Status, 1)})
	}
	if err := s.oweAll(to, o.systemID, deliveries); err != nil {
		return 0, err
	}
	result := smpp.ESME_ROK
	for _, d := range deliveries {
		select {
		case status := <-d.settled:
			result = cmp.Or(result, status)
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-s.done:
			return 0, ErrClosed
		}
	}
	return result, nil
}

func (s *SMSC) oweAll(to, systemID string, deliveries []*delivery) error {
	s.lock()
	defer s.unlock()
	if s.closed {
		return ErrClosed
	}
	a, err := s.accountFor(to, systemID)
	if err != nil {
		return err
	}
	if a.owed+len(deliveries) > s.spool {
		return ErrSpoolFull
	}
	for _, d := range deliveries {
		s.owe(a, d)
	}
	s.feed(a)
	return nil
}
