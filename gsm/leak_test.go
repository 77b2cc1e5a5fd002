//go:build linux

package gsm

import (
	"context"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
)

// counted is what a process has open.
func counted(t *testing.T) (goroutines, files int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NumGoroutine(), len(list)
}

// A modem that is unplugged a hundred times, at whatever it is doing, leaves
// nothing behind.
func TestUnpluggedAHundredTimes(t *testing.T) {
	plugs := make(chan io.ReadWriteCloser)
	m := New(Defaults(), Options{Open: func(ctx context.Context) (io.ReadWriteCloser, string, error) {
		select {
		case p := <-plugs:
			return p, "pty", nil
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}})
	m.pace.quiet, m.pace.reopen, m.pace.slowest = 2*time.Millisecond, time.Millisecond, time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); m.Run(ctx, &recorder{commit: true}) }()
	unplug := func(i int) {
		f := newFake()
		f.sendWith = "-"
		master, path, drop := pluggable(t)
		p, err := OpenPort(ctx, path, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.conn = master
		f.done.Add(1)
		go f.serve(master)
		plugs <- p
		var sent chan error
		if i%4 == 0 {
			sent = make(chan error, 1)
			waitUntil(t, func() bool { return m.Room() == 1 })
			go func() { _, err := m.Send(ctx, text); sent <- err }()
		}
		waitUntil(t, func() bool { return f.asked("") > i%30 })
		drop()
		f.done.Wait()
		if sent != nil {
			if err := <-sent; err == nil {
				t.Error("sent")
			}
		}
		waitUntil(t, func() bool { return m.Info().Phase == PhaseAbsent })
	}
	unplug(0) // what is made once
	goroutines, files := counted(t)
	for i := range 100 {
		unplug(i)
	}
	waitUntil(t, func() bool {
		g, f := counted(t)
		return g <= goroutines && f <= files
	})
	cancel()
	<-ran
}

// pluggable makes a pseudo-terminal, and what ends it and all that it holds open.
func pluggable(t *testing.T) (master *os.File, path string, drop func()) {
	t.Helper()
	master, slave, err := openPair()
	if err != nil {
		t.Fatal(err)
	}
	return master, slave.Name(), func() { master.Close(); slave.Close() }
}

func waitUntil(t *testing.T, what func() bool) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for !what() {
		if time.Now().After(limit) {
			buffer := make([]byte, 1<<17)
			t.Fatalf("it never is so\n%s", buffer[:runtime.Stack(buffer, true)])
		}
		time.Sleep(time.Millisecond)
	}
}
