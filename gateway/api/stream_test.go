package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// reader is an open event stream.
type reader struct {
	t      testing.TB
	resp   *http.Response
	frames chan frame
	stop   context.CancelFunc
}

type frame struct {
	id, event, data, comment string
}

func (c *client) listen(t testing.TB, header ...string) *reader {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	resp, err := c.s.server.Client().Do(c.request("GET", "/events", nil, header...).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	r := &reader{t: t, resp: resp, frames: make(chan frame, 10000), stop: stop}
	go func() {
		defer close(r.frames)
		var f frame
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				f.id = value
			case "event":
				f.event = value
			case "data":
				f.data = value
			case "":
				if f.comment == "" {
					f.comment = value
				}
				if f.event != "" || f.comment != "" {
					r.frames <- f
				}
				f = frame{}
			}
		}
	}()
	t.Cleanup(r.close)
	return r
}

func (r *reader) close() {
	r.stop()
	r.resp.Body.Close()
	for range r.frames {
	}
}

// next returns the next event. It must come within ten seconds.
func (r *reader) next() Event {
	r.t.Helper()
	for {
		select {
		case f, ok := <-r.frames:
			if !ok {
				r.t.Fatal("the stream has ended")
			}
			if f.event == "" {
				continue
			}
			var e Event
			d := json.NewDecoder(strings.NewReader(f.data))
			d.DisallowUnknownFields()
			if err := d.Decode(&e); err != nil {
				r.t.Fatalf("%v in %s", err, f.data)
			}
			if e.ID != f.id || e.Type != f.event {
				r.t.Fatalf("frame %s %s has %s", f.id, f.event, f.data)
			}
			return e
		case <-time.After(10 * time.Second):
			r.t.Fatal("no event")
		}
	}
}

// ends makes sure that the stream ends within a time.
func (r *reader) ends(within time.Duration) {
	r.t.Helper()
	timeout := time.After(within)
	for {
		select {
		case _, ok := <-r.frames:
			if !ok {
				return
			}
		case <-timeout:
			r.t.Fatalf("the stream is open after %v", within)
		}
	}
}

// seen describes events up to and with the one of a type, in a line each.
func (r *reader) seen(last string) string {
	r.t.Helper()
	var b strings.Builder
	for {
		e := r.next()
		b.WriteString(e.Type)
		if e.Data.Gone {
			b.WriteString(" gone " + e.Data.Conversation.Status)
			if e.Data.Conversation.Owner != nil {
				b.WriteString(" " + e.Data.Conversation.Owner.Name)
			}
			if e.Data.Conversation.Peer != "" || e.Data.Conversation.LastMessage != nil || e.Data.Message != nil || e.Data.Note != "" {
				r.t.Errorf("gone, but %+v", e.Data)
			}
		}
		b.WriteString("\n")
		if e.Type == last {
			return b.String()
		}
	}
}

// TestStreamShowsWhatOneMaySee has the same happen before five people and two
// programs. The end is marked by a carrier's event, which everybody gets.
func TestStreamShowsWhatOneMaySee(t *testing.T) {
	s := newSite(t)
	s.run()
	readers := map[string]*reader{}
	for name := range s.people {
		readers[name] = s.as(name).listen(t)
	}
	readers["program"] = s.program("p", "events:read", "").listen(t)
	readers["limited"] = s.program("p", "events:read", general).listen(t)
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	ana, max := s.as("ana"), s.as("max")
	path := "/conversations/" + c.ID
	want[Conversation](t, ana.do("POST", path+"/take", nil), 200)
	want[Message](t, ana.do("POST", path+"/messages", replyBody{Text: "hi"}), 202)
	want[Conversation](t, max.do("POST", path+"/transfer", transferBody{Agent: s.people["stan"].String(), Note: "secret"}), 200)
	s.update(func(tx *store.Tx) error {
		tx.Emit(gateway.Event{Type: gateway.EventCarrierDown, Carrier: "acme", Note: "no route to host"})
		return nil
	})
	whole := "message.received\nconversation.created\nconversation.taken\nmessage.sent\nconversation.transferred\ncarrier.down\n"
	for name, want := range map[string]string{
		"max": whole, "olga": whole, "program": whole,
		"ana":     "message.received\nconversation.created\nconversation.taken\nmessage.sent\nconversation.transferred gone taken stan\ncarrier.down\n",
		"ben":     "message.received\nconversation.created\nconversation.taken gone taken ana\ncarrier.down\n",
		"stan":    "conversation.transferred\ncarrier.down\n",
		"limited": "carrier.down\n",
	} {
		if got := readers[name].seen("carrier.down"); got != want {
			t.Errorf("%s saw\n%swant\n%s", name, got, want)
		}
	}
}

