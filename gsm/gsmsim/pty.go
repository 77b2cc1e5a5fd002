package gsmsim

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pty is a pseudo-terminal. The simulator has the master; programs open the
// slave, whose path this is. The slave is held open here too: without it the
// master could not be read before the first program comes, and the line's raw
// mode would be lost after the last has gone.
type pty struct {
	master *os.File
	slave  *os.File
	opens  *os.File // inotify: who opens and closes path
	path   string
}

func openPTY() (*pty, error) {
	// Non-blocking, so that closing the file ends a Read or Write of it.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("unlock the pseudo-terminal: %w", err)
	}
	p := &pty{master: os.NewFile(uintptr(fd), "/dev/ptmx"), path: "/dev/pts/" + strconv.Itoa(number)}
	slaveFD, err := unix.Open(p.path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = p.master.Close()
		return nil, fmt.Errorf("open %s: %w", p.path, err)
	}
	p.slave = os.NewFile(uintptr(slaveFD), p.path)
	err = makeRaw(slaveFD)
	if err == nil {
		err = p.watch()
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("set %s up: %w", p.path, err)
	}
	return p, nil
}

// watch begins to count who has the slave open, from now on.
func (p *pty) watch() error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	p.opens = os.NewFile(uintptr(fd), "inotify")
	_, err = unix.InotifyAddWatch(fd, p.path, unix.IN_OPEN|unix.IN_CLOSE)
	return err
}

// tidy does, until close, what the kernel does when the last program closes a
// terminal and cannot do here, where the slave stays open: it ends exclusive use,
// which a killed program leaves behind. What that program did not read stays, for
// dropping it could take the answer to a program that is quicker than tidy.
func (p *pty) tidy() {
	buffer := make([]byte, 4096)
	for open := 0; ; {
		n, err := p.opens.Read(buffer)
		if err != nil {
			return
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			mask := binary.NativeEndian.Uint32(buffer[at+4:])
			at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buffer[at+12:]))
			switch {
			case mask&unix.IN_OPEN != 0:
				open++
			case mask&unix.IN_CLOSE != 0:
				open--
			}
		}
		if open > 0 {
			continue
		}
		raw, err := p.slave.SyscallConn()
		if err != nil {
			return
		}
		_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0) })
	}
}

// makeRaw is cfmakeraw: a line that changes and echoes nothing, as that of a
// serial port that nobody logs in on.
func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// baud is the speed that the program has set the line to, in bits a second; 0 if
// it cannot be told.
func (p *pty) baud() int {
	raw, err := p.master.SyscallConn()
	if err != nil {
		return 0
	}
	var speed uint32
	_ = raw.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			speed = t.Cflag & unix.CBAUD
		}
	})
	return map[uint32]int{
		unix.B1200: 1200, unix.B2400: 2400, unix.B4800: 4800, unix.B9600: 9600, unix.B19200: 19200, unix.B38400: 38400,
		unix.B57600: 57600, unix.B115200: 115200, unix.B230400: 230400, unix.B460800: 460800, unix.B921600: 921600,
	}[speed]
}

// close hangs up on whoever has the slave open.
func (p *pty) close() {
	_ = p.master.Close()
	_ = p.slave.Close()
	if p.opens != nil {
		_ = p.opens.Close()
	}
}
