package store

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// makeOld makes a store as the first release did, with a row of what later steps
// change.
func makeOld(t *testing.T, dsn string) {
	t.Helper()
	ctx := t.Context()
	db := &DB{}
	var err error
	if isSQLite(dsn) {
		err = db.openSQLite(strings.TrimPrefix(dsn, "sqlite:"))
	} else {
		err = db.openPostgres(ctx, dsn)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer db.closePools()
	exec := func(text string) {
		t.Helper()
		if _, err := db.writer.ExecContext(ctx, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	exec(`CREATE TABLE schema_version (version BIGINT NOT NULL)`)
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		if done, err = db.migrateOne(ctx, conn.ExecContext, conn.QueryRowContext, []string{"migrations/0001_base.sql"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	octet := "x'ff'"
	if !isSQLite(dsn) {
		octet = `'\xff'`
	}
	exec(`INSERT INTO conversations VALUES (16, '+12602058900', '+12605550100', 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1000, 32, 1000, 1000)`)
	exec(`INSERT INTO messages VALUES (32, 16, '+12602058900', '+12605550100', 1, 0, 1, 'hi', 0, 1, 3, '', '', 'acme', 0, 5, 'Ana', '', 1000, 2000, 0, 3000)`)
	exec(`INSERT INTO segments VALUES (32, 16, '+12602058900', 'acme', 0, 3, 2, 1, 1500, 7, 0, ` + octet + `, '')`)
	exec(`INSERT INTO messages VALUES (48, 16, '+12602058900', '+12605550100', 1, 0, 1, 'hi', 0, 1, 7, 'uncertain', '', 'acme', 0, 5, 'Ana', '', 1000, 2000, 0, 3000)`)
	exec(`INSERT INTO segments VALUES (48, 16, '+12602058900', 'acme', 0, 7, 1, 1, 0, 7, 0, ` + octet + `, 'uncertain')`)
	exec(`INSERT INTO refs VALUES ('acme', 'A', 32, 1, 2000)`)
	exec(`INSERT INTO receipts VALUES (64, 'acme', 'B', 0, 4, 0, 'DELIVRD', '000', '+12605550100', 0, 2500, 1, 'id:B')`)
	exec(`INSERT INTO receipts VALUES (80, 'acme', 'A', 32, 3, 1, 'ENROUTE', '000', '+12605550100', 0, 2500, 0, 'id:A')`)
	exec(`INSERT INTO tokens VALUES (96, 'crm', ` + octet + `, 'send', '', 1000, 0)`)
	exec(`INSERT INTO fragments VALUES (112, 112, 'acme', '+12602058900', '+12605550100', 1, 7, 0, 2, 1, 1, ` + octet + `, 1000)`)
	exec(`INSERT INTO quarantine VALUES (128, 'acme', ` + octet + `, 1000)`)
	exec(`INSERT INTO concat_refs VALUES ('+12602058900', '+12605550100', 255)`)
}

// A store of the first release is brought to this one, and what is in it is read
// as before.
func TestMigrateOldStore(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		makeOld(t, dsn)
		b := openBed(t, dsn, Options{Node: "a"})
		at := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
		equal(t, "message", b.message(32), gateway.Message{ID: 32, Conversation: 16, Direction: gateway.Out, Number: ourNumber, Peer: customer, Text: "hi",
			Segments: 1, Tick: gateway.TickSent, Carrier: "acme", Author: 5, AuthorName: "Ana", CreatedAt: at(1000), SentAt: at(2000), ExpiresAt: at(3000)})
		if m := b.message(32); !m.Extras.Empty() {
			t.Error("the message has got extras")
		}
		equal(t, "references", must(b.ReferencesOf(b.ctx, 32))(t), []Accepted{{"acme", Reference{"A", 32, 1, at(2000)}}})
		if rs := must(b.ReceiptsOf(b.ctx, 32))(t); len(rs) != 1 || rs[0].Word != "ENROUTE" {
			t.Errorf("receipts: %+v", rs)
		}
		if rs := ask(b, func(tx *Tx) ([]WaitingReceipt, error) { return tx.WaitingReceipts("acme", 0, 10) }); len(rs) != 1 || rs[0].Reference != "B" || rs[0].UserReference != 0 {
			t.Errorf("waiting: %+v", rs)
		}
		if ds := ask(b, func(tx *Tx) ([]Doubt, error) { return tx.Doubtful("acme", time.UnixMicro(0), 10) }); len(ds) != 1 || ds[0].Segment != 48 {
			t.Errorf("doubtful: %+v", ds)
		}
		// It was in back-off before it was sent: due by its own validity all the same.
		now := time.Now()
		if ids := must(b.SilentAgain(b.ctx, Silence{Carrier: "acme", Now: now, Expired: now}, 10))(t); len(ids) != 1 || ids[0] != 32 {
			t.Errorf("silent: %v", ids)
		}
		if tokens := must(b.Directory(b.ctx))(t).Tokens; len(tokens) != 1 || tokens[0].AllowTo != "" || tokens[0].PerDay != 0 {
			t.Errorf("tokens: %+v", tokens)
		}
		in := &gateway.Inbound{From: customer, To: ourNumber, Fragment: &gateway.Fragment{Reference: 7, Total: 2, Number: 2}}
		if ps := ask(b, func(tx *Tx) ([]Part, error) { return tx.Parts("acme", in) }); len(ps) != 1 || ps[0].Shift != (gateway.Shift{}) || ps[0].Port != 0 || ps[0].Shown != 0 {
			t.Errorf("parts: %+v", ps)
		}
		if qs := must(b.Quarantine(b.ctx, "", 0, 10))(t); len(qs) != 1 || qs[0].Reason != "" || !bytes.Equal(qs[0].Raw, []byte{0xff}) {
			t.Errorf("quarantined: %+v", qs)
		}
		if ref := ask(b, func(tx *Tx) (uint16, error) { return tx.NextConcatRef(ourNumber, customer) }); ref != 256 {
			t.Errorf("the next reference is %d", ref)
		}
		if id := b.NewID(); id <= 128 {
			t.Errorf("the next ID is %d", id)
		}
	})
}