func TestStreamEvents(t *testing.T) {
	s := newSite(t)
	s.run()
	r := s.as("ana").listen(t)
	s.arrive(customer, ours, "line\nline")
	e := r.next()
	if e.Type != "message.received" || e.Data.Message.Text != "line\nline" || e.Data.Conversation.LastMessage.ID != e.Data.Message.ID || e.Data.Conversation.Status != "waiting" ||
		time.Since(e.Time) > time.Minute {
		t.Errorf("%+v", e)
	}
	r.next()
	want[Conversation](t, s.as("ben").do("POST", "/conversations/"+e.Data.Conversation.ID+"/take", nil), 200)
	want[Conversation](t, s.as("max").do("POST", "/conversations/"+e.Data.Conversation.ID+"/transfer", transferBody{Queue: s.queue.String(), Note: "who?"}), 200)
	if e = r.next(); !e.Data.Gone || e.Data.Conversation.Owner.Name != "ben" {
		t.Errorf("%+v", e)
	}
	if e = r.next(); e.Type != "conversation.transferred" || e.Data.Note != "who?" || e.Data.By.Name != "max" || e.Data.Conversation.LastMessage.Text != "line\nline" {
		t.Errorf("%+v", e)
	}
}

// emit commits n carrier events, and returns the number of the last.
func (s *site) emit(n int) int64 {
	s.t.Helper()
	for n > 0 {
		some := min(n, 500)
		n -= some
		s.update(func(tx *store.Tx) error {
			for range some {
				tx.Emit(gateway.Event{Type: gateway.EventCarrierUp, Carrier: "acme"})
			}
			return nil
		})
	}
	seq, err := s.db.EventSeq(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return seq
}

func TestStreamResumes(t *testing.T) {
	s := newSite(t)
	first := s.emit(1)
	s.emit(1000)
	ana := s.as("ana")
	readers := []*reader{
		ana.listen(t, "Last-Event-ID", strconv.FormatInt(first, 10)),
		s.program("p", "events:read", "").listen(t, "Last-Event-ID", strconv.FormatInt(first-1, 10)),
	}
	newest := s.emit(1000) // while they read
	for i, r := range readers {
		for seq := first + 1 - int64(i); seq <= newest; seq++ {
			if e := r.next(); e.ID != strconv.FormatInt(seq, 10) {
				t.Fatalf("event %s, want %d", e.ID, seq)
			}
		}
	}
	resp, err := s.server.Client().Do(ana.request("GET", fmt.Sprintf("/events?last_event_id=%d", newest-1), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			if id != strconv.FormatInt(newest, 10) {
				t.Errorf("event %s, want %d", id, newest)
			}
			break
		}
	}
}

// TestStreamReadsWhatOthersCommitted has numbers in between that another process
// took.
func TestStreamReadsWhatOthersCommitted(t *testing.T) {
	s := newSite(t)
	newest := s.emit(1)
	r := s.as("ana").listen(t)
	s.emit(1)
	other, err := store.Open(context.Background(), "sqlite:"+s.path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Update(context.Background(), func(tx *store.Tx) error {
		for range 3 {
			tx.Emit(gateway.Event{Type: gateway.EventCarrierDown, Carrier: "other"})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.emit(1)
	for i := range int64(5) {
		e := r.next()
		if e.ID != strconv.FormatInt(newest+1+i, 10) || (e.Data.Carrier == "other") != (i >= 1 && i <= 3) {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
}

func TestStreamResets(t *testing.T) {
	s := newSite(t)
	newest := s.emit(100)
	s.update(func(tx *store.Tx) error {
		_, err := tx.PruneEvents(tx.Now().Add(time.Hour), 50)
		return err
	})
	oldest, err := s.db.OldestEvent(context.Background())
	if err != nil || oldest == 0 {
		t.Fatal(oldest, err)
	}
	for _, id := range []string{strconv.FormatInt(oldest-2, 10), strconv.FormatInt(newest+1000, 10), "x", "-1"} {
		r := s.as("ana").listen(t, "Last-Event-ID", id)
		if e := r.next(); e.Type != "stream.reset" {
			t.Errorf("after %s comes %+v", id, e)
		}
		newest = s.emit(1)
		if e := r.next(); e.ID != strconv.FormatInt(newest, 10) {
			t.Errorf("after the reset comes %+v, want %d", e, newest)
		}
	}
	r := s.as("ana").listen(t, "Last-Event-ID", strconv.FormatInt(oldest-1, 10))
	if e := r.next(); e.ID != strconv.FormatInt(oldest, 10) {
		t.Errorf("%+v, want %d", e, oldest)
	}
}

func TestStreamEnds(t *testing.T) {
	s := newSite(t)
	ana, ben := s.as("ana"), s.as("ben")
	secret, hash := NewToken()
	token := store.Token{Name: "p", Hash: hash, Scopes: "events:read"}
	s.update(func(tx *store.Tx) error { return tx.AddToken(&token) })
	disabled, signedOut, revoked, stopped := ana.listen(t), ben.listen(t), (&client{s: s, token: secret}).listen(t), s.as("olga").listen(t)
	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["ana"]) })
	disabled.ends(time.Second)
	ben.do("DELETE", "/session", nil)
	signedOut.ends(time.Second)
	s.update(func(tx *store.Tx) error { _, err := tx.RevokeToken(token.ID); return err })
	revoked.ends(time.Second)
	s.hub.Close()
	stopped.ends(time.Second)
}

func TestStreamFollowsMembership(t *testing.T) {
	s := newSite(t)
	s.run()
	r := s.as("stan").listen(t)
	s.arrive(customer, ours, "unseen")
	s.emit(1)
	if e := r.next(); e.Type != "carrier.up" {
		t.Fatalf("%+v", e)
	}
	s.update(func(tx *store.Tx) error { return tx.SetMember(s.queue, s.people["stan"], false) })
	s.arrive(customer, ours, "seen")
	if e := r.next(); e.Data.Message == nil || e.Data.Message.Text != "seen" {
		t.Errorf("%+v", e)
	}
}

func TestStreamPings(t *testing.T) {
	s := newSite(t)
	s.api.pingEvery = 10 * time.Millisecond
	r := s.as("ana").listen(t)
	for range 2 {
		select {
		case f := <-r.frames:
			if f.comment != "ping" {
				t.Errorf("%+v", f)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no ping")
		}
	}
}

// TestSlowReaderIsDropped opens a stream and does not read it.
func TestSlowReaderIsDropped(t *testing.T) {
	s := newSite(t)
	s.api.writeWithin = 100 * time.Millisecond
	ana := s.as("ana")
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s/events HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n", prefix, ana.cookie)
	note := strings.Repeat("x", 100000)
	deadline := time.Now().Add(20 * time.Second)
	for s.streams() != 1 && time.Now().Before(deadline) {
		s.emit(1)
	}
	for s.streams() != 0 {
		if time.Now().After(deadline) {
			t.Fatal("it is not dropped")
		}
		s.update(func(tx *store.Tx) error {
			for range 20 {
				tx.Emit(gateway.Event{Type: gateway.EventCarrierDown, Carrier: "acme", Note: note})
			}
			return nil
		})
	}
}

// TestOvertakenReaderIsDropped has the ring go round before a reader looks.
func TestOvertakenReaderIsDropped(t *testing.T) {
	h := NewHub()
	w := newWatcher()
	h.watch(w, &caller{actor: gateway.Actor{Kind: gateway.ActorProgram}})
	events := make([]gateway.Event, ringSize+1)
	for i := range events {
		events[i] = gateway.Event{Seq: int64(i + 1), Type: gateway.EventCarrierUp}
	}
	h.Publish(events[:ringSize])
	h.reset(w, 0)
	if got, ok := h.since(w, nil, ringSize); !ok || len(got) != ringSize || got[0].Seq != 1 || w.reads {
		t.Errorf("%d events, %v", len(got), ok)
	}
	h.Publish(events[ringSize:])
	if got, ok := h.since(w, nil, 2); !ok || len(got) != 1 || got[0].Seq != ringSize+1 {
		t.Errorf("%d new events, %v", len(got), ok)
	}
	h.reset(w, 0)
	if _, ok := h.since(w, nil, 1); ok {
		t.Error("the first event is gone, and nobody says so")
	}
	h.reset(w, 1)
	if got, ok := h.since(w, nil, 1); !ok || got[0].Seq != 2 {
		t.Error("the second event is lost")
	}
}
