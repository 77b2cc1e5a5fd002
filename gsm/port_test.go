//go:build linux

package gsm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// openPTY makes a pseudo-terminal for a test.
func openPTY(t testing.TB) (master *os.File, path string) {
	t.Helper()
	master, slave, err := openPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	return master, slave.Name()
}

// openPair makes a pseudo-terminal whose master can be closed under a read. The
// slave stays open, for a master whose terminal nobody has open reads EIO.
func openPair() (master, slave *os.File, err error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	// A descriptor of our own, for the poller: creack's blocks.
	fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), "ptmx"), s, nil
}

func within(t *testing.T, limit time.Duration, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(limit):
		buffer := make([]byte, 1<<16)
		t.Fatalf("%s takes longer than %v\n%s", what, limit, buffer[:runtime.Stack(buffer, true)])
	}
}

func TestPortIsRawAndOurs(t *testing.T) {
	master, path := openPTY(t)
	p, err := OpenPort(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPort(t.Context(), path, 0); !errors.Is(err, ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	got := make([]byte, 256)
	master.Write(all)
	if _, err := io.ReadFull(p, got); err != nil || !slices.Equal(got, all) {
		t.Errorf("read %x, %v", got, err)
	}
	p.Write(all)
	if _, err := io.ReadFull(master, got); err != nil || !slices.Equal(got, all) {
		t.Errorf("written %x, %v", got, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	again, err := OpenPort(t.Context(), path, 9600)
	if err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	again.Close()
}

func TestPortRefusals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	_, path := openPTY(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		path string
		baud int
		is   error
	}{{t.Context(), file, 0, unix.ENOTTY}, {t.Context(), file + "x", 0, os.ErrNotExist}, {ended, path, 0, context.Canceled}} {
		if p, err := OpenPort(c.ctx, c.path, c.baud); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %v", c.path, p, err)
		}
	}
	if _, err := OpenPort(t.Context(), path, 12345); err == nil {
		t.Error("12345 bits a second")
	}
}

// Close ends what is pending: a read with nothing to read, and a write that
// nobody takes.
func TestPortCloses(t *testing.T) {
	_, path := openPTY(t)
	p, err := OpenPort(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { _, err := p.Read(make([]byte, 1)); ended <- err }()
	blocked := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			if i == 1 {
				close(blocked)
			}
			if _, err := p.Write(make([]byte, 1<<20)); err != nil {
				if i == 0 {
					close(blocked)
				}
				ended <- err
				return
			}
		}
	}()
	select {
	case <-blocked:
		t.Fatal("a megabyte was written to nobody")
	case <-time.After(100 * time.Millisecond):
	}
	within(t, 2*time.Second, "Close", func() { p.Close() })
	within(t, 2*time.Second, "the end of read and write", func() {
		for range 2 {
			if err := <-ended; err == nil {
				t.Error("no error")
			}
		}
	})
}

func TestHangup(t *testing.T) {
	master, path := openPTY(t)
	p, err := OpenPort(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := newChat(p, usualPace.quiet, nil)
	go func() {
		master.Read(make([]byte, 100))
		master.Close()
	}()
	within(t, 5*time.Second, "the hangup", func() {
		if _, err := c.do(t.Context(), command{text: "AT", timeout: time.Minute}); !errors.Is(err, ErrGone) {
			t.Error(err)
		}
		if _, err := c.do(t.Context(), command{text: "AT", timeout: time.Minute}); !errors.Is(err, ErrGone) {
			t.Error(err)
		}
		c.close()
	})
}

// A modem that does not read is found out at the command's deadline.
func TestBlockedWriteOnAPort(t *testing.T) {
	_, path := openPTY(t)
	p, err := OpenPort(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := newChat(p, usualPace.quiet, nil)
	within(t, 10*time.Second, "the blocked write", func() {
		_, err := c.do(t.Context(), command{text: strings.Repeat("A", 1<<20), timeout: time.Second})
		if !errors.Is(err, ErrStuck) {
			t.Error(err)
		}
		c.close()
	})
}
