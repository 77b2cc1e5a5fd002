package router

import (
	"iter"
	"slices"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// book is what one transaction learns about segments: it loads their messages
// in one go, moves ticks as the rules say, records each move of a message as an
// event, and writes all of it in one go.
type book struct {
	r        *Router
	tx       *store.Tx
	messages map[gateway.ID]*gateway.Message
	segments map[gateway.ID]*gateway.Segment
	dirty    []*gateway.Segment
	moved    []*gateway.Message
	ended    []gateway.ID // conversations in which a segment has ended
	marked   map[gateway.ID]bool
	counts   map[string]*[2]int64  // carrier -> how many more are queued and sending, or fewer
	reached  map[reach]int         // how many segments reached a tick
	late     map[string]int        // carrier -> deliveries after a failure
	attempts []store.Attempt       // for the trace
	logged   bool                  // whoever opened it logs what has ended
	heard    map[gateway.ID]string // segment -> the reference that was last heard of, for the log
}

type reach struct {
	carrier string
	tick    gateway.Tick
}

func (r *Router) openBook(tx *store.Tx) *book {
	return &book{r: r, tx: tx, messages: map[gateway.ID]*gateway.Message{}, segments: map[gateway.ID]*gateway.Segment{},
		marked: map[gateway.ID]bool{}, counts: map[string]*[2]int64{}, reached: map[reach]int{}, late: map[string]int{}, heard: map[gateway.ID]string{}}
}

// load reads the messages of these segments, all their segments, and their
// conversations.
func (b *book) load(segments []gateway.ID) error {
	var want []gateway.ID
	seen := map[gateway.ID]bool{}
	for _, s := range segments {
		if id := s.Message(); b.messages[id] == nil && !seen[id] {
			seen[id] = true
			want = append(want, id)
		}
	}
	if len(want) == 0 {
		return nil
	}
	messages, err := b.tx.Messages(want)
	if err != nil {
		return err
	}
	var parts, conversations []gateway.ID
	for _, id := range want {
		m := messages[id]
		if m == nil {
			continue
		}
		b.messages[id] = m
		conversations = append(conversations, m.Conversation)
		for i := range max(1, m.Segments) {
			parts = append(parts, id.Segment(i))
		}
	}
	loaded, err := b.tx.Segments(parts)
	if err != nil {
		return err
	}
	for id, s := range loaded {
		b.segments[id] = s
	}
	return b.tx.LoadConversations(conversations)
}

// segmentsOf are those of a message that are loaded, in their order.
func (b *book) segmentsOf(m *gateway.Message) iter.Seq[*gateway.Segment] {
	return func(yield func(*gateway.Segment) bool) {
		for i := range max(1, m.Segments) {
			if s := b.segments[m.ID.Segment(i)]; s != nil && !yield(s) {
				return
			}
		}
	}
}

// touch has a changed segment written at the end.
func (b *book) touch(s *gateway.Segment) {
	if !b.marked[s.ID] {
		b.marked[s.ID] = true
		b.dirty = append(b.dirty, s)
	}
}

// forget drops a segment that is no more, written or not.
func (b *book) forget(s *gateway.Segment) {
	delete(b.segments, s.ID)
	if b.marked[s.ID] {
		delete(b.marked, s.ID)
		b.dirty = slices.DeleteFunc(b.dirty, func(d *gateway.Segment) bool { return d == s })
	}
}

// cause is why a tick is what it is, for a person.
type cause struct {
	code gateway.ErrorCode
	text string
}

// advance tells a segment what was learnt of it, and reports whether that moved
// it.
func (b *book) advance(s *gateway.Segment, to gateway.Tick, intermediate bool, why cause, at time.Time) (bool, error) {
	from := s.Tick
	next, changed := gateway.Advance(from, to, intermediate)
	if !changed {
		return false, nil
	}
	b.set(s, next, why)
	if next == gateway.TickSent {
		s.NotUntil = time.Time{}
		if p := b.r.pumps[s.Carrier]; p != nil {
			s.NotUntil = p.lookAgain(b.messages[s.ID.Message()], at)
		}
	}
	if next == gateway.TickDelivered && (from == gateway.TickFailed || from == gateway.TickExpired) {
		b.late[s.Carrier]++
	}
	return true, b.fold(s.ID.Message(), why, at)
}

// set moves a segment without asking whether that is news.
func (b *book) set(s *gateway.Segment, to gateway.Tick, why cause) {
	if open(s.Tick) && !open(to) {
		// A text may have failed while another segment of it was out: its
		// successor gets the turn when the last one has ended.
		b.ended = append(b.ended, b.messages[s.ID.Message()].Conversation)
	}
	b.count(s, -1)
	s.Tick, s.Error = to, ""
	b.count(s, 1)
	if to == gateway.TickFailed || to == gateway.TickExpired || to == gateway.TickUnknown {
		s.Error = why.code
	}
	b.reached[reach{s.Carrier, to}]++
	b.touch(s)
}

// count keeps the numbers of what is queued and sending.
func (b *book) count(s *gateway.Segment, n int64) {
	if !open(s.Tick) {
		return
	}
	c := b.counts[s.Carrier]
	if c == nil {
		c = new([2]int64)
		b.counts[s.Carrier] = c
	}
	c[s.Tick-gateway.TickQueued] += n
}

// open tells the ticks of what is still to be sent.
func open(t gateway.Tick) bool { return t == gateway.TickQueued || t == gateway.TickSending }

// fold gives the message the tick that follows from its segments, and records
// the move.
func (b *book) fold(id gateway.ID, why cause, at time.Time) error {
	m := b.messages[id]
	ticks := make([]gateway.Tick, 0, gateway.MaxSegments)
	for s := range b.segmentsOf(m) {
		ticks = append(ticks, s.Tick)
	}
	to := gateway.Fold(ticks)
	if to == gateway.TickFailed || to == gateway.TickExpired {
		b.dropQueued(m, to, why)
	}
	if open(to) { // on its way is no news, and a message's own row says queued
		return nil
	}
	from := m.Tick
	if from == gateway.TickQueued { // see above: a segment of it has been sending
		from = gateway.TickSending
	}
	next, changed := gateway.Advance(from, to, false)
	if !changed {
		return nil
	}
	return b.move(m, next, why, at)
}

// dropQueued keeps the rest of a text that has failed from being sent.
func (b *book) dropQueued(m *gateway.Message, to gateway.Tick, why cause) {
	for s := range b.segmentsOf(m) {
		if s.Tick == gateway.TickQueued {
			b.set(s, to, why)
		}
	}
}

func (b *book) move(m *gateway.Message, to gateway.Tick, why cause, at time.Time) error {
	if err := b.countFailure(m, m.Tick, to); err != nil {
		return err
	}
	m.Tick, m.Error, m.ErrorText = to, why.code, why.text
	if to == gateway.TickSent || to == gateway.TickDelivered {
		m.Error, m.ErrorText = "", ""
		if m.SentAt.IsZero() {
			m.SentAt = at
		}
	}
	if to == gateway.TickDelivered {
		m.DeliveredAt = at
	}
	if !b.marked[m.ID|messageMark] {
		b.marked[m.ID|messageMark] = true
		b.moved = append(b.moved, m)
	}
	return b.emitTick(m)
}

// countFailure has reports count a text that has failed, or that has arrived
// though it had.
func (b *book) countFailure(m *gateway.Message, from, to gateway.Tick) error {
	f := store.Fact{Kind: store.FactFailed}
	failed := func(t gateway.Tick) bool { return t == gateway.TickFailed || t == gateway.TickExpired }
	switch {
	case failed(to) && !failed(from):
	case failed(from) && to == gateway.TickDelivered:
		f.Kind = store.FactArrived
	default:
		return nil
	}
	c, ok, err := b.tx.Conversation(m.Conversation)
	if err != nil || !ok {
		return err
	}
	if f.Queue = c.Queue; m.Lane == gateway.LanePeople {
		f.Person = m.Author
	}
	b.tx.Count(f)
	return nil
}

// messageMark tells a message's ID from its first segment's in one set.
const messageMark gateway.ID = -1 << 63

func (b *book) emitTick(m *gateway.Message) error {
	c, ok, err := b.tx.Conversation(m.Conversation)
	if err != nil || !ok {
		return err
	}
	now := *m
	view := c.View()
	b.tx.Emit(gateway.Event{Type: gateway.EventMessageTick, Before: view, After: view, Conversation: &c, Message: &now})
	return nil
}

// requeue puts a segment back among those that can be claimed, unless its text
// has failed meanwhile: then it is dropped like those that were queued.
func (b *book) requeue(s *gateway.Segment, notUntil time.Time) {
	if m := b.messages[s.ID.Message()]; m.Tick == gateway.TickFailed || m.Tick == gateway.TickExpired {
		b.set(s, m.Tick, cause{m.Error, m.ErrorText})
		return
	}
	b.count(s, -1)
	s.Tick, s.NotUntil = gateway.TickQueued, notUntil
	b.count(s, 1)
	b.touch(s)
}

// writeSegments writes the changed segments, so that queries see them.
func (b *book) writeSegments() error {
	dirty := b.dirty
	b.dirty = nil
	for _, s := range dirty {
		delete(b.marked, s.ID)
	}
	return b.tx.UpdateSegments(dirty)
}

// close writes what has changed, and gives those behind an ended message their
// turn. It returns the carriers that have work by it.
func (b *book) close() ([]string, error) {
	if err := b.writeSegments(); err != nil {
		return nil, err
	}
	if err := b.tx.UpdateTicks(b.moved); err != nil {
		return nil, err
	}
	if err := b.tx.InsertAttempts(b.attempts); err != nil {
		return nil, err
	}
	b.attempts = nil
	if !b.logged {
		b.tx.AfterCommit(b.logEnded)
	}
	for carrier, n := range b.counts {
		if p := b.r.pumps[carrier]; p != nil {
			b.tx.AfterCommit(func() {
				p.queued.Add(n[0])
				p.sending.Add(n[1])
				if n[0] > 0 { // only now would a claim find it
					p.kick()
				}
			})
		}
	}
	b.tx.AfterCommit(b.countReached)
	if len(b.ended) == 0 {
		return nil, nil
	}
	return b.tx.PassTurn(b.ended)
}

// countReached counts once what the transaction may have done more than once.
func (b *book) countReached() {
	for r, n := range b.reached {
		b.r.metrics.segments.WithLabelValues(r.carrier, r.tick.String()).Add(float64(n))
	}
	for carrier, n := range b.late {
		b.r.metrics.lateDeliveries.WithLabelValues(carrier).Add(float64(n))
	}
}

// finish closes the book and wakes the carriers that have work by it.
func (b *book) finish() error {
	carriers, err := b.close()
	if err != nil {
		return err
	}
	for _, name := range carriers {
		if p := b.r.pumps[name]; p != nil {
			b.tx.AfterCommit(p.kick)
		}
	}
	return nil
}

// failQueued ends segments that nobody has claimed.
func (r *Router) failQueued(tx *store.Tx, ids []gateway.ID, to gateway.Tick, code gateway.ErrorCode, text string) error {
	b := r.openBook(tx)
	if err := b.failQueued(ids, to, code, text); err != nil {
		return err
	}
	return b.finish()
}

func (b *book) failQueued(ids []gateway.ID, to gateway.Tick, code gateway.ErrorCode, text string) error {
	if err := b.load(ids); err != nil {
		return err
	}
	for _, id := range ids {
		s := b.segments[id]
		if s == nil || s.Tick != gateway.TickQueued {
			continue
		}
		if _, err := b.advance(s, to, false, cause{code, text}, b.tx.Now()); err != nil {
			return err
		}
	}
	return nil
}
