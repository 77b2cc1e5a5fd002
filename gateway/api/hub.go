package api

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"smsbridge/gateway"
)

// ringSize is how many events are kept in memory for streams to catch up. It is
// what a slow reader may lag behind, and at 1 kB each, some megabytes.
const ringSize = 8192

// Hub hands committed events to the streams of this process. It starts no
// goroutine and blocks nobody: it wakes the streams that may have to show
// something, which come and read. NewHub makes one.
type Hub struct {
	mu      sync.Mutex
	entries []*entry // the ring; that of position n is at n % ringSize
	next    int64    // the position of the next event
	seq     int64    // of the last event that was published
	round   int64    // counts what is published
	// The ring's end as it was when it was noted before, and as it was last noted.
	lately, noted int64
	notedAt       time.Time
	rate          atomic.Int64                    // events in a second, lately
	recent        map[gateway.ID]*gateway.Message // by ID, as the newest event in the ring has it
	closed        bool
	ended         chan struct{}

	open       atomic.Int64                 // streams
	watchers   group                        // all
	everything group                        // of those who see everything
	people     map[gateway.ID]*group        // by who they are
	queues     map[gateway.ID]*[fates]group // by queue
	numbers    map[string]*group            // of programs that are limited to numbers
}

// fates are the kinds of conversations in a queue that people are told of.
const (
	fateWaiting = iota // its members
	fateTaken          // those who may read what others have taken
	fateAny            // its managers
	fates
)

// group is streams that are woken by the same events.
type group struct {
	members map[*watcher]struct{}
	round   int64 // in which they were last woken
}

const (
	// fewStreams are told of each event that is for them. What is for more is
	// looked for by each of them: that costs whoever publishes less.
	fewStreams = 32
	maxMarks   = 256
	plenty     = 128 // events, that nothing is gained by adding more to
)

// entry is an event and its frames, each rendered by the first who needs it.
type entry struct {
	gateway.Event
	position int64
	before   int64 // the number of the event that this process published before it
	alone    bool  // one stream was woken for it: what that renders is kept for nobody
	whole    atomic.Pointer[[]byte]
	gone     atomic.Pointer[[]byte]
	// passing is set for what is told to whoever is there, and never stored.
	passing *passing
}

// passing is a frame of the stream without a number: who is not there misses it.
type passing struct {
	frame    []byte
	audience func(*caller) bool
}

// NewHub makes a hub. Its Publish is to be called by the store on commit.
func NewHub() *Hub {
	return &Hub{entries: make([]*entry, ringSize), ended: make(chan struct{}), recent: map[gateway.ID]*gateway.Message{},
		people: map[gateway.ID]*group{}, queues: map[gateway.ID]*[fates]group{}, numbers: map[string]*group{}}
}

// pass tells those whom it is for, and who are there, something that is not
// stored.
func (h *Hub) pass(p *passing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := &entry{passing: p, position: h.next}
	for w := range h.watchers.members {
		if p.audience(w.who) {
			w.mark(e)
		}
	}
	h.addLocked(e)
}

