package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
)

// conformance is what both databases must do alike. Each test has a store to
// itself.
var conformance = []struct {
	name string
	test func(*bed)
}{
	{"messages are kept as they are", testMessages},
	{"what few messages have is kept", testExtras},
	{"any octets are kept", testAnyOctets},
	{"ticks and segments are updated in bulk", testUpdateTicks},
	{"messages are listed", testMessageRows},
	{"claims are in order", testClaim},
	{"claims leave out what is not to be sent now", testClaimLeavesOut},
	{"terms tell what was abandoned", testAbandoned},
	{"one message of a conversation is out at a time", testTurns},
	{"what waits behind a back-off is found", testHeldBack},
	{"backlog", testBacklog},
	{"references", testReferences},
	{"receipts wait and are settled", testReceipts},
	{"a waiting receipt keeps its particulars", testWaitingReceipt},
	{"attempts are traced", testAttempts},
	{"a text's references, receipts and segments", testTraceReads},
	{"segments are replaced", testReplacedSegments},
	{"doubtful segments", testDoubtful},
	{"attempts in doubt", testDoubtedBefore},
	{"segments of which nothing is heard", testSilent},
	{"a carrier's state is remembered", testCarrierState},
	{"what a token sends is counted by days", testSentOn},
	{"stale sets of parts", testStaleSets},
	{"texts received between two times", testReceived},
	{"each redelivery absorbs one", testRedelivery},
	{"parts", testParts},
	{"concatenation references", testConcatRefs},
	{"quarantine", testQuarantine},
	{"carriers are paused and leased", testCarriers},
	{"conversations are kept as they are", testConversations},
	{"a deleted conversation makes room at once", testSuccessor},
	{"blocks", testBlocks},
	{"opt-outs", testOptOuts},
	{"lists hold what may be seen", testVisibility},
	{"lists of conversations", testConversationList},
	{"pages of conversations", testConversationPages},
	{"contacts are kept as they are", testContacts},
	{"contacts are listed", testContactList},
	{"conversations know whom they are with", testContactsOfConversations},
	{"history of customers", testHistory},
	{"what people ignore", testIgnored},
	{"templates", testTemplates},
	{"lists hold what the rules say", testLists},
	{"reports count facts", testReports},
	{"people", testPeople},
	{"queues", testQueues},
	{"tokens", testTokens},
	{"sign-ins", testSignIns},
	{"people change", testPeopleChange},
	{"queues and numbers change", testQueuesChange},
	{"push subscriptions", testPushSubscriptions},
	{"the block list", testBlockList},
	{"the ledger of opt-outs", testDecisions},
	{"the audit", testDeeds},
	{"idempotency", testIdempotency},
	{"events are kept as they were", testEvents},
	{"events are pruned", testPruneEvents},
}

func TestConformance(t *testing.T) {
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, dsn string) { c.test(openBed(t, dsn, Options{Node: "a"})) })
		})
	}
}

func TestOpenRefusesOthers(t *testing.T) {
	for _, dsn := range []string{"", "store.db", "mysql://localhost/x"} {
		if db, err := Open(t.Context(), dsn, Options{}); err == nil {
			db.Close()
			t.Errorf("%q was opened", dsn)
		}
	}
}

// TestOpenTogether has several processes find an empty store at the same time.
func TestOpenTogether(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := Open(t.Context(), dsn, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b := openBed(t, dsn, Options{Node: "a"})
		d := must(b.Directory(b.ctx))(t)
		equal(t, "queues", d.Queues, []Queue{{GeneralQueue, "General", gateway.DefaultQueueSettings()}})
		var versions int
		if err := b.readers.QueryRow(`SELECT COUNT(*) FROM schema_version`).Scan(&versions); err != nil || versions != SchemaVersion() {
			t.Errorf("%d steps of the schema recorded, want %d: %v", versions, SchemaVersion(), err)
		}
	})
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		openBed(t, dsn, Options{}).Close()
		driver, name := "pgx", dsn
		if isSQLite(dsn) {
			driver, name = "sqlite", strings.TrimPrefix(dsn, "sqlite:")
		}
		raw, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.Exec(fmt.Sprintf(`INSERT INTO schema_version (version) VALUES (%d)`, SchemaVersion()+1)); err != nil {
			t.Fatal(err)
		}
		if db, err := Open(t.Context(), dsn, Options{Node: "a"}); err == nil || !strings.Contains(err.Error(), "newer smsbridge") {
			if err == nil {
				db.Close()
			}
			t.Errorf("opened a newer schema: %v", err)
		}
		if _, err := raw.Exec(fmt.Sprintf(`DELETE FROM schema_version WHERE version > %d`, SchemaVersion())); err != nil {
			t.Fatal(err)
		}
		openBed(t, dsn, Options{Node: "a"}) // the refused one has let go of everything
	})
}

