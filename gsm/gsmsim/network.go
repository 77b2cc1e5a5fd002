package gsmsim

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/warthog618/sms/encoding/gsm7/charset"
)

// maxRecord is how many of the newest submitted texts a Network keeps.
const maxRecord = 10_000

// maxWaiting is how many texts and reports wait for one number.
const maxWaiting = 100_000

// Network is what carries texts between modems, and to and from the world. Its
// methods may be called from any goroutine.
//
// A text for a number waits until its modem is on the air and has room. What a
// modem sends to the number of another is delivered there.
type Network struct {
	clock   *clock
	done    chan struct{}
	wake    chan struct{} // of one element: something may be deliverable
	running sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	modems    int // that ever were: numbers those that have no identity
	reference int
	lines     map[string]*line
	onSubmit  func(Submitted) Fate
	onUSSD    func(USSD) Reply
	submitted []Submitted
	open      map[partKey]*partial
	changed   chan struct{} // closed when submitted grows
}

// line is a number.
type line struct {
	modem *Modem
	queue []*parcel
}

// parcel is a TPDU on its way to a SIM.
type parcel struct {
	tpdu      []byte
	report    bool
	notBefore time.Time
	arrived   func() // may be nil
}

// makeTables has the library make its tables of characters, which it does when each
// is first used, without a lock: modems use them at once.
var makeTables = sync.OnceFunc(func() {
	charset.DefaultDecoder()
	charset.DefaultEncoder()
	charset.DefaultExtEncoder()
	for nli := charset.Start; nli < charset.End; nli++ {
		charset.NewDecoder(nli)
		charset.NewEncoder(nli)
		charset.NewExtEncoder(nli)
	}
})

// NewNetwork starts a network. Close must be called, after that of its modems.
func NewNetwork() *Network {
	makeTables()
	n := &Network{
		clock: newClock(), done: make(chan struct{}), wake: make(chan struct{}, 1),
		lines: map[string]*line{}, open: map[partKey]*partial{}, changed: make(chan struct{}),
	}
	n.running.Go(n.run)
	return n
}

// Close ends the network and waits for its goroutines.
func (n *Network) Close() {
	n.mu.Lock()
	closed := n.closed
	n.closed = true
	n.mu.Unlock()
	if !closed {
		close(n.done)
	}
	n.clock.stop()
	n.running.Wait()
}

func (n *Network) sequence() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.modems++
	return n.modems
}

func (n *Network) attach(number string, m *Modem) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.line(number)
	if l.modem != nil {
		return ErrNumberTaken
	}
	l.modem = m
	return nil
}

func (n *Network) detach(m *Modem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.lines {
		if l.modem == m {
			l.modem = nil
		}
	}
}

// line is that of a number, which is made. mu is held.
func (n *Network) line(number string) *line {
	l := n.lines[number]
	if l == nil {
		l = &line{}
		n.lines[number] = l
	}
	return l
}

// OnSubmit has f decide on each part that a modem sends, from now on; nil accepts
// all. f is called while the modem waits for its answer, and for several modems at
// once. It may call the network and its modems, but not Close.
func (n *Network) OnSubmit(f func(Submitted) Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onSubmit = f
}

// OnUSSD has f answer service codes; nil has them answered as unknown, but for
// *100#.
func (n *Network) OnUSSD(f func(USSD) Reply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onUSSD = f
}

// Text sends a text to the number of a modem.
func (n *Network) Text(from, to, text string) error {
	return n.Deliver(Delivery{From: from, To: to, Text: text})
}

// Deliver sends a text that is more than plain. It returns ErrNoNumber for a number
// that no modem has or had.
func (n *Network) Deliver(d Delivery) error {
	n.mu.Lock()
	reference := d.Reference
	if reference == 0 {
		n.reference++
		reference = n.reference
	}
	n.mu.Unlock()
	parts, err := d.parts(reference)
	if err != nil {
		return err
	}
	if d.After <= 0 {
		return n.postParts(d.To, parts)
	}
	n.mu.Lock()
	_, known := n.lines[d.To]
	n.mu.Unlock()
	if !known {
		return ErrNoNumber
	}
	n.clock.after(d.After, func() { _ = n.postParts(d.To, parts) }) // numbers do not go away
	return nil
}

func (n *Network) postParts(to string, parts [][]byte) error {
	for _, part := range parts {
		if err := n.post(to, &parcel{tpdu: part}); err != nil {
			return err
		}
	}
	return nil
}

// DeliverTPDU sends an SMS-DELIVER, or an SMS-STATUS-REPORT, as it is. It is the way
// to send what no network should.
func (n *Network) DeliverTPDU(to string, tpdu []byte) error {
	report := len(tpdu) > 0 && tpdu[0]&0x03 == 0x02 // TP-MTI (TS 23.040 §9.2.3.1)
	return n.post(to, &parcel{tpdu: slices.Clone(tpdu), report: report})
}

// post queues a parcel for a number.
func (n *Network) post(to string, p *parcel) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.lines[to]
	switch {
	case n.closed:
		return ErrClosed
	case l == nil:
		return ErrNoNumber
	case len(l.queue) >= maxWaiting:
		l.queue = l.queue[1:] // the oldest has expired
	}
	l.queue = append(l.queue, p)
	n.kick()
	return nil
}

// Waiting is how many texts, parts and reports the network keeps for a number.
func (n *Network) Waiting(number string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.lines[number]; l != nil {
		return len(l.queue)
	}
	return 0
}

// kick has the network try again: a modem may be ready.
func (n *Network) kick() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *Network) run() {
	for {
		select {
		case <-n.done:
			return
		case <-n.wake:
		}
		n.mu.Lock()
		var lines []*line
		for _, l := range n.lines {
			if l.modem != nil && len(l.queue) > 0 {
				lines = append(lines, l)
			}
		}
		n.mu.Unlock()
		for _, l := range lines {
			for n.deliverNext(l) {
			}
		}
	}
}

// deliverNext offers the oldest parcel to the modem, and says whether the next one
// is worth a try.
func (n *Network) deliverNext(l *line) bool {
	n.mu.Lock()
	if l.modem == nil || len(l.queue) == 0 || n.closed {
		n.mu.Unlock()
		return false
	}
	m, p := l.modem, l.queue[0]
	n.mu.Unlock()
	if wait := time.Until(p.notBefore); wait > 0 {
		n.clock.after(wait, n.kick)
		return false
	}
	if !m.receive(p) {
		return false
	}
	n.mu.Lock()
	if len(l.queue) > 0 && l.queue[0] == p {
		l.queue = l.queue[1:]
	}
	n.mu.Unlock()
	if p.arrived != nil {
		p.arrived()
	}
	return true
}

// Submitted returns what modems have sent, oldest first: the newest 10,000 parts
// that were accepted.
func (n *Network) Submitted() []Submitted {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.submitted)
}

// Await waits until at least so many parts were accepted, and returns all.
func (n *Network) Await(ctx context.Context, parts int) ([]Submitted, error) {
	for {
		n.mu.Lock()
		all, changed := slices.Clone(n.submitted), n.changed
		n.mu.Unlock()
		if len(all) >= parts {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-changed:
		}
	}
}
