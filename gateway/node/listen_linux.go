package node

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// dropUnheard has connections that are accepted end when what was sent on them
// has had no acknowledgement for half a minute. The kernel would try for a
// quarter of an hour, and an agent whose network is gone would count as being
// there for as long: event streams send a comment every 15 s. Sockets that are
// accepted inherit it (tcp(7), TCP_USER_TIMEOUT, in milliseconds).
func dropUnheard(_, _ string, raw syscall.RawConn) error {
	var set error
	err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 30_000)
	})
	return errors.Join(err, set)
}
