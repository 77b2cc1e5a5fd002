package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// viewers are those who look at lists, by what they see.
func viewers() map[string]Visible {
	many := make([]gateway.ID, 300)
	for i := range many {
		many[i] = gateway.ID(1000 + i)
	}
	return map[string]Visible{
		"nobody":                {},
		"agent":                 {Person: 5, Member: []gateway.ID{1, 2}},
		"reader":                {Person: 5, Member: []gateway.ID{1, 2, 3}, Reads: []gateway.ID{2}},
		"manager":               {Person: 6, Member: []gateway.ID{1, 2, 3}, Manages: []gateway.ID{3}, Reads: []gateway.ID{3}},
		"manager of many":       {Person: 6, Member: many, Manages: many},
		"system owner":          {Person: 7, Everything: true, Member: []gateway.ID{1}},
		"program":               {Person: 8, Everything: true},
		"member of many queues": {Person: 5, Member: many, Reads: many},
	}
}

// views are the lists that a client shows, as the API asks for them.
func views() map[string]ConversationList {
	yes, no := true, false
	return map[string]ConversationList{
		"none":     {Waiting: true, Mine: true, Archived: &no, Snoozed: &no},
		"waiting":  {Waiting: true},
		"oldest":   {Waiting: true, OldestFirst: true},
		"mine":     {Mine: true, Archived: &no, Snoozed: &no},
		"snoozed":  {Mine: true, Archived: &no, Snoozed: &yes},
		"all":      {},
		"archived": {Archived: &yes},
	}
}

// TestListsUseIndexes asks SQLite how it would read each list: none may look at
// every conversation, nor sort more than the pages that it merges.
func TestListsUseIndexes(t *testing.T) {
	b := openBed(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"), Options{Node: "a"})
	explain := func(what, text string, args []any) []string {
		plan := must(collect(b.ctx, b.DB, func(r rows) (detail string, err error) {
			var id, parent, unused int
			return detail, r.Scan(&id, &parent, &unused, &detail)
		}, "EXPLAIN QUERY PLAN "+text, args...))(t)
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN conversations") {
				t.Errorf("%s: %s in\n%s\n%s", what, step, text, strings.Join(plan, "\n"))
			}
		}
		return plan
	}
	for who, visible := range viewers() {
		for view, l := range views() {
			for _, queue := range []gateway.ID{0, 2} {
				for _, after := range []*Place{nil, {time.Now(), 1 << 40}} {
					l.Visible, l.Queue, l.After, l.Limit = visible, queue, after, 51
					text, args := l.build()
					if text == "" {
						continue
					}
					plan := explain(who+", "+view, text, args)
					for i, step := range plan {
						if strings.Contains(step, "conversations_state") && !visible.Everything && len(visible.Member) < maxBranches {
							t.Errorf("%s, %s, queue %d: it looks for a few among all: %s", who, view, queue, step)
						}
						if i > 0 && strings.Contains(step, "ORDER BY") && strings.Contains(plan[i-1], " conversations ") {
							t.Errorf("%s, %s, queue %d: it sorts after %s:\n%s\n%s", who, view, queue, plan[i-1], text, strings.Join(plan, "\n"))
						}
					}
				}
			}
		}
	}
}

