package router

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
	"smsbridge/gateway/store/storetest"
)

const ourNumber = "+12602058900"

func customer(n int) gateway.Address {
	return gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260555%04d", n)}
}

// bed is a router on a real store, with the carrier "acme", in a test.
type bed struct {
	t        testing.TB
	ctx      context.Context
	dsn      string
	db       *store.DB
	r        *Router
	reg      *prometheus.Registry
	acme     *fakeCarrier
	line     Line
	second   *Line        // beside acme, if there is one: beta
	beta     *fakeCarrier // its carrier
	routes   []Route
	pools    []Pool
	limits   Limits
	textLog  TextLog
	replies  Replies
	keywords gateway.Keywords
	log      *slog.Logger // nil: nothing is logged
	stop     func()       // ends the router
	observe  atomic.Pointer[Router]
	other    *Router // on the same store, in races
	sessions gateway.ID

	ana, ben, mia, sue gateway.Actor // two agents, a manager of General, a system owner
	program            gateway.Actor
}

// onSQLite runs a test whose clock is the bubble's: it stands still while
// anything happens, and waits cost no time.
func onSQLite(t *testing.T, test func(*bed)) {
	t.Helper()
	t.Parallel()
	inBubble(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"), test)
}

// onEach runs a test on both databases.
func onEach(t *testing.T, test func(*bed)) {
	t.Run("sqlite", func(t *testing.T) { onSQLite(t, test) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		inBubble(t, storetest.Postgres(t), test)
	})
}

func inBubble(t *testing.T, dsn string, test func(*bed)) {
	synctest.Test(t, func(t *testing.T) { test(newBed(t, dsn)) })
}

func newBed(t testing.TB, dsn string) *bed {
	t.Helper()
	<-time.After(time.Until(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))) // IDs are times from 2025 on
	b := &bed{t: t, ctx: t.Context(), dsn: dsn, sessions: 1000}
	db, err := store.Open(b.ctx, dsn, store.Options{OnCommit: func(events []gateway.Event) {
		if r := b.observe.Load(); r != nil {
			r.Observe(events)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.db = db
	t.Cleanup(func() {
		b.halt()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.do(func(tx *store.Tx) error {
		for _, p := range []struct {
			actor *gateway.Actor
			name  string
			role  string
		}{{&b.ana, "Ana", "agent"}, {&b.ben, "Ben", "agent"}, {&b.mia, "Mia", "agent"}, {&b.sue, "Sue", "owner"}} {
			person := store.Person{Extension: p.name, Name: p.name, Role: p.role}
			if err := tx.AddPerson(&person); err != nil {
				return err
			}
			p.actor.ID = person.ID
		}
		token := store.Token{Name: "billing", Hash: []byte("billing")}
		if err := tx.AddToken(&token); err != nil {
			return err
		}
		b.program = gateway.Actor{Kind: gateway.ActorProgram, ID: token.ID, Name: token.Name}
		return tx.SetMember(store.GeneralQueue, b.mia.ID, true)
	})
	b.line = Line{Name: "acme", Kind: "smpp", Numbers: []gateway.Address{{Kind: gateway.AddressE164, Value: ourNumber}}}
	return b
}

// make makes a router on the store, without running it.
func (b *bed) make() {
	b.t.Helper()
	dir, err := OpenDirectory(b.ctx, b.db)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range []*gateway.Actor{&b.ana, &b.ben, &b.mia, &b.sue} {
		*a, _ = dir.Actor(a.ID)
	}
	b.acme = newFakeCarrier()
	b.line.Carrier = b.acme
	b.reg = prometheus.NewRegistry()
	lines := []Line{b.line}
	if b.second != nil {
		b.beta = newFakeCarrier()
		line := *b.second
		line.Carrier = b.beta
		lines = append(lines, line)
	}
	log := b.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b.r, err = New(Options{Store: b.db, Directory: dir, Log: log, Region: "US", Lines: lines, Routes: b.routes, Pools: b.pools, Limits: b.limits, TextLog: b.textLog,
		Replies: b.replies, Keywords: b.keywords, Metrics: b.reg})
	if err != nil {
		b.t.Fatal(err)
	}
	b.observe.Store(b.r)
}

// general changes the settings of General, in which everybody is.
func (b *bed) general(change func(*gateway.QueueSettings)) {
	b.t.Helper()
	q := store.Queue{ID: store.GeneralQueue, Name: "General", Settings: gateway.DefaultQueueSettings()}
	if b.r != nil {
		q, _ = b.r.dir.Queue(store.GeneralQueue)
	}
	change(&q.Settings)
	b.changeDirectory(func(tx *store.Tx) error { _, err := tx.SaveQueue(q); return err })
}

// changeDirectory changes people or queues, as the API does.
func (b *bed) changeDirectory(fn func(*store.Tx) error) {
	b.t.Helper()
	b.do(fn)
	if b.r == nil {
		return
	}
	if err := b.r.dir.Reload(b.ctx); err != nil {
		b.t.Fatal(err)
	}
	for _, a := range []*gateway.Actor{&b.ana, &b.ben, &b.mia, &b.sue} {
		if now, ok := b.r.dir.Actor(a.ID); ok {
			*a = now
		}
	}
}

func (b *bed) choose(who gateway.Actor, availability Availability) {
	b.t.Helper()
	b.changeDirectory(func(tx *store.Tx) error { return tx.SetAvailability(who.ID, string(availability)) })
}

// seenBy tells which of the people see a conversation.
func (b *bed) seenBy(c gateway.Conversation) string {
	seen := ""
	for _, a := range []gateway.Actor{b.ana, b.ben, b.mia, b.sue} {
		if c.View().VisibleTo(a) {
			seen += a.Name + " "
		}
	}
	return strings.TrimSpace(seen)
}

func (b *bed) wantSeen(c gateway.Conversation, want string) {
	b.t.Helper()
	if got := b.seenBy(b.conversation(c.ID)); got != want {
		b.t.Errorf("seen by %q, want %q", got, want)
	}
}

// run makes a router, runs it, and waits until acme is connected.
func (b *bed) run() {
	b.t.Helper()
	b.make()
	b.begin()
}

func (b *bed) begin() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	r := b.r
	go func() { ended <- r.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("router: %v", err)
		}
	}
	<-b.acme.said
	if b.second != nil {
		<-b.beta.said
	}
	b.settle()
}

// halt ends the router, if it runs.
func (b *bed) halt() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

// settle waits until nothing happens any more.
func (b *bed) settle() { synctest.Wait() }

// pass lets time pass.
func (b *bed) pass(d time.Duration) {
	<-time.After(d)
	b.settle()
}

// later lets time pass without the router, whose seconds cost something, and then
// as much with it as each of its sweeps needs.
func (b *bed) later(d time.Duration) {
	b.t.Helper()
	b.halt()
	b.pass(d - 35*time.Second)
	b.run()
	b.pass(35 * time.Second)
}

func (b *bed) do(fn func(*store.Tx) error) {
	b.t.Helper()
	if err := b.db.Update(b.ctx, fn); err != nil {
		b.t.Fatal(err)
	}
}

// text is a customer's text, as acme delivers it on a session.
func (b *bed) text(from gateway.Address, text string) *gateway.Inbound {
	in := &gateway.Inbound{From: from, To: ourNumber, Coding: gateway.CodingUCS2, Payload: ucs2(text), Raw: []byte(text), Session: b.sessions, At: time.Now()}
	return fingerprinted(in)
}

func ucs2(text string) []byte {
	var all []byte
	for _, u := range utf16.Encode([]rune(text)) {
		all = binary.BigEndian.AppendUint16(all, u)
	}
	return all
}

// fingerprinted identifies what a PDU would say.
func fingerprinted(in *gateway.Inbound) *gateway.Inbound {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v %v %v %x", in.From, in.To, in.Fragment, in.Payload))
	copy(in.Fingerprint[:], sum[:])
	return in
}

// deliver has acme deliver something, in one batch of the stream.
func (b *bed) deliver(ins ...*gateway.Inbound) []*ack {
	acks := make([]*ack, len(ins))
	for i := range ins {
		acks[i] = &ack{}
	}
	b.deliverTo(acks, ins...)
	return acks
}

func (b *bed) deliverTo(acks []*ack, ins ...*gateway.Inbound) {
	reports := make([]gateway.Report, len(ins))
	for i, in := range ins {
		reports[i] = gateway.Report{Kind: gateway.ReportInbound, At: time.Now(), Inbound: in, Ack: acks[i].answer}
	}
	b.acme.put(reports...)
	b.settle()
}

// receive has a customer write, and returns the conversation.
func (b *bed) receive(from gateway.Address, text string) gateway.Conversation {
	b.t.Helper()
	b.deliver(b.text(from, text))[0].want(b.t, gateway.AckOK)
	return b.pair(from)
}

// receipt has acme report on a reference.
func (b *bed) receipt(reference string, tick gateway.Tick, word string) *ack {
	a := &ack{}
	b.acme.put(receiptReport(reference, tick, word, a))
	b.settle()
	return a
}

func receiptReport(reference string, tick gateway.Tick, word string, a *ack) gateway.Report {
	return gateway.Report{Kind: gateway.ReportReceipt, At: time.Now(), Ack: a.answer,
		Receipt: &gateway.Receipt{Reference: reference, Tick: tick, Word: word, Err: "042", At: time.Now(), Raw: "id:" + reference}}
}

// pair is the conversation with a customer that is not deleted.
func (b *bed) pair(peer gateway.Address) (c gateway.Conversation) {
	b.t.Helper()
	b.do(func(tx *store.Tx) (err error) { c, err = tx.Pair(ourNumber, peer); return err })
	return c
}

func (b *bed) conversation(id gateway.ID) gateway.Conversation {
	b.t.Helper()
	c, ok, err := b.db.Conversation(b.ctx, id)
	if err != nil || !ok {
		b.t.Fatalf("conversation %v: %v %v", id, ok, err)
	}
	return c
}

func (b *bed) message(id gateway.ID) gateway.Message {
	b.t.Helper()
	m, ok, err := b.db.Message(b.ctx, id)
	if err != nil || !ok {
		b.t.Fatalf("message %v: %v %v", id, ok, err)
	}
	return m
}

// texts are a conversation's, oldest first, with a mark for those of ours.
func (b *bed) texts(conversation gateway.ID) []string {
	b.t.Helper()
	ms, err := b.db.MessageRows(b.ctx, store.MessageList{Conversation: conversation, Limit: 5000})
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Reverse(ms)
	all := []string{}
	for _, m := range ms {
		switch {
		case m.Kind != gateway.KindText:
		case m.Direction == gateway.Out:
			all = append(all, "> "+m.Text)
		default:
			all = append(all, m.Text)
		}
	}
	return all
}

// lines are what the thread says of steps, oldest first.
func (b *bed) lines(conversation gateway.ID) []string {
	b.t.Helper()
	ms, err := b.db.MessageRows(b.ctx, store.MessageList{Conversation: conversation, Limit: 5000})
	if err != nil {
		b.t.Fatal(err)
	}
	all := []string{}
	for _, m := range slices.Backward(ms) {
		if m.Kind == gateway.KindSystem {
			all = append(all, m.Text)
		}
	}
	return all
}

// newest is the number of the last event.
func (b *bed) newest() int64 {
	b.t.Helper()
	seq, err := b.db.EventSeq(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return seq
}

// since are the events after one.
func (b *bed) since(seq int64) []gateway.Event {
	b.t.Helper()
	es, err := b.db.Events(b.ctx, seq, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	return es
}

// reply sends a text that must be let through.
func (b *bed) reply(by gateway.Actor, id gateway.ID, text string) gateway.Message {
	b.t.Helper()
	sent, err := b.r.Reply(b.ctx, by, id, Text{Text: text})
	if err != nil {
		b.t.Fatalf("reply %q: %v", text, err)
	}
	b.settle()
	return sent.Message
}

func (b *bed) act(by gateway.Actor, id gateway.ID, kind gateway.ActionKind) gateway.Conversation {
	b.t.Helper()
	c, err := b.r.Act(b.ctx, by, id, gateway.Action{Kind: kind}, Details{})
	if err != nil {
		b.t.Fatalf("action %d: %v", kind, err)
	}
	return c
}

func (b *bed) wantTick(m gateway.Message, tick gateway.Tick, code gateway.ErrorCode) {
	b.t.Helper()
	if got := b.message(m.ID); got.Tick != tick || got.Error != code {
		b.t.Errorf("%q is %v %q, want %v %q", m.Text, got.Tick, got.Error, tick, code)
	}
}

func wantList(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func wantRefusal(t testing.TB, err error, code gateway.RefusalCode) *gateway.Refusal {
	t.Helper()
	var r *gateway.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("got %v, want the refusal %s", err, code)
	}
	return r
}

// metric reads a counter or gauge by its labels' values.
func (b *bed) metric(name string, labels ...string) float64 {
	b.t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "smsbridge_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			values := []string{}
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if slices.Equal(values, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func (b *bed) wantMetric(want float64, name string, labels ...string) {
	b.t.Helper()
	if got := b.metric(name, labels...); got != want {
		b.t.Errorf("%s%v is %v, want %v", name, labels, got, want)
	}
}
