package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// cast says who plays the letters of the table.
var cast = map[string]string{"m": "ana", "u": "ben", "g": "max", "s": "olga", "x": "stan", "O": "otto", "L": "lena", "B": "bea", "n": "nora"}

// watchers are those whose lists and streams are looked at.
const watchers = "mugsOLxBnp"

// stage is a site with the whole cast on it, each with a stream open.
type stage struct {
	*site
	other            gateway.ID // the queue Other
	narrow, readable bool       // as the settings of Sales have it
	clients          map[string]*client
	readers          map[string]*reader
	asked            map[[2]any]bool // for what checkGet has asked
}

func newStage(t *testing.T, settings gateway.QueueSettings) *stage {
	t.Helper()
	s := &stage{site: newSite(t), clients: map[string]*client{}, readers: map[string]*reader{}, asked: map[[2]any]bool{}}
	s.update(func(tx *store.Tx) (err error) {
		for i, name := range []string{"otto", "lena", "bea", "nora"} {
			p := store.Person{Extension: strconv.Itoa(201 + i), Name: name, Role: "agent", Password: s.hash}
			if err := tx.AddPerson(&p); err != nil {
				return err
			}
			s.people[name] = p.ID
		}
		if s.other, err = tx.AddQueue("Other", nil); err != nil {
			return err
		}
		return tx.SetMember(s.other, s.people["nora"], false)
	})
	s.configure(settings)
	s.run()
	for who, name := range cast {
		s.clients[who] = s.as(name)
	}
	s.clients["p"] = s.program("program", "conversations:read conversations:write messages:send events:read", "")
	for who, c := range s.clients {
		s.readers[who] = c.listen(t)
	}
	return s
}

// standing is where a conversation stands: one of the states of the table, with its
// owner or who dealt with it.
type standing struct {
	status string // none, W, T, TA, Tz, C, D
	who    string
	other  bool // it is in the queue Other
}

func (p standing) taken() bool { return strings.HasPrefix(p.status, "T") }

// open is whether there is a conversation.
func (p standing) open() bool { return p.status != "none" && p.status != "D" }

// standingOf reads a state of the table.
func standingOf(state, me string) standing {
	status, who, _ := strings.Cut(strings.TrimSuffix(state, ")"), "(")
	status, other := strings.CutSuffix(status, "@other")
	switch {
	case status == "C" && !strings.Contains(state, "("):
		who = "L"
	case status == "C0":
		status = "C"
	case strings.HasPrefix(status, "T") && !strings.Contains(state, "("):
		who = "O"
	case who == "me":
		who = me
	}
	return standing{status, who, other}
}

// attempted is one try of an action on a conversation of its own.
type attempted struct {
	row         *tableRow
	state, by   string
	peer, id    string
	from, after standing
	before      Conversation // as s saw it
	status      int          // wanted
	code        string
	events      []string
	answer      answer
}

func (c *attempted) String() string { return fmt.Sprintf("%s on %s by %s", c.row.name, c.state, c.by) }

var longNames = map[string]string{"received": "message.received", "sent": "message.sent"}

// expect works out from the row what is to follow.
func (s *stage) expect(c *attempted) {
	c.from = standingOf(c.state, "")
	c.after, c.status = c.from, 0
	by := c.by
	if by == "u" && (c.from.status != "W" || !s.narrow || c.row.name == "start") {
		by = "m"
	}
	for text := range strings.SplitSeq(c.row.cells, ";") {
		states, cases, _ := strings.Cut(text, ":")
		if !slices.Contains(strings.Fields(states), c.state) {
			continue
		}
		for one := range strings.SplitSeq(cases, "|") {
			words := strings.Fields(one)
			if !strings.Contains(words[0], by) && (words[0] != "v" || !strings.Contains(s.sees(c.from), c.by)) {
				continue
			}
			if status, err := strconv.Atoi(words[1]); err == nil {
				c.status, c.code = status, words[2]
				return
			}
			if c.status = c.row.status; words[1] != "=" {
				c.after = standingOf(words[1], c.by)
			}
			for _, name := range words[2:] {
				long := longNames[name]
				if long == "" {
					long = "conversation." + name
				}
				c.events = append(c.events, long)
			}
			return
		}
	}
	c.status, c.code = s.refusal(c.row, c.from, c.by)
}

