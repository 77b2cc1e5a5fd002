package node

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// A connection that is accepted has the time-out of its listener.
func TestUnheardConnectionsEnd(t *testing.T) {
	listening := net.ListenConfig{Control: dropUnheard}
	l, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	raw, err := in.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if cerr := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); cerr != nil || err != nil || got != 30_000 {
		t.Errorf("time-out %d ms: %v, %v", got, cerr, err)
	}
}
