package smppsim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// Bounds. What is above them is refused or forgotten, as the documentation of
// each says.
const (
	maxSessions  = 1000   // connections at a time; more are closed at once
	maxAccounts  = 1000   // that made themselves by binding
	maxOpenTexts = 10_000 // texts of which parts are missing; the oldest is forgotten
	maxUnheard   = 1024   // whole texts that the OnMessage handler has not yet taken
)

// Errors of Deliver, SendRaw and their like.
var (
	ErrClosed    = errors.New("smppsim: closed")
	ErrSpoolFull = errors.New("smppsim: the account's spool is full")
	ErrNoAccount = errors.New("smppsim: no account to deliver to")
	ErrNotBound  = errors.New("smppsim: nobody is bound to that account")
	ErrParts     = errors.New("smppsim: a text has 1 to 255 parts")
)

// Options are how an SMSC is started.
type Options struct {
	Listen string      // host:port; "127.0.0.1:0" when empty
	TLS    *tls.Config // nil is plain TCP
	// Accounts are those who may bind, by system_id. With none, anyone may, with
	// any password.
	Accounts map[string]Account
	Script   Script       // of all accounts that have none of their own
	Log      *slog.Logger // nil logs nothing
	// Record is how many of the newest submits and messages are kept, to be read and
	// to be asked for by query_sm and cancel_sm; 1,000 when zero.
	Record int
	// Spool is how many receipts and texts each account may be owed; 100,000 when
	// zero.
	Spool int
	// FirstID is the number of the first message id. Zero begins at random, so that
	// an ESME that outlives the SMSC does not meet the same ids again.
	FirstID uint64
}

// Account is one ESME's.
type Account struct {
	Password string
	// Numbers are the addresses whose texts go to this account, where Deliver is
	// not told.
	Numbers  []string
	MaxBinds int     // more are answered ESME_RALYBND; 0 is any number
	Script   *Script // nil: that of the SMSC
}

// SMSC is a running one. Its methods may be called from any goroutine.
type SMSC struct {
	log      *slog.Logger
	listener net.Listener
	alphabet *alphabet
	clock    *clock
	anyone   bool
	spool    int
	done     chan struct{}
	heard    chan Message // whole texts on their way to the handler; sent to under mu
	wg       sync.WaitGroup
	stopping sync.Once
	unlink   func() bool // ends the link from Start's context

	mu        sync.Mutex
	script    Script
	accounts  map[string]*account
	sessions  map[*session]struct{}
	submits   ring[Submit]
	messages  ring[Message]
	open      assembly
	ledger    ledger
	handler   func(Message)
	stats     Stats
	nextID    uint64
	reference uint16
	closed    bool
	waiting   int           // callers of Await
	changed   chan struct{} // closed by unlock while some wait
}

// account is guarded by its SMSC's mu, but for play and what never changes.
type account struct {
	Account
	name     string
	play     *performance
	sessions []*session // bound ones, in the order of binding
	turn     int        // whose turn it is to be sent something
	spool    spool
	group    []*delivery // receipts that wait for others, to be sent the latest first
	owed     int         // deliveries that are not settled: in the group or the spool, sent, or due later
}

// Start listens and serves until ctx ends or Close is called. Close must be
// called in either case.
func Start(ctx context.Context, o Options) (*SMSC, error) {
	if err := o.Script.Validate(); err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FirstID == 0 {
		o.FirstID = 1<<24 + rand.Uint64N(1<<27)
	}
	s := &SMSC{
		log:      o.Log,
		alphabet: newAlphabet(),
		clock:    newClock(),
		anyone:   len(o.Accounts) == 0,
		spool:    orElse(o.Spool, 100_000),
		done:     make(chan struct{}),
		heard:    make(chan Message, maxUnheard),
		script:   o.Script,
		accounts: make(map[string]*account),
		sessions: make(map[*session]struct{}),
		submits:  newRing[Submit](orElse(o.Record, 1000)),
		messages: newRing[Message](orElse(o.Record, 1000)),
		open:     newAssembly(),
		ledger:   newLedger(orElse(o.Record, 1000)),
		nextID:   o.FirstID,
		changed:  make(chan struct{}),
	}
	for name, settings := range o.Accounts {
		if settings.Script != nil {
			if err := settings.Script.Validate(); err != nil {
				return nil, fmt.Errorf("script of %s: %w", name, err)
			}
		}
		s.addAccount(name, settings)
	}
	var err error
	s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if o.TLS != nil {
		s.listener = tls.NewListener(s.listener, o.TLS)
	}
	s.wg.Go(s.accept)
	s.wg.Go(func() { s.clock.run(s.done) })
	s.wg.Go(s.tell)
	s.unlink = context.AfterFunc(ctx, s.stop)
	return s, nil
}

