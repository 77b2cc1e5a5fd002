package smppsim

import (
	"crypto/tls"
	"net"
	"time"
)

// sessionReader reads for the FrameReader: whenever that needs more octets, what
// was answered so far may be written.
type sessionReader session

func (r *sessionReader) Read(b []byte) (int, error) {
	c := (*session)(r)
	c.out.release()
	rate := c.awaitOctets()
	if rate > 0 {
		b = b[:min(len(b), max(1, rate/readsASecond))]
	}
	n, err := c.conn.Read(b)
	if rate > 0 {
		c.pause(time.Duration(n) * time.Second / time.Duration(rate))
	}
	c.out.hold()
	return n, err
}

// readsASecond is how often one who reads slowly reads.
const readsASecond = 20

// awaitOctets sets the deadline of the next read, and returns how many octets a
// second are to be read; 0 is all.
func (c *session) awaitOctets() (rate int) {
	c.smsc.lock()
	timeout := bindTimeout
	if c.account != nil {
		timeout, rate = inactivity, c.account.play.Link.ReadRate
	}
	c.smsc.unlock()
	if !c.out.open() {
		timeout, rate = linger, 0
	}
	if rate > 0 && !c.slow {
		c.slow = true
		if conn, ok := c.network().(*net.TCPConn); ok {
			_ = conn.SetReadBuffer(rate) // else the system reads ahead, megabytes of it
		}
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(timeout))
	return rate
}

// pause waits, unless the SMSC is closed.
func (c *session) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.smsc.done:
	}
}

// network is the connection below TLS.
func (c *session) network() net.Conn {
	if secured, ok := c.conn.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return c.conn
}

// put writes a batch, in pieces where the script wants them.
func (c *session) put(batch []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	piece := c.smsc.splitWrites(c)
	for piece > 0 && len(batch) > piece {
		if _, err := c.conn.Write(batch[:piece]); err != nil {
			return err
		}
		batch = batch[piece:]
	}
	_, err := c.conn.Write(batch)
	return err
}

func (s *SMSC) splitWrites(c *session) int {
	s.lock()
	defer s.unlock()
	if c.account == nil {
		return s.script.Link.SplitWrites
	}
	return c.account.play.Link.SplitWrites
}
