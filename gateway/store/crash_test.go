package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
)

// loopUpdates is a process that commits texts until it is killed, and prints
// the ID of each after its Update has returned.
func loopUpdates(dsn string) error {
	ctx := context.Background()
	db, err := Open(ctx, dsn, Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	var mu sync.Mutex
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			for {
				var id gateway.ID
				if err := db.Update(ctx, func(tx *Tx) error {
					c, err := tx.Pair(ourNumber, customer)
					if err != nil {
						return err
					}
					if c.ID == 0 {
						c = newConversation(tx, customer)
					}
					m, segments := newText(tx, &c, "text", 1)
					id, c.LastMessage = m.ID, m.ID
					tx.InsertMessage(m)
					tx.InsertSegments(m, segments)
					tx.Emit(gateway.Event{Type: gateway.EventMessageSent, Conversation: &c, Message: m})
					return tx.SaveConversation(c)
				}); err != nil {
					errs <- err
					return
				}
				mu.Lock()
				_, err := fmt.Println(int64(id))
				mu.Unlock()
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// TestKill kills a writing process at random moments: everything that it was
// told is committed is there, whole, and nothing is half there. Set
// SMSBRIDGE_DRILL=full for ten times as many rounds.
func TestKill(t *testing.T) {
	rounds := 20
	if os.Getenv("SMSBRIDGE_DRILL") == "full" {
		rounds = 200
	}
	onEach(t, func(t *testing.T, dsn string) {
		for range rounds {
			said := killOne(t, dsn)
			checkWhole(t, dsn, said)
		}
	})
}

// killOne lets a child commit a random number of texts, kills it, and returns
// those that it said were committed.
func killOne(t *testing.T, dsn string) (said []gateway.ID) {
	t.Helper()
	child, output := startChild(t, "crash", dsn)
	killAt := 1 + rand.IntN(60)
	var kill *time.Timer
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // a line cut short
		}
		said = append(said, gateway.ID(n))
		if len(said) == killAt {
			kill = time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, func() { child.Process.Kill() })
		}
	}
	if kill == nil {
		t.Errorf("the child ended by itself after %d texts", len(said))
	}
	if child.Wait() == nil {
		t.Error("the child was not killed")
	}
	return said
}

func checkWhole(t *testing.T, dsn string, said []gateway.ID) {
	t.Helper()
	db, err := Open(t.Context(), dsn, Options{Node: "a"})
	if err != nil {
		t.Fatalf("reopened: %v", err)
	}
	defer db.Close()
	found, err := db.MessagesByID(t.Context(), said)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range said {
		if _, ok := found[id]; !ok {
			t.Errorf("message %d was answered as committed and is lost", id)
		}
	}
	var messages, segments, events, seq int
	if err := db.readers.QueryRow(`SELECT (SELECT COUNT(*) FROM messages), (SELECT COUNT(*) FROM segments), (SELECT COUNT(*) FROM events), n FROM event_seq`).
		Scan(&messages, &segments, &events, &seq); err != nil {
		t.Fatal(err)
	}
	if messages != segments || messages != events || messages != seq {
		t.Errorf("%d messages, %d segments, %d events up to %d", messages, segments, events, seq)
	}
}