// playTable tries every row on all states by some of the people, all on one stage: first all
// conversations are brought to their states, then everything is tried, and then
// everybody's streams and lists are compared.
func playTable(t *testing.T, settings gateway.QueueSettings, people string) {
	t.Parallel()
	s := newStage(t, settings)
	var cells []*attempted
	for i := range tableRows {
		row := &tableRows[i]
		by := strings.Split(people, "")
		if row.arrives != "" {
			by = []string{"c"}
		} else if row.name == "opt-out" && s.api.paths[prefix+"/conversations/{id}/opt-out"] == nil {
			continue
		}
		for state := range strings.FieldsSeq(tableStates) {
			for _, who := range by {
				c := &attempted{row: row, state: state, by: who, peer: fmt.Sprintf("+1260206%04d", len(cells)), id: gateway.ID(1).String()}
				s.expect(c)
				cells = append(cells, c)
			}
		}
	}
	s.prepare(cells)
	together(cells, func(c *attempted) {
		if c.row.arrives != "" {
			s.arrive(c.peer, ours, c.row.arrives)
		} else {
			c.answer = s.clients[c.by].do(c.row.request(s, c))
		}
	})
	heard := s.heard(cells)
	now := s.listed("s", "?view=all")
	views := s.views()
	for _, c := range cells {
		if c.row.arrives == "" {
			s.checkAnswer(c)
		}
		s.checkState(c, now)
		for who := range strings.SplitSeq(watchers, "") {
			if got, want := heard[who][c.peer], s.events(c, who); got != want {
				t.Errorf("%v: the stream of %s has %q, want %q", c, who, got, want)
			}
			if got, want := views[who][c.peer], s.lists(c.after, who); got != want {
				t.Errorf("%v: %s lists it in %q, want %q", c, who, got, want)
			}
			s.checkGet(c, who)
		}
	}
	t.Logf("%d cells", len(cells))
}

// together does something to all cells, to many at once so that they share
// commits. Their conversations have nothing to do with each other.
func together(cells []*attempted, do func(*attempted)) {
	work := make(chan *attempted)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for c := range work {
				do(c)
			}
		})
	}
	for _, c := range cells {
		work <- c
	}
	close(work)
	all.Wait()
}

// prepare brings each cell's conversation to its state.
func (s *stage) prepare(cells []*attempted) {
	s.t.Helper()
	together(cells, func(c *attempted) {
		if c.state != "none" {
			s.arrive(c.peer, ours, "hello")
		}
	})
	there := s.listed("s", "?view=all")
	together(cells, func(c *attempted) {
		if c.state == "none" {
			return
		}
		c.id = there[c.peer].ID
		do := func(who string, status int, method, path string, body any) {
			s.t.Helper()
			if a := s.clients[who].do(method, "/conversations/"+c.id+path, body); a.status != status {
				s.t.Errorf("%v: %s %s: %d %s", c, method, path, a.status, a.body)
			}
		}
		give := func(who string) { do("s", 200, "POST", "/transfer", transferBody{Agent: s.people[cast[who]].String()}) }
		until := time.Now().Add(2 * time.Hour)
		switch c.state {
		case "T":
			give("O")
		case "TA":
			give("O")
			do("O", 200, "POST", "/archive", nil)
		case "Tz":
			give("O")
			do("O", 200, "POST", "/snooze", snoozeBody{Until: &until})
		case "C0":
			do("p", 200, "POST", "/dealt-with", nil)
		case "C", "D":
			give("L")
			do("L", 200, "POST", "/dealt-with", nil)
			if c.state == "D" {
				do("s", 204, "DELETE", "", nil)
			}
		}
	})
	s.update(func(tx *store.Tx) error {
		for _, c := range cells {
			if c.row.blocked {
				if _, err := tx.Block(gateway.Address{Kind: gateway.AddressE164, Value: c.peer}, s.people["olga"]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	there = s.listed("s", "?view=all")
	for _, c := range cells {
		c.before = there[c.peer]
	}
	s.heard(cells) // none of this is compared
}
