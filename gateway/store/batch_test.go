package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"smsbridge/gateway"
)

// conduct is what an update of a batch does.
type conduct string

const (
	writes            conduct = "writes"
	refuses           conduct = "refuses before it writes"
	failsAfterWriting conduct = "fails after it wrote"
	panics            conduct = "panics"
	panicsAfterWrite  conduct = "panics after it wrote"
	badStatement      conduct = "has a statement fail"
	swallowsFailure   conduct = "has a statement fail and returns nil"
	duplicate         conduct = "inserts a message twice"
	misleads          conduct = "returns an error that looks like the store's"
)

var conducts = []conduct{writes, writes, writes, refuses, failsAfterWriting, panics, panicsAfterWrite, badStatement, swallowsFailure, duplicate, misleads}

// member is one update of a random batch.
type member struct {
	conduct conduct
	key     string // marks what it writes
	own     error
	answer  error
	id      gateway.ID // of its message, by its last run
}

func (m *member) update(tx *Tx) error {
	switch m.conduct {
	case refuses:
		if _, err := tx.Pair(ourNumber, customer); err != nil {
			return err
		}
		return m.own
	case panics:
		panic(m.key)
	}
	c, err := tx.Pair(ourNumber, customer)
	if err != nil {
		return err
	}
	if c.ID == 0 {
		c = newConversation(tx, customer)
	}
	c.Unread++
	if err := tx.SaveConversation(c); err != nil {
		return err
	}
	text, segments := newText(tx, &c, m.key, 1)
	text.Reference, m.id = m.key, text.ID
	tx.InsertMessage(text)
	tx.InsertSegments(text, segments)
	tx.Emit(gateway.Event{Type: gateway.EventMessageSent, Conversation: &c, Message: text, Note: m.key})
	switch m.conduct {
	case failsAfterWriting, misleads:
		return m.own
	case panicsAfterWrite:
		panic(m.key)
	case badStatement:
		_, err := tx.exec(`UPDATE no_such_table SET n = 1`)
		return fmt.Errorf("%s: %w", m.key, err)
	case swallowsFailure:
		_, _ = tx.exec(`UPDATE no_such_table SET n = 1`)
	case duplicate:
		again := *text
		tx.InsertMessage(&again)
	}
	return nil
}

// check says what is wrong with the answer that the member got.
func (m *member) check() error {
	ok := false
	switch m.conduct {
	case writes:
		ok = m.answer == nil
	case refuses, failsAfterWriting, misleads:
		ok = m.answer == m.own
	case panics, panicsAfterWrite:
		ok = m.answer != nil && strings.Contains(m.answer.Error(), "panic in update: "+m.key)
	case badStatement:
		ok = m.answer != nil && strings.Contains(m.answer.Error(), m.key)
	case swallowsFailure, duplicate:
		ok = m.answer != nil
	}
	if !ok || m.conduct != misleads && errors.Is(m.answer, ErrUnavailable) {
		return fmt.Errorf("one that %s was answered %v", m.conduct, m.answer)
	}
	return nil
}

// TestBatch has random updates share a transaction: those that fail leave no
// trace and harm no neighbour, and each caller gets its own answer.
func TestBatch(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		var mu sync.Mutex
		streamed := map[string]int{}
		b := openBed(t, dsn, Options{Node: "a", OnCommit: func(es []gateway.Event) {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range es {
				streamed[e.Note]++
			}
		}})
		round := 0
		unread := func() int {
			return ask(b, func(tx *Tx) (gateway.Conversation, error) { return tx.Pair(ourNumber, customer) }).Unread
		}
		rapid.Check(t, func(rt *rapid.T) {
			round++
			drawn := rapid.SliceOfN(rapid.SampledFrom(conducts), 1, 12).Draw(rt, "batch")
			before := unread()
			from := must(b.EventSeq(b.ctx))(t)
			members := b.together(round, drawn)
			stored := b.stored(from)
			for _, m := range members {
				if err := m.check(); err != nil {
					rt.Error(err)
				}
				want := gateway.ID(0)
				if m.conduct == writes {
					want = m.id
					before++
				}
				if got := stored[m.key]; got != want {
					rt.Errorf("one that %s: message %d is stored, want %d", m.conduct, got, want)
				}
				mu.Lock()
				if got := streamed[m.key]; (got == 1) != (m.conduct == writes) || got > 1 {
					rt.Errorf("one that %s: OnCommit saw %d events", m.conduct, got)
				}
				mu.Unlock()
			}
			if got := unread(); got != before {
				rt.Errorf("%d updates counted in the conversation, want %d", got, before)
			}
		})
	})
}

