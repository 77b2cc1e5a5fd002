package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
)

const (
	pingEvery   = 15 * time.Second
	writeWithin = 10 * time.Second // what a reader that has stopped reading gets
	streamBatch = 256              // events in one write
	maxStreams  = 2000             // of everybody
	maxOwn      = 20               // of one person or token
	streamRetry = 5 * time.Second  // who has too many is told
)

type streamInput struct {
	Header string `header:"Last-Event-ID" doc:"The id of the last event one has: what came since comes first"`
	Query  string `query:"last_event_id" doc:"The same, for who cannot set a header"`
}

func (a *API) streamRoutes() {
	op := a.operation(http.MethodGet, "/events", http.StatusOK, nil, "What happens, as server-sent events")
	op.Description = "`event:` is the type, `data:` the envelope below, `id:` resumes. Without Last-Event-ID from now on. " +
		"`stream.reset` says that what was missed is no longer kept. A comment comes every 15 s. " +
		"`conversation.presence` (`{conversation:{id},who,state,until}`) and `agent.availability` (`{agent,availability,since}`) come without an `id:`, to who is there; so does `conversation.ignored` (`{conversation:{id,status,owner,epoch}}`), to one's own streams."
	op.Responses["200"].Content = map[string]*huma.MediaType{
		"text/event-stream": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "")},
	}
	mount[streamInput](a, op, a.events)
}

var errRevoked = errors.New("its reader may no longer see anything")

// stream is one reader of events.
type stream struct {
	a        *API
	w        http.ResponseWriter
	out      *http.ResponseController
	who      *caller
	checked  time.Time // when who was last looked at
	watcher  *watcher
	seq      int64 // of the last event that was dealt with
	buf      []byte
	entries  []*entry
	wrote    time.Time
	deadline time.Time // of writes, as it was last set
}

func (a *API) events(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needs(scopeEvents); err != nil {
		return err
	}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last_event_id")
	}
	end := a.streams.begin(c.actor.ID, a.maxStreams, a.maxOwn)
	if end == nil {
		return rateLimited("Too many event streams are open. Close one, or try again later.", streamRetry)
	}
	defer end()
	ctx := r.Context()
	s := &stream{a: a, w: w, out: http.NewResponseController(w), who: c, watcher: newWatcher()}
	a.hub.watch(s.watcher, c)
	defer a.hub.leave(s.watcher)
	reset, err := s.begin(ctx, last)
	if err != nil {
		return err
	}
	if out, ok := w.(*response); ok {
		out.streams = true
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	a.metrics.streams.Inc()
	defer a.metrics.streams.Dec()
	if c.person() {
		defer a.router.Connected(c.actor.ID)()
	}
	s.buf = append(s.buf, "retry: 2000\n\n"...)
	if reset {
		s.buf = appendReset(s.buf, s.seq)
	}
	if s.flush() != nil {
		return nil
	}
	if err := s.run(ctx, last != "" && !reset); err != nil && ctx.Err() == nil {
		a.log.InfoContext(ctx, "event stream ended", "error", err)
	}
	return nil
}

// begin finds out where to begin, and whether what is asked for is gone.
func (s *stream) begin(ctx context.Context, last string) (reset bool, err error) {
	newest, err := s.a.db.EventSeq(ctx)
	if err != nil || last == "" {
		s.seq = newest
		return false, err
	}
	oldest, err := s.a.db.OldestEvent(ctx)
	if err != nil {
		return false, err
	}
	if oldest == 0 {
		oldest = newest + 1
	}
	asked, err := strconv.ParseInt(last, 10, 64)
	if err != nil || asked < oldest-1 || asked > newest {
		s.seq = newest
		return true, nil
	}
	s.seq = asked
	return false, nil
}

func appendReset(b []byte, seq int64) []byte {
	b = append(b, "id: "...)
	b = strconv.AppendInt(b, seq, 10)
	b = append(b, "\nevent: stream.reset\ndata: {\"id\":\""...)
	b = strconv.AppendInt(b, seq, 10)
	b = append(b, `","type":"stream.reset","time":`...)
	b = appendTime(b, time.Now())
	return append(b, ",\"data\":{}}\n\n"...)
}

// run writes events until the reader goes, or may no longer see any, or is too
// slow.
func (s *stream) run(ctx context.Context, resumed bool) error {
	if resumed {
		if err := s.catchUp(ctx, 1<<63-1); err != nil {
			return err
		}
	}
	ping := time.NewTicker(s.a.pingEvery)
	defer ping.Stop()
	pause, expiry := time.NewTimer(time.Hour), time.NewTimer(1<<63-1)
	defer pause.Stop()
	defer expiry.Stop()
	var ends time.Time // zero: never
	for {
		changed := s.a.dir.Changed()
		if err := s.recognise(true); err != nil {
			return err
		}
		s.a.hub.watch(s.watcher, s.who)
		for same := true; same; {
			if err := s.recognise(false); err != nil {
				return err
			}
			entries, ok := s.a.hub.since(s.watcher, s.entries[:0], streamBatch)
			if !ok {
				return errors.New("its reader is too slow")
			}
			s.entries = entries
			if err := s.write(ctx, entries); err != nil {
				return err
			}
			clear(entries)
			if len(entries) == streamBatch { // there may be more
				select {
				case <-s.a.hub.ended:
					return nil
				case <-changed:
					same = false
				default:
				}
				continue
			}
			if !s.who.ends.Equal(ends) { // what is used goes on
				ends = s.who.ends
				expiry.Reset(time.Until(ends) + time.Millisecond)
			}
			select {
			case <-s.watcher.wake:
				if wait := s.a.hub.pause() - time.Since(s.wrote); wait > 0 {
					pause.Reset(wait)
					select {
					case <-pause.C:
					case <-s.watcher.plenty:
					case <-s.a.hub.ended:
						return nil
					case <-ctx.Done():
						return nil
					}
				}
				select {
				case <-changed: // the reader may see less now
					same = false
				default:
				}
			case <-changed:
				same = false
			case <-expiry.C:
				same = false
			case <-s.a.hub.ended:
				return nil
			case <-ctx.Done():
				return nil
			case <-ping.C:
				s.buf = append(s.buf, ": ping\n\n"...)
				if err := s.flush(); err != nil {
					return err
				}
			}
		}
	}
}