// testLists compares each list with what the rule says of each conversation, one
// by one, and the counts with the lists.
func testLists(b *bed) {
	var all []gateway.Conversation
	b.do(func(tx *Tx) error {
		all = nil
		for i := range 240 {
			c := newConversation(tx, phone(i))
			c.Queue = gateway.ID(1 + i%3)
			c.UpdatedAt = tx.Now().Add(time.Duration(i/2) * time.Second) // two share a time
			c.WaitingSince = c.UpdatedAt.Add(-time.Duration(i%7) * time.Minute)
			c.Unread = i % 4
			switch person := gateway.ID(4 + i/3%4); i / 12 % 5 {
			case 0:
				c.Status = gateway.StatusWaiting
				c.Offered = []gateway.Audience{gateway.Everyone, gateway.Nobody, gateway.Only(person), gateway.Only(5, 6)}[i/3%4]
			case 1:
				c.Status, c.Owner = gateway.StatusTaken, person
				if i%2 == 0 {
					c.SnoozedUntil = gateway.UntilText
				}
			case 2:
				c.Status, c.Owner, c.Archived = gateway.StatusTaken, person, true
			case 3:
				c.Status, c.LastOwner, c.Archived = gateway.StatusClosed, person, true
			case 4:
				c.Status, c.Archived = gateway.StatusDeleted, true
			}
			if c.Number = ourNumber; i%5 == 0 {
				c.Number = "12345"
			}
			all = append(all, c)
			if err := tx.SaveConversation(c); err != nil {
				return err
			}
		}
		return nil
	})
	for who, visible := range viewers() {
		actor := gateway.Actor{ID: visible.Person, SystemOwner: who == "system owner", Queues: map[gateway.ID]bool{}, Reads: map[gateway.ID]bool{}}
		if who == "program" {
			actor.Kind = gateway.ActorProgram
		}
		for _, q := range visible.Member {
			actor.Queues[q] = slices.Contains(visible.Manages, q)
		}
		for _, q := range visible.Reads {
			actor.Reads[q] = true
		}
		for view, l := range views() {
			for _, queue := range []gateway.ID{0, 2} {
				for _, numbers := range [][]string{nil, {}, {"12345"}} {
					l.Visible, l.Queue, l.Numbers = visible, queue, numbers
					want := wanted(all, &l, actor, view)
					what := fmt.Sprintf("%s, %s, queue %d, numbers %q", who, view, queue, numbers)
					equal(b.t, what, peers(b.pages(l)), peers(want))
					if queue != 0 {
						continue
					}
					counts := must(b.Counts(b.ctx, visible, numbers))(b.t)
					unread, with := 0, 0
					for _, c := range want {
						if unread += c.Unread; c.Unread > 0 {
							with++
						}
					}
					switch got := counts; view {
					case "waiting":
						equal(b.t, what, got.Waiting, len(want))
					case "snoozed":
						equal(b.t, what, got.Snoozed, len(want))
					case "mine":
						equal(b.t, what, []int{got.Mine, got.Unread, got.WithText}, []int{len(want), unread, with})
					}
				}
			}
		}
	}
}

// pages reads a list in pages of seven.
func (b *bed) pages(l ConversationList) (all []gateway.Conversation) {
	b.t.Helper()
	for l.Limit = 7; ; {
		page := must(b.Conversations(b.ctx, l))(b.t)
		if all = append(all, page...); len(page) < l.Limit {
			return all
		}
		last := page[len(page)-1]
		l.After = &Place{last.UpdatedAt, last.ID}
		if l.OldestFirst {
			l.After.At = last.WaitingSince
		}
	}
}

// wanted is what a list should hold, by the rules and in its order.
func wanted(all []gateway.Conversation, l *ConversationList, a gateway.Actor, view string) (want []gateway.Conversation) {
	for _, c := range all {
		mine := c.Owner != 0 && c.Owner == a.ID
		in := map[string]bool{
			"none":     c.Status == gateway.StatusWaiting || mine && !c.Archived && c.SnoozedUntil.IsZero(),
			"waiting":  c.Status == gateway.StatusWaiting,
			"oldest":   c.Status == gateway.StatusWaiting,
			"mine":     mine && !c.Archived && c.SnoozedUntil.IsZero(),
			"snoozed":  mine && !c.SnoozedUntil.IsZero(),
			"all":      true,
			"archived": c.Archived,
		}[view]
		if in && c.View().VisibleTo(a) && (l.Queue == 0 || c.Queue == l.Queue) && (l.Numbers == nil || slices.Contains(l.Numbers, c.Number)) {
			want = append(want, c)
		}
	}
	slices.SortFunc(want, func(a, b gateway.Conversation) int {
		if l.OldestFirst {
			a, b = b, a
			if c := b.WaitingSince.Compare(a.WaitingSince); c != 0 {
				return c
			}
		} else if c := b.UpdatedAt.Compare(a.UpdatedAt); c != 0 {
			return c
		}
		return int(b.ID - a.ID)
	})
	return want
}

func peers(cs []gateway.Conversation) string {
	var b strings.Builder
	for _, c := range cs {
		b.WriteString(c.Peer.Value + " ")
	}
	return b.String()
}
