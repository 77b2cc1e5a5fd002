package smppsim

import (
	"sync"

	"smsbridge/smpp"
)

// maxUnwritten is how many octets may wait for a connection before its reader
// waits too.
const maxUnwritten = 1 << 20

// outbox holds the PDUs that a session's writer has yet to write. While its reader
// works through what it read it holds the writer back, so that one write carries
// all answers.
type outbox struct {
	mu    sync.Mutex
	moved sync.Cond // something came, went, or ended
	buf   []byte
	held  bool
	state outboxState
}

type outboxState uint8

const (
	outboxOpen     outboxState = iota
	outboxBroken               // nothing can be written any more; what came before is still read
	outboxFinished             // nothing more comes; what is there is written
	outboxClosed               // nothing is written any more
)

func (o *outbox) response(h smpp.Header, r *smpp.Response) {
	o.add(func(b []byte) []byte { return smpp.AppendResponse(b, h, r) })
}

func (o *outbox) bindResponse(h smpp.Header, r *smpp.BindResponse) {
	o.add(func(b []byte) []byte { return smpp.AppendBindResponse(b, h, r) })
}

func (o *outbox) shortMessage(h smpp.Header, m *smpp.ShortMessage) {
	o.add(func(b []byte) []byte { return smpp.AppendShortMessage(b, h, m) })
}

func (o *outbox) header(h smpp.Header) {
	o.add(func(b []byte) []byte { return smpp.AppendHeader(b, h) })
}

// add appends a PDU while anything can still be written.
func (o *outbox) add(pdu func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == outboxOpen {
		o.buf = pdu(o.buf)
		o.wake()
	}
}

func (o *outbox) wake() {
	if !o.held {
		o.moved.Broadcast()
	}
}

func (o *outbox) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
}

// release lets the writer go on, and waits while too much is unwritten.
func (o *outbox) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = false
	if len(o.buf) > 0 {
		o.moved.Broadcast()
	}
	for len(o.buf) > maxUnwritten && o.state == outboxOpen {
		o.moved.Wait()
	}
}

// end moves the state forward.
func (o *outbox) end(state outboxState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state = max(o.state, state)
	o.held = false
	o.moved.Broadcast()
}

func (o *outbox) open() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state == outboxOpen
}

// reads says whether what the peer has sent still counts.
func (o *outbox) reads() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state <= outboxBroken
}

// take waits for something to write. It returns nil when nothing more will come;
// flushed says whether all there was has been taken. spare is used for what comes
// next.
func (o *outbox) take(spare []byte) (batch []byte, flushed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.state == outboxOpen && (len(o.buf) == 0 || o.held) {
		o.moved.Wait()
	}
	if o.state == outboxBroken || o.state == outboxClosed || len(o.buf) == 0 {
		return nil, o.state == outboxFinished
	}
	batch, o.buf = o.buf, spare[:0]
	o.moved.Broadcast()
	return batch, false
}