// Publish takes events that were committed, in commit order. Nobody changes what
// they point to afterwards.
func (h *Hub) Publish(events []gateway.Event) {
	if len(events) == 0 {
		return
	}
	added := make([]entry, len(events))
	for i := range events {
		added[i].Event = events[i]
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.round++; now.Sub(h.notedAt) >= noteEvery {
		h.rate.Store(int64(float64(h.next-h.noted) / now.Sub(h.notedAt).Seconds()))
		h.lately, h.noted, h.notedAt = h.noted, h.next, now
	}
	for i := range added {
		e := &added[i]
		e.position = h.next
		h.wakeLocked(e)
		h.addLocked(e)
	}
}

func (h *Hub) addLocked(e *entry) {
	slot := &h.entries[h.next%ringSize]
	if old := *slot; old != nil && old.Message != nil && h.recent[old.Message.ID] == old.Message {
		delete(h.recent, old.Message.ID)
	}
	*slot = e
	e.before = h.seq
	h.seq = max(h.seq, e.Seq)
	h.next++
	if e.Message != nil {
		h.recent[e.Message.ID] = e.Message
	}
}

// wakeLocked wakes the streams that may have to show e, which is about to be
// added: all of them if what comes between it and the event before was committed
// by another process.
func (h *Hub) wakeLocked(e *entry) {
	if e.Conversation == nil || e.Seq != h.seq+1 {
		h.wakeGroup(&h.watchers, e)
		return
	}
	n := h.wakeGroup(&h.everything, e)
	if len(h.numbers) > 0 {
		n += h.wakeGroup(h.numbers[e.Conversation.Number], e)
	}
	n += h.wakeView(&e.After, e)
	if e.Before != e.After {
		n += h.wakeView(&e.Before, e)
	}
	e.alone = n == 1
}

// wakeView wakes people who may see the conversation of e in this state, and returns how
// many streams that are; one may count twice.
func (h *Hub) wakeView(v *gateway.View, e *entry) (n int) {
	if v.Owner != 0 {
		n = h.wakeGroup(h.people[v.Owner], e)
	}
	q := h.queues[v.Queue]
	if q == nil {
		return n
	}
	n += h.wakeGroup(&q[fateAny], e)
	switch v.Status {
	case gateway.StatusWaiting:
		n += h.wakeGroup(&q[fateWaiting], e)
	case gateway.StatusTaken:
		n += h.wakeGroup(&q[fateTaken], e)
	}
	return n
}

// wakeGroup tells a group of e, which is about to be added, and returns its size.
func (h *Hub) wakeGroup(g *group, e *entry) int {
	switch {
	case g == nil:
		return 0
	case len(g.members) <= fewStreams:
		for w := range g.members {
			w.mark(e)
		}
	case g.round != h.round: // once for all that is published together
		g.round = h.round
		for w := range g.members {
			w.readFrom(e.position)
		}
	}
	return len(g.members)
}

// watch has a stream woken from now on by what its reader may see, in place of
// what it was woken by before. What has come lately and since it last looked is
// looked at again: the reader may see more of it now.
func (h *Hub) watch(w *watcher, who *caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.leaveLocked(w)
	h.open.Add(1)
	w.who = who
	h.join(w, &h.watchers)
	switch {
	case who.limits != nil:
		for _, n := range who.limits {
			h.join(w, groupOf(h.numbers, n))
		}
	case !who.person() || who.actor.SystemOwner:
		h.join(w, &h.everything)
	default:
		h.join(w, groupOf(h.people, who.actor.ID))
		for id, manages := range who.actor.Queues {
			q := groupOf(h.queues, id)
			switch {
			case manages:
				h.join(w, &q[fateAny])
				continue
			case who.actor.Reads[id]:
				h.join(w, &q[fateTaken])
			}
			h.join(w, &q[fateWaiting])
		}
	}
	if !known {
		w.checked = h.next
	}
	from := max(w.checked, h.lately)
	if w.reads {
		w.position = min(w.position, from)
	}
	w.readFrom(from)
	for n := len(w.marks); n > 0 && w.marks[n-1].position >= w.position; n-- { // they are read with the others
		w.marks[n-1] = nil
		w.marks = w.marks[:n-1]
	}
}

func groupOf[K comparable, G any](all map[K]*G, key K) *G {
	if all[key] == nil {
		all[key] = new(G)
	}
	return all[key]
}

func (h *Hub) join(w *watcher, g *group) {
	if g.members == nil {
		g.members = map[*watcher]struct{}{}
	}
	g.members[w] = struct{}{}
	w.in = append(w.in, g)
}

// leave ends what watch began.
func (h *Hub) leave(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaveLocked(w)
}

func (h *Hub) leaveLocked(w *watcher) (known bool) {
	for _, g := range w.in {
		delete(g.members, w)
	}
	if known = len(w.in) > 0; known {
		h.open.Add(-1)
	}
	w.in = w.in[:0]
	return known
}

const (
	pauseEach = 200 * time.Microsecond
	maxPause  = 20 * time.Millisecond
	maxLoad   = 20
	usualRate = 1000 // events a second
	noteEvery = 250 * time.Millisecond
)

// pause is for how long a stream lets events gather after a write. A write costs
// as much as ten events that are put into it, so that many streams write less
// often, and less often still when more happens than usually does. The first event
// after a while is never held back.
func (h *Hub) pause() time.Duration {
	return min(time.Duration(h.open.Load())*pauseEach, maxPause) * time.Duration(max(usualRate, min(h.rate.Load(), maxLoad*usualRate))) / usualRate
}

// message returns a message as it was last committed, if that was lately.
func (h *Hub) message(id gateway.ID) *gateway.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.recent[id]
}

// position is where the ring ends now.
func (h *Hub) position() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

// reset has a stream read on from a position.
func (h *Hub) reset(w *watcher, position int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(w.marks)
	w.marks, w.reads, w.position = w.marks[:0], true, position
}

// since appends up to limit entries that the stream may have to show and has not
// read yet. It returns false if they are no longer all there.
func (h *Hub) since(w *watcher, into []*entry, limit int) (entries []*entry, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.checked = h.next
	oldest := h.next - ringSize
	if w.reads && w.position < oldest {
		return into, false
	}
	n := min(len(w.marks), limit)
	into = append(into, w.marks[:n]...)
	w.marks = slices.Delete(w.marks, 0, n)
	if w.reads {
		for ; w.position < h.next && len(into) < limit; w.position++ {
			into = append(into, h.entries[w.position%ringSize])
		}
		w.reads = w.position < h.next
	}
	if !w.reads && len(w.marks) == 0 {
		for _, c := range []chan struct{}{w.wake, w.plenty} {
			select {
			case <-c: // it has come already
			default:
			}
		}
	}
	return into, true
}

// Close ends all streams, and those that come later at once.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.ended)
	}
}
