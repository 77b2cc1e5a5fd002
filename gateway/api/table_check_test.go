package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// next returns the next event of somebody's stream that is kept. What is told only
// to whoever is there, and has no number, is passed over.
func (s *stage) next(who string) (e Event) {
	s.t.Helper()
	for {
		select {
		case f, ok := <-s.readers[who].frames:
			if !ok {
				s.t.Fatalf("the stream of %s has ended", who)
			}
			if f.id == "" {
				continue
			}
			if err := json.Unmarshal([]byte(f.data), &e); err != nil {
				s.t.Fatalf("%v in %s", err, f.data)
			}
			return e
		case <-time.After(10 * time.Second):
			s.t.Fatalf("%s: no event", who)
		}
	}
}

// checkGet has somebody ask for the conversation itself, once for each place that
// they may find it in.
func (s *stage) checkGet(c *attempted, who string) {
	s.t.Helper()
	asked := [2]any{c.after, who}
	if !c.from.open() || s.asked[asked] {
		return
	}
	s.asked[asked] = true
	sees := strings.Contains(s.sees(c.after), who)
	if a := s.clients[who].do("GET", "/conversations/"+c.id, nil); a.status != map[bool]int{true: 200, false: 404}[sees] {
		s.t.Errorf("%v: %s gets it with %d, and sees it: %v", c, who, a.status, sees)
	}
}

// listed returns all of somebody's list, by the customers' numbers.
func (s *stage) listed(who, query string) map[string]Conversation {
	s.t.Helper()
	all := map[string]Conversation{}
	for cursor := ""; ; {
		l := want[ConversationList](s.t, s.clients[who].do("GET", "/conversations"+query+"&limit=1000"+cursor, nil), 200)
		for _, c := range l.Items {
			if _, twice := all[c.Peer]; twice {
				s.t.Errorf("%s lists %s twice", who, c.Peer)
			}
			all[c.Peer] = c
		}
		if l.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *l.NextCursor
	}
}

// views returns in which of their lists everybody has what.
func (s *stage) views() map[string]map[string]string {
	s.t.Helper()
	all := map[string]map[string]string{}
	for who := range strings.SplitSeq(watchers, "") {
		all[who] = map[string]string{}
		for _, view := range []string{"default", "waiting", "mine", "all", "snoozed", "archived"} {
			query := "?view=" + view
			switch view {
			case "default":
				query = "?sort=newest"
			}
			for peer := range maps.Keys(s.listed(who, query)) {
				all[who][peer] = strings.TrimSpace(all[who][peer] + " " + view)
			}
		}
	}
	return all
}

// heard drains everybody's streams to this moment, and returns the types that
// came about each customer; - marks a conversation that was gone.
func (s *stage) heard(cells []*attempted) map[string]map[string]string {
	s.t.Helper()
	peers := map[string]string{}
	for _, c := range cells {
		if c.state != "none" {
			peers[c.id] = c.peer
		}
	}
	s.emit(1)
	all := map[string]map[string]string{}
	for who := range s.readers {
		all[who] = map[string]string{}
		for {
			e := s.next(who)
			if e.Type == "carrier.up" {
				break
			}
			c, name := e.Data.Conversation, e.Type
			if c == nil {
				s.t.Fatalf("%s: %+v", who, e)
			}
			peer := c.Peer
			if e.Data.Gone {
				if name, peer = "-"+name, peers[c.ID]; c.Peer != "" || c.LastMessage != nil || e.Data.Message != nil || e.Data.Note != "" {
					s.t.Errorf("%s: gone, but %+v", who, e.Data)
				}
			}
			all[who][peer] = strings.TrimSpace(all[who][peer] + " " + name)
		}
	}
	return all
}

// events are those that somebody's stream is to have of a cell: whole to who sees
// what follows, gone to who saw only what was.
func (s *stage) events(c *attempted, who string) string {
	switch before, after := strings.Contains(s.sees(c.from), who), strings.Contains(s.sees(c.after), who); {
	case after:
		return strings.Join(c.events, " ")
	case before && len(c.events) > 0:
		return "-" + strings.Join(c.events, " -")
	}
	return ""
}