func (s *SMSC) addAccount(name string, settings Account) *account {
	script := s.script
	if settings.Script != nil {
		script = *settings.Script
	}
	a := &account{Account: settings, name: name, play: perform(script)}
	s.accounts[name] = a
	return a
}

// Addr is where the SMSC listens, as host:port.
func (s *SMSC) Addr() string { return s.listener.Addr().String() }

// Close drops all connections and waits for all goroutines, the OnMessage
// handler's too, from which it must not be called. Whoever waits in Deliver gets
// ErrClosed.
func (s *SMSC) Close() error {
	s.unlink()
	s.stop()
	s.wg.Wait()
	return nil
}

func (s *SMSC) stop() {
	s.stopping.Do(func() {
		close(s.done)
		_ = s.listener.Close()
		s.lock()
		defer s.unlock()
		s.closed = true
		for c := range s.sessions {
			c.abort()
		}
	})
}

func (s *SMSC) lock() { s.mu.Lock() }

// unlock wakes those who wait for a change.
func (s *SMSC) unlock() {
	if s.waiting > 0 {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	s.mu.Unlock()
}

func (s *SMSC) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn("cannot accept a connection", "err", err)
			select {
			case <-s.done:
				return
			case <-time.After(100 * time.Millisecond): // out of file descriptors, likely
			}
			continue
		}
		c := newSession(s, conn)
		s.lock()
		full := s.closed || len(s.sessions) >= maxSessions
		if !full {
			s.sessions[c] = struct{}{}
			s.stats.Connections++
			c.number = s.stats.Connections
			s.wg.Go(c.serve)
		}
		s.unlock()
		if full {
			_ = conn.Close()
		}
	}
}

// tell hands whole texts to the handler, one at a time.
func (s *SMSC) tell() {
	for {
		select {
		case <-s.done:
			return
		case m := <-s.heard:
			s.lock()
			handler := s.handler
			s.unlock()
			if handler != nil {
				handler(m)
			}
		}
	}
}

// OnMessage has f called with each text of which all parts were accepted, one at
// a time in the order of completion, from now on. It replaces what was set
// before; nil ends it. f may call Deliver, and may take its time: when 1,024 texts
// wait for it, submits are answered ESME_RMSGQFUL.
func (s *SMSC) OnMessage(f func(Message)) {
	s.lock()
	defer s.unlock()
	s.handler = f
}

// SetScript gives a script to the SMSC and to all its accounts, also those that
// had one of their own. Connections stay.
func (s *SMSC) SetScript(script Script) error {
	if err := script.Validate(); err != nil {
		return fmt.Errorf("script: %w", err)
	}
	s.lock()
	defer s.unlock()
	s.script = script
	for _, a := range s.accounts {
		a.play = perform(script)
		s.feed(a)
	}
	return nil
}

// SetAccountScript gives one account a script of its own.
func (s *SMSC) SetAccountScript(systemID string, script Script) error {
	if err := script.Validate(); err != nil {
		return fmt.Errorf("script: %w", err)
	}
	s.lock()
	defer s.unlock()
	a, ok := s.accounts[systemID]
	if !ok {
		return ErrNoAccount
	}
	a.play = perform(script)
	s.feed(a)
	return nil
}

// Script returns the SMSC's script, to be changed and set again.
func (s *SMSC) Script() Script {
	s.lock()
	defer s.unlock()
	return s.script
}

// Disconnect drops all connections at once, as a failing network does. What was
// not answered is sent again when the ESME is back.
func (s *SMSC) Disconnect() {
	s.lock()
	defer s.unlock()
	for c := range s.sessions {
		c.abort()
	}
}

// Unbind sends unbind to whoever is bound; each connection is closed after its
// answer.
func (s *SMSC) Unbind() {
	s.lock()
	defer s.unlock()
	for c := range s.sessions {
		if c.account != nil {
			c.unbind()
		}
	}
}

// bound counts the sessions that are still open. mu is held.
func (a *account) bound() int {
	n := 0
	for _, c := range a.sessions {
		if c.out.open() {
			n++
		}
	}
	return n
}

// accountFor finds the account that a text to an address belongs to. mu is held.
func (s *SMSC) accountFor(to, systemID string) (*account, error) {
	if systemID != "" {
		if a, ok := s.accounts[systemID]; ok {
			return a, nil
		}
		return nil, fmt.Errorf("%w: no %q", ErrNoAccount, systemID)
	}
	names := slices.Sorted(maps.Keys(s.accounts))
	for _, name := range names {
		if slices.Contains(s.accounts[name].Numbers, to) {
			return s.accounts[name], nil
		}
	}
	if len(names) == 1 {
		return s.accounts[names[0]], nil
	}
	for _, name := range names {
		if a := s.accounts[name]; slices.ContainsFunc(a.sessions, (*session).receives) {
			return a, nil
		}
	}
	return nil, ErrNoAccount
}
