package gsm

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a Handler that keeps what it is given.
type recorder struct {
	mu       sync.Mutex
	states   []State
	messages []Incoming
	reports  []Report
	dones    []func(bool) // of the reports
	called   []string
	commit   bool // everything is committed at once
}

func (r *recorder) State(s State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
}

// commitAll has everything committed from now on.
func (r *recorder) commitAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commit = true
}

func (r *recorder) Message(in Incoming) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, in)
	if r.commit {
		in.Done(true)
	}
}

func (r *recorder) Report(p Report, done func(bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, p)
	r.dones = append(r.dones, done)
	if r.commit {
		done(true)
	}
}

func (r *recorder) Call(from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called = append(r.called, from)
}

func (r *recorder) phases() []Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Phase
	for _, s := range r.states {
		list = append(list, s.Phase)
	}
	return list
}

func (r *recorder) got() []Incoming {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// rig is a modem that runs against a fake.
type rig struct {
	*Modem
	*recorder
	fake *fake
	end  func() // ends Run and waits for it
}

// inBubble runs a test with time of its own against a fake that set changes
// before it starts.
func inBubble(t *testing.T, cfg func(*Config, *Options), set func(*fake), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		if set != nil {
			set(f)
		}
		c, o := Defaults(), Options{Open: f.open}
		if cfg != nil {
			cfg(&c, &o)
		}
		r := &rig{Modem: New(c, o), recorder: &recorder{}, fake: f}
		r.start(t)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		test(t, r)
		r.end()
	})
}

func (r *rig) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx, r.recorder) }()
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		r.fake.done.Wait()
	})
}

// wait lets time pass.
func (r *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) phase(t *testing.T, want Phase) {
	t.Helper()
	if got := r.Info().State; got.Phase != want {
		t.Fatalf("%v: %s; want %v\n%v\n%v", got.Phase, got.Reason, want, r.phases(), r.fake.log)
	}
}