// checkAnswer compares what the request was answered: the conversation whole, or
// what is left of it for who no longer sees it.
func (s *stage) checkAnswer(c *attempted) {
	s.t.Helper()
	var got struct {
		Peer, Code string
		Status     any // a word of conversations, a number of problems
		Epoch      int64
		Owner      *Person
		Since      *time.Time
	}
	if len(c.answer.body) > 0 {
		if err := json.Unmarshal(c.answer.body, &got); err != nil {
			s.t.Fatalf("%v: %v: %s", c, err, c.answer.body)
		}
	}
	if c.answer.status != c.status || got.Code != c.code {
		s.t.Errorf("%v: %d %s, want %d %s: %s", c, c.answer.status, got.Code, c.status, c.code, c.answer.body)
		return
	}
	owner := ""
	if got.Owner != nil {
		owner = got.Owner.Name
	}
	switch {
	case c.code == "already_taken" || c.code == "owned_by_other":
		if owner != cast[c.from.who] || got.Since == nil {
			s.t.Errorf("%v: refused with %s, want its owner's name: %s", c, c.code, c.answer.body)
		}
	case c.code != "" || c.status == http.StatusNoContent || c.status == http.StatusAccepted:
	default:
		wantOwner := ""
		if c.after.taken() {
			wantOwner = cast[c.after.who]
		}
		whole := strings.Contains(s.sees(c.after), c.by)
		if got.Status != c.after.word() || owner != wantOwner || got.Epoch != c.epoch() || (got.Peer == c.peer) != whole || (got.Peer == "") == whole {
			s.t.Errorf("%v: answered %s, want %s of %q in epoch %d, whole: %v", c, c.answer.body, c.after.word(), wantOwner, c.epoch(), whole)
		}
	}
}

func (p standing) word() string {
	return map[byte]string{'W': "waiting", 'T': "taken", 'C': "closed", 'D': "deleted"}[p.status[0]]
}

// epoch is that of what follows: it counts changes of status, owner, queue and
// archived.
func (c *attempted) epoch() int64 {
	if !c.from.open() {
		return 1
	}
	archived := func(p standing) bool { return p.status == "TA" || p.status == "C" }
	owner := func(p standing) string {
		if p.taken() {
			return p.who
		}
		return ""
	}
	if c.from.word() != c.after.word() || owner(c.from) != owner(c.after) || c.from.other != c.after.other || archived(c.from) != archived(c.after) {
		return c.before.Epoch + 1
	}
	return c.before.Epoch
}

// checkState compares the conversation that s sees then: a refusal has changed
// nothing.
func (s *stage) checkState(c *attempted, now map[string]Conversation) {
	s.t.Helper()
	got, there := now[c.peer]
	if there != c.after.open() {
		s.t.Errorf("%v: there is a conversation: %v, want %v", c, there, c.after.open())
	}
	if !there || !c.after.open() {
		return
	}
	owner, wantOwner, queue := "", "", "Sales"
	if got.Owner != nil {
		owner = got.Owner.Name
	}
	if c.after.taken() {
		wantOwner = cast[c.after.who]
	}
	if c.after.other {
		queue = "Other"
	}
	archived := c.after.status == "TA" || c.after.status == "C"
	if got.Status != c.after.word() || owner != wantOwner || got.Queue.Name != queue || got.Archived != archived || got.Epoch != c.epoch() || got.Unread != c.unread() {
		s.t.Errorf("%v: %+v, want %s of %q in %s, archived %v, epoch %d, unread %d", c, got, c.after.word(), wantOwner, queue, archived, c.epoch(), c.unread())
	}
	if snoozed := c.after.status == "Tz"; got.Snoozed != snoozed {
		s.t.Errorf("%v: snoozed is %v", c, got.Snoozed)
	}
}

// unread counts the customer's texts since the owner has read them: closing it
// counts as that, and keywords and the blocked do not count.
func (c *attempted) unread() int {
	switch {
	case c.after.status == "C" || slices.Contains(c.events, "conversation.read"):
		return 0
	case c.row.name == "customer's text":
		return c.before.Unread + 1
	}
	return c.before.Unread
}