// recognise looks at who the reader is now, unless that was done a moment ago.
// What changes a person or a token is noticed at once; this is for what ends with
// time.
func (s *stream) recognise(changed bool) error {
	now := time.Now()
	if !changed && now.Sub(s.checked) < min(time.Second, s.a.pingEvery) {
		return nil
	}
	who, ok := s.a.current(s.who)
	if !ok {
		return errRevoked
	}
	s.who, s.checked = who, now
	return nil
}

// catchUp writes what the store has after the last event and before the given
// number. What is published meanwhile is behind the position taken first.
func (s *stream) catchUp(ctx context.Context, before int64) error {
	for {
		select {
		case <-s.a.hub.ended:
			return errRevoked
		default:
		}
		position := s.a.hub.position()
		who, ok := s.a.current(s.who)
		if !ok {
			return errRevoked
		}
		s.who = who
		limit := int(min(streamBatch, before-s.seq-1))
		events, err := s.a.db.Events(ctx, s.seq, limit)
		if err != nil {
			return err
		}
		n := 0
		for n < len(events) && events[n].Seq < before {
			n++
		}
		missed := make([]entry, n)
		s.entries = s.entries[:0]
		for i := range missed {
			missed[i].Event = events[i]
			s.entries = append(s.entries, &missed[i])
		}
		if err := s.writeInOrder(ctx, s.entries); err != nil {
			return err
		}
		if n == len(events) && n == streamBatch {
			continue
		}
		if before == 1<<63-1 {
			s.a.hub.reset(s.watcher, position)
		}
		return nil
	}
}

// write writes entries of the ring. What other processes committed in between
// is not in it, and is read from the store.
func (s *stream) write(ctx context.Context, entries []*entry) error {
	for len(entries) > 0 {
		// What this process committed between two entries is nothing to the reader.
		s.seq = max(s.seq, entries[0].before)
		n := 0
		for seq := s.seq; n < len(entries) && entries[n].Seq <= max(seq, entries[n].before)+1; n++ { // what passes has no number
			seq = max(seq, entries[n].Seq)
		}
		if n > 0 {
			if err := s.writeInOrder(ctx, entries[:n]); err != nil {
				return err
			}
			entries = entries[n:]
			continue
		}
		rest := append([]*entry(nil), entries...) // catchUp uses s.entries
		if err := s.catchUp(ctx, rest[0].Seq); err != nil {
			return err
		}
		s.seq = rest[0].Seq - 1 // there is nothing else before it
		entries = rest
	}
	return nil
}

// shown is how much of an entry a reader is shown.
type shown uint8

const (
	shownNothing shown = iota
	shownGone
	shownWhole
)

func (s *stream) shows(e *entry) shown {
	switch c := e.Conversation; {
	case e.passing != nil:
		if e.passing.audience(s.who) {
			return shownWhole
		}
	case e.Seq <= s.seq: // it was
	case c == nil, s.who.sees(e.After, c.Number):
		return shownWhole
	case e.Before != e.After && s.who.sees(e.Before, c.Number):
		return shownGone
	}
	return shownNothing
}

// writeInOrder writes, in one write, what of the entries the reader may see and
// has not seen.
func (s *stream) writeInOrder(ctx context.Context, entries []*entry) error {
	var missing []gateway.ID
	for _, e := range entries {
		if s.shows(e) != shownWhole {
			continue
		}
		if id := e.wants(); id != 0 && s.a.hub.message(id) == nil {
			missing = append(missing, id)
		}
	}
	var last map[gateway.ID]*gateway.Message
	if len(missing) > 0 {
		var err error
		if last, err = s.a.lastMessages(ctx, missing); err != nil {
			return err
		}
	}
	for _, e := range entries {
		switch s.shows(e) {
		case shownWhole:
			s.buf = e.appendWhole(s.buf, s.a, last)
		case shownGone:
			s.buf = e.appendGone(s.buf, s.a)
		}
		s.seq = max(s.seq, e.Seq)
	}
	if len(s.buf) == 0 {
		return nil
	}
	return s.flush()
}

// flush writes what is buffered. A reader that does not take it in time is
// dropped.
func (s *stream) flush() error {
	s.wrote = time.Now()
	if s.deadline.Sub(s.wrote) < s.a.writeWithin*3/4 { // not for each write: it costs something
		s.deadline = s.wrote.Add(s.a.writeWithin)
		if err := s.out.SetWriteDeadline(s.deadline); err != nil {
			return err
		}
	}
	_, err := s.w.Write(s.buf)
	if err == nil {
		err = s.out.Flush()
	}
	if s.buf = s.buf[:0]; cap(s.buf) > 1<<20 {
		s.buf = nil
	}
	return err
}