func TestOneDaemon(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		a := openBed(t, dsn, Options{Node: "a"})
		for _, node := range []string{"a", "b"} {
			if db, err := Open(t.Context(), dsn, Options{Node: node}); !errors.Is(err, ErrInUse) {
				if err == nil {
					db.Close()
				}
				t.Errorf("a second daemon, %s: %v", node, err)
			}
		}
		command := openBed(t, dsn, Options{})
		var first, second gateway.Conversation
		a.do(func(tx *Tx) error { first = newConversation(tx, phone(1)); return tx.SaveConversation(first) })
		command.do(func(tx *Tx) error { second = newConversation(tx, phone(2)); return tx.SaveConversation(second) })
		for _, c := range []gateway.Conversation{first, second} {
			for _, db := range []*bed{a, command} {
				got, ok, err := db.Conversation(db.ctx, c.ID)
				if !ok || err != nil {
					t.Fatalf("%v, %v", ok, err)
				}
				equal(t, "conversation", got, c)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		b := openBed(t, dsn, Options{Node: "b"})
		if id := b.NewID(); id <= second.ID {
			t.Errorf("after a restart the next ID is %d, not greater than %d", id, second.ID)
		}
		if b.ids.node == a.ids.node || b.ids.node == command.ids.node {
			t.Errorf("nodes are numbered %d, %d and %d", a.ids.node, command.ids.node, b.ids.node)
		}
	})
}

// TestIDsAfterClockStep opens a store that was last used when the clock was
// ahead: machines without a battery start anywhere.
func TestIDsAfterClockStep(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		b := openBed(t, dsn, Options{Node: "a"})
		ahead := b.ids.next(time.Now().Add(24 * time.Hour))
		old := b.ids.next(time.Now().Add(-24 * time.Hour)) // greater all the same
		if old <= ahead {
			t.Fatalf("%d after %d", old, ahead)
		}
		b.do(func(tx *Tx) error {
			return tx.Decide(&Decision{Number: ourNumber, Peer: customer, OptedOut: true, Keyword: "STOP"})
		})
		claimed := claimOne(b, int64(b.NewID()))
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = openBed(t, dsn, Options{Node: "a"})
		b.do(func(tx *Tx) error { return tx.Decide(&Decision{Number: ourNumber, Peer: customer, Keyword: "START"}) })
		if ask(b, func(tx *Tx) (bool, error) { return tx.OptedOut(ourNumber, customer) }) {
			t.Error("START after a restart counts less than the STOP before it")
		}
		term := ask(b, func(tx *Tx) (int64, error) { return tx.Lease("acme") })
		equal(t, "abandoned", ask(b, func(tx *Tx) ([]gateway.ID, error) { return tx.Abandoned("acme", term) }), []gateway.ID{claimed})
	})
}

// claimOne inserts a text of an old ID and claims it under a term.
func claimOne(b *bed, term int64) gateway.ID {
	b.t.Helper()
	var id gateway.ID = 16
	b.do(func(tx *Tx) error {
		c := newConversation(tx, customer)
		m, segments := newText(tx, &c, "text", 1)
		m.ID, segments[0].ID = id, id
		tx.InsertMessage(m)
		tx.InsertSegments(m, segments)
		_, _, err := tx.Claim("acme", term, 1)
		return err
	})
	return id
}

func TestReadersWaitBounded(t *testing.T) {
	b := openBed(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"), Options{Node: "a"})
	gone, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.Events(gone, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("a read for a caller that is gone: %v", err)
	}
}