// together runs updates of these conducts as one batch.
func (b *bed) together(round int, drawn []conduct) []*member {
	release := b.hold()
	var wg sync.WaitGroup
	members := make([]*member, len(drawn))
	for i, d := range drawn {
		m := &member{conduct: d, key: fmt.Sprintf("%d/%d", round, i)}
		switch d {
		case misleads:
			m.own = fmt.Errorf("%s: %w: %w", m.key, ErrUnavailable, context.DeadlineExceeded)
		default:
			m.own = errors.New(m.key)
		}
		members[i] = m
		wg.Go(func() { m.answer = b.Update(b.ctx, m.update) })
	}
	b.queued(len(members))
	release()
	wg.Wait()
	return members
}

// stored returns the messages and events since from, by the key that marks
// them; a message without its one event, or one without the other, as -1.
func (b *bed) stored(from int64) map[string]gateway.ID {
	b.t.Helper()
	byKey := map[string]gateway.ID{}
	for _, e := range must(b.Events(b.ctx, from, 1000))(b.t) {
		byKey[e.Note] = e.Message.ID
		if e.Message.Reference != e.Note {
			byKey[e.Note] = -1
		}
	}
	ids := slices.Collect(maps.Values(byKey))
	if n := len(must(b.MessagesByID(b.ctx, ids))(b.t)); n != len(byKey) {
		b.t.Errorf("%d events, %d messages", len(byKey), n)
	}
	oldest := gateway.ID(0)
	if len(ids) > 0 {
		oldest = slices.Min(ids)
	}
	for _, m := range must(b.MessageRows(b.ctx, MessageList{Limit: 20}))(b.t) {
		if m.ID >= oldest && oldest != 0 && byKey[m.Reference] != m.ID {
			byKey[m.Reference] = -1
		}
	}
	return byKey
}

// TestBatchRunsAgain shows that only the last run of a closure counts, and that
// what it wants done after the commit is done once.
func TestBatchRunsAgain(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		b := openBed(t, dsn, Options{Node: "a"})
		own := errors.New("after writing")
		runs, after := 0, 0
		var last gateway.ID
		release := b.hold()
		var wg sync.WaitGroup
		wg.Go(func() {
			err := b.Update(b.ctx, func(tx *Tx) error {
				runs++
				c := newConversation(tx, customer)
				last = c.ID
				tx.AfterCommit(func() { after++ })
				return tx.SaveConversation(c)
			})
			if err != nil {
				t.Error(err)
			}
		})
		b.queued(1) // before the one that fails
		wg.Go(func() {
			err := b.Update(b.ctx, func(tx *Tx) error {
				if _, err := tx.Block(phone(1), 1); err != nil {
					return err
				}
				return own
			})
			if err != own {
				t.Errorf("the one that failed got %v", err)
			}
		})
		b.queued(2)
		release()
		wg.Wait()
		if runs != 2 || after != 1 {
			t.Errorf("ran %d times and was followed %d times, want 2 and 1", runs, after)
		}
		c := ask(b, func(tx *Tx) (gateway.Conversation, error) { return tx.Pair(ourNumber, customer) })
		if c.ID != last {
			t.Errorf("conversation %d is stored, want that of the last run, %d", c.ID, last)
		}
		if c := ask(b, func(tx *Tx) (gateway.Conversation, error) { return tx.Pair(ourNumber, phone(1)) }); c.Blocked {
			t.Error("the update that failed has blocked somebody")
		}
	})
}

// TestRefusalSeesCommitted shows that a refusal is answered only after the
// commit of what it was decided by.
func TestRefusalSeesCommitted(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		b := openBed(t, dsn, Options{Node: "a"})
		release := b.hold()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := b.Update(b.ctx, func(tx *Tx) error { return tx.SaveConversation(newConversation(tx, customer)) }); err != nil {
				t.Error(err)
			}
		})
		b.queued(1)
		refusal := &gateway.Refusal{Code: gateway.AlreadyTaken}
		wg.Go(func() {
			var seen gateway.Conversation
			err := b.Update(b.ctx, func(tx *Tx) (err error) {
				if seen, err = tx.Pair(ourNumber, customer); err != nil {
					return err
				}
				return refusal
			})
			if err != error(refusal) {
				t.Errorf("refused with %v", err)
			}
			if _, ok, err := b.Conversation(b.ctx, seen.ID); !ok || err != nil {
				t.Errorf("refused because of conversation %d, which is not committed: %v", seen.ID, err)
			}
		})
		b.queued(2)
		release()
		wg.Wait()
	})
}
