package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// event is what the tests read of an event.
type event struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data struct {
		Message      *message      `json:"message"`
		Conversation *conversation `json:"conversation"`
		By           *named        `json:"by"`
		Gone         bool          `json:"gone"`
		Carrier      string        `json:"carrier"`
	} `json:"data"`
}

// stream is somebody's server-sent events. It is resumed where it broke, at the
// daemon's present address, until the test ends.
type stream struct {
	t      testing.TB
	who    *user
	events chan event
}

// follow opens a stream; what happens from its return on is in it.
func (u *user) follow() *stream {
	u.t.Helper()
	s := &stream{t: u.t, who: u, events: make(chan event, 10_000)}
	ctx, cancel := context.WithCancel(u.t.Context())
	first, err := u.open(ctx, "GET", "/events", nil)
	if err != nil {
		cancel()
		u.t.Fatal(err)
	}
	if first.StatusCode != http.StatusOK {
		cancel()
		u.t.Fatalf("%s: GET /events: %s", u.name, first.Status)
	}
	var reading sync.WaitGroup
	reading.Go(func() { s.read(ctx, first) })
	u.t.Cleanup(func() { cancel(); reading.Wait() })
	return s
}

// read reads until ctx ends. A stream that has brought nothing yet is resumed
// from the beginning of all.
func (s *stream) read(ctx context.Context, response *http.Response) {
	last := "0"
	for {
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				last = id
			}
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var e event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				s.t.Errorf("event: %v: %s", err, data)
				continue
			}
			s.events <- e
		}
		response.Body.Close()
		for response = nil; response == nil; {
			pause := time.NewTimer(20 * time.Millisecond)
			select {
			case <-ctx.Done():
				pause.Stop()
				return
			case <-pause.C:
			}
			again, err := s.who.open(ctx, "GET", "/events", nil, "Last-Event-ID", last)
			if err != nil {
				continue
			}
			if again.StatusCode != http.StatusOK {
				again.Body.Close()
				continue
			}
			response = again
		}
	}
}

// next returns the next event about a conversation.
func (s *stream) next() event {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case e := <-s.events:
			if e.Data.Conversation != nil {
				return e
			}
		case <-deadline.C:
			s.t.Fatalf("%s's stream: no event", s.who.name)
		}
	}
}

// until returns the next event that is as wanted.
func (s *stream) until(what string, ok func(event) bool) event {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case e := <-s.events:
			if ok(e) {
				return e
			}
		case <-deadline.C:
			s.t.Fatalf("%s's stream: no %s", s.who.name, what)
		}
	}
}

// expect takes events of these types, whole and about one conversation, and
// returns the last.
func (s *stream) expect(conversation string, types ...string) (e event) {
	s.t.Helper()
	for _, want := range types {
		e = s.next()
		if e.Type != want || e.Data.Gone || e.Data.Conversation.ID != conversation {
			s.t.Fatalf("%s's stream: %s of %s (gone: %v), want %s of %s", s.who.name, e.Type, e.Data.Conversation.ID, e.Data.Gone, want, conversation)
		}
	}
	return e
}
