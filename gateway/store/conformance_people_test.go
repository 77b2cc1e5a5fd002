package store

import (
	"bytes"
	"errors"
	"time"

	"smsbridge/gateway"
)

// changes says whether fn changed the directory's version.
func (b *bed) changes(fn func(*Tx) error) bool {
	b.t.Helper()
	before := must(b.DirectoryVersion(b.ctx))(b.t)
	b.do(fn)
	return must(b.DirectoryVersion(b.ctx))(b.t) != before
}

func (b *bed) addPerson(extension string) Person {
	b.t.Helper()
	p := Person{Extension: extension, Name: "Ana " + extension, Role: "agent", Password: "hash"}
	if !b.changes(func(tx *Tx) error { return tx.AddPerson(&p) }) {
		b.t.Error("a new person does not change the directory's version")
	}
	return p
}

func testPeople(b *bed) {
	ana, ben := b.addPerson("101"), b.addPerson("102")
	if ana.ID == 0 || ana.CreatedAt.IsZero() || ana.Availability != "available" {
		b.t.Errorf("added %+v", ana)
	}
	equal(b.t, "people", must(b.Directory(b.ctx))(b.t).People, []Person{ana, ben})
	if err := b.Update(b.ctx, func(tx *Tx) error { return tx.AddPerson(&Person{Extension: "101", Role: "agent"}) }); !errors.Is(err, ErrExists) {
		b.t.Errorf("an extension twice: %v", err)
	}
	signIn := func(hash string, p gateway.ID) {
		b.do(func(tx *Tx) error {
			return tx.AddSignIn(SignIn{Hash: []byte(hash), Person: p, CreatedAt: tx.Now(), SeenAt: tx.Now()})
		})
	}
	signIn("a1", ana.ID)
	signIn("b1", ben.ID)
	if !b.changes(func(tx *Tx) error {
		if err := tx.SetPassword(ana.ID, "new", nil); err != nil {
			return err
		}
		return tx.SetAvailability(ana.ID, "away")
	}) {
		b.t.Error("a password does not change the directory's version")
	}
	ana.Password, ana.Availability = "new", "away"
	d := must(b.Directory(b.ctx))(b.t)
	if since := d.People[0].Since; !since.After(ana.Since) {
		b.t.Errorf("away since %v, and added %v", since, ana.Since)
	} else {
		ana.Since = since
	}
	equal(b.t, "people", d.People, []Person{ana, ben})
	if len(d.SignIns) != 1 || d.SignIns[0].Person != ben.ID {
		b.t.Errorf("sessions after a new password: %+v", d.SignIns)
	}
	b.do(func(tx *Tx) error { return tx.DisablePerson(ben.ID) })
	d = must(b.Directory(b.ctx))(b.t)
	at := d.People[1].DisabledAt
	if at.IsZero() || len(d.SignIns) != 0 {
		b.t.Errorf("disabled at %v, with sessions %+v", at, d.SignIns)
	}
	if b.changes(func(tx *Tx) error { return tx.DisablePerson(ben.ID) }) {
		b.t.Error("disabled again, and the directory's version has changed")
	}
	if again := must(b.Directory(b.ctx))(b.t).People[1].DisabledAt; !again.Equal(at) {
		b.t.Errorf("disabled at %v, then at %v", at, again)
	}
}

func testQueues(b *bed) {
	ana := b.addPerson("101")
	add := func(name string, numbers ...string) gateway.ID {
		return ask(b, func(tx *Tx) (gateway.ID, error) { return tx.AddQueue(name, numbers) })
	}
	sales := add("Sales", "+1001", "+1002")
	help := add("Help", "+1002", "+1003")
	for _, manages := range []bool{false, true} {
		b.do(func(tx *Tx) error {
			if err := tx.SetMember(sales, ana.ID, manages); err != nil {
				return err
			}
			return tx.SetMember(help, ana.ID, !manages)
		})
	}
	d := must(b.Directory(b.ctx))(b.t)
	equal(b.t, "queues", d.Queues, []Queue{{GeneralQueue, "General", gateway.DefaultQueueSettings()}, {sales, "Sales", gateway.DefaultQueueSettings()}, {help, "Help", gateway.DefaultQueueSettings()}})
	equal(b.t, "numbers", d.Numbers, map[string]Number{"+1001": {"+1001", sales, 0, false}, "+1002": {"+1002", help, 0, false}, "+1003": {"+1003", help, 0, false}})
	equal(b.t, "members", d.Members, []Member{{sales, ana.ID, true, 1}, {help, ana.ID, false, 1}})
	err := b.Update(b.ctx, func(tx *Tx) error { _, err := tx.AddQueue("Sales", nil); return err })
	if !errors.Is(err, ErrExists) {
		b.t.Errorf("a queue's name twice: %v", err)
	}
	if err := b.Update(b.ctx, func(tx *Tx) error { return tx.SetMember(sales, 99, false) }); err == nil {
		b.t.Error("somebody who does not exist is in a queue")
	}
}

