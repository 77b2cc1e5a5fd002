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
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == outboxOpen {
		o.buf = smpp.AppendResponse(o.buf, h, r)
		o.wake()
	}
}

func (o *outbox) bindResponse(h smpp.Header, r *smpp.BindResponse) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == outboxOpen {
		o.buf = smpp.AppendBindResponse(o.buf, h, r)
		o.wake()
	}
}

func (o *outbox) shortMessage(h smpp.Header, m *smpp.ShortMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == outboxOpen {
		o.buf = smpp.AppendShortMessage(o.buf, h, m)
		o.wake()
	}
}

func (o *outbox) header(h smpp.Header) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == outboxOpen {
		o.buf = smpp.AppendHeader(o.buf, h)
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
