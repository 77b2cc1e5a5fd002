package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// closeWait is how long Close waits for the kernel to let go of a port.
const closeWait = time.Second

var speeds = map[int]uint32{
	9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600,
	115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800, 921600: unix.B921600,
}

// port is a tty in raw mode, driven by the runtime's poller. go.bug.st/serial,
// which serves the other systems, waits by select(2) there: it panics once the
// process has a thousand files open, closes the descriptor under a pending read,
// so that the read may hit the file that gets the number next, and its Write
// cannot be interrupted.
type port struct {
	file *os.File
}

// OpenPort opens a serial port or a pseudo-terminal, raw, eight bits, no parity,
// no flow control, at baud bits a second (0: 115200; USB modems ignore it). It is
// ours alone: others are refused by TIOCEXCL, and those that root's privilege
// lets pass by a lock, if they ask for one; ErrBusy where another has it. What was
// received before is discarded.
//
// Close returns within a second, even while a Read or a Write is pending: that
// ends at once. The kernel may hold on to a dead line for half a minute longer.
func OpenPort(ctx context.Context, path string, baud int) (io.ReadWriteCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if baud == 0 {
		baud = 115200
	}
	speed, ok := speeds[baud]
	if !ok {
		return nil, fmt.Errorf("gsm: %s: no serial port runs at %d bits a second", path, baud)
	}
	// Without O_NONBLOCK the kernel waits for a carrier that a modem does not raise.
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, openError(path, err)
	}
	raw, err := file.SyscallConn()
	if err == nil {
		var inner error
		err = raw.Control(func(fd uintptr) { inner = setUp(int(fd), speed) })
		err = errors.Join(err, inner)
	}
	if err != nil {
		file.Close()
		return nil, openError(path, err)
	}
	return &port{file}, nil
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("gsm: %s: %w", path, ErrBusy)
	case errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("gsm: %s is not a serial port: %w", path, err)
	}
	return fmt.Errorf("gsm: %s: %w", path, err)
}

func setUp(fd int, speed uint32) error {
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = unix.IGNBRK, 0, 0
	// No HUPCL: closing would drop DTR, at which some modems reset.
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | speed
	t.Ispeed, t.Ospeed = speed, speed
	// A read of nothing is a hangup only where VMIN is not 0.
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return err
	}
	return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH)
}

func (p *port) Read(b []byte) (int, error)  { return p.file.Read(b) }
func (p *port) Write(b []byte) (int, error) { return p.file.Write(b) }

// Close discards what is not written yet, which the kernel would otherwise wait
// for.
func (p *port) Close() error {
	if raw, err := p.file.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCIOFLUSH)
			unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0)
		})
	}
	closed := make(chan error, 1)
	go func() { closed <- p.file.Close() }()
	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	select {
	case err := <-closed:
		return err
	case <-patience.C:
		return nil
	}
}