func testTokens(b *bed) {
	token := Token{Name: "crm", Hash: []byte{0, 1, 0xff}, Scopes: "send read", Numbers: ourNumber, AllowTo: "+1 +44", PerDay: 500}
	b.do(func(tx *Tx) error { return tx.AddToken(&token) })
	equal(b.t, "tokens", must(b.Directory(b.ctx))(b.t).Tokens, []Token{token})
	for _, want := range []bool{true, false} {
		if got := ask(b, func(tx *Tx) (bool, error) { return tx.RevokeToken(token.ID) }); got != want {
			b.t.Errorf("revoked: %v, want %v", got, want)
		}
	}
	if must(b.Directory(b.ctx))(b.t).Tokens[0].RevokedAt.IsZero() {
		b.t.Error("a revoked token is in use")
	}
}

func testSignIns(b *bed) {
	ana := b.addPerson("101")
	s := SignIn{Hash: []byte{0, 0xff}, Person: ana.ID, CreatedAt: time.UnixMicro(1e15).UTC(), SeenAt: time.UnixMicro(2e15).UTC()}
	b.do(func(tx *Tx) error { return tx.AddSignIn(s) })
	s.SeenAt = s.SeenAt.Add(time.Hour)
	if b.changes(func(tx *Tx) error { return tx.TouchSignIn(s.Hash, s.SeenAt) }) {
		b.t.Error("the use of a session changes the directory's version")
	}
	equal(b.t, "sessions", must(b.Directory(b.ctx))(b.t).SignIns, []SignIn{s})
	if !b.changes(func(tx *Tx) error { _, err := tx.EndSignIn(s.Hash); return err }) {
		b.t.Error("the end of a session does not change the directory's version")
	}
	if left := must(b.Directory(b.ctx))(b.t).SignIns; len(left) != 0 {
		b.t.Errorf("sessions after the end: %+v", left)
	}
}

func testIdempotency(b *bed) {
	sent := Sent{Body: []byte{1, 0, 0xff}, Message: 16}
	before := func(scope gateway.ID, key string, since time.Time) (s Sent, found bool) {
		b.do(func(tx *Tx) (err error) { s, found, err = tx.SentBefore(scope, key, since); return err })
		return s, found
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if _, found := before(1, "k", yesterday); found {
		b.t.Error("found a key that was never used")
	}
	b.do(func(tx *Tx) error { return tx.RememberSent(1, "k", sent) })
	got, found := before(1, "k", yesterday)
	if !found || !bytes.Equal(got.Body, sent.Body) || got.Message != sent.Message {
		b.t.Errorf("remembered %+v, %v", got, found)
	}
	for _, test := range []struct {
		scope gateway.ID
		key   string
		since time.Time
	}{{2, "k", yesterday}, {1, "K", yesterday}, {1, "k", time.Now().Add(time.Hour)}} {
		if _, found := before(test.scope, test.key, test.since); found {
			b.t.Errorf("found %+v", test)
		}
	}
	sent.Message = 32
	b.do(func(tx *Tx) error { return tx.RememberSent(1, "k", sent) })
	if got, _ := before(1, "k", yesterday); got.Message != 32 {
		b.t.Errorf("bound anew to %d", got.Message)
	}
	b.do(func(tx *Tx) error { return tx.PruneIdempotency(yesterday) })
	if _, found := before(1, "k", yesterday); !found {
		b.t.Error("a key was pruned too early")
	}
	b.do(func(tx *Tx) error { return tx.PruneIdempotency(time.Now().Add(time.Hour)) })
	if _, found := before(1, "k", yesterday); found {
		b.t.Error("an old key was not pruned")
	}
}
