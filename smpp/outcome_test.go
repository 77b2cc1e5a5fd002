package smpp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestHandedToTheKernel breaks a connection that takes only so many octets: what
// was not handed over whole is unsent, the rest uncertain.
func TestHandedToTheKernel(t *testing.T) {
	frame := len(AppendShortMessage(nil, Header{CmdSubmitSM, 0, 1}, sampleMessage()))
	cases := []struct {
		name   string
		takes  int
		secure bool
		want   []error
	}{
		{"nothing", 0, false, []error{ErrUnsent, ErrUnsent, ErrUnsent}},
		{"all but one octet", frame - 1, false, []error{ErrUnsent, ErrUnsent, ErrUnsent}},
		{"one", frame, false, []error{ErrUncertain, ErrUnsent, ErrUnsent}},
		{"one and a half", frame + frame/2, false, []error{ErrUncertain, ErrUnsent, ErrUnsent}},
		{"over TLS", frame / 2, true, []error{ErrUncertain, ErrUncertain, ErrUncertain}},
	}
	for _, c := range cases {
		client, server := net.Pipe()
		conn := &limitedConn{Conn: client, takes: c.takes}
		raw := net.Conn(conn)
		if c.secure {
			raw = client // as if conn were TLS over it
		}
		cfg := testConfig()
		r := newRecorder(t, 10)
		s := newSession(conn, raw, NewFrameReader(conn), cfg, BindResponse{}, 1, r.handler())
		for tag := range uint64(3) { // the writer does not run yet: they go out in one write
			if !s.TrySubmit(sampleMessage(), tag) {
				t.Fatal("not taken")
			}
		}
		s.start()
		receive(t, s.Done())
		for tag, want := range c.want {
			if got := r.result(); got.Tag != uint64(tag) || got.Err != want {
				t.Errorf("%s: got %+v, want %v", c.name, got, want)
			}
		}
		if len(r.results) != 0 {
			t.Errorf("%s: one more result", c.name)
		}
		server.Close()
	}
}

// limitedConn breaks when it has taken so many octets.
type limitedConn struct {
	net.Conn
	takes int
}

func (c *limitedConn) Write(b []byte) (int, error) {
	if len(b) <= c.takes {
		c.takes -= len(b)
		return len(b), nil
	}
	return c.takes, io.ErrClosedPipe
}

// TestStalledPeer lets the SMSC stop reading: what it never took is unsent, and
// the session ends by its write deadline.
func TestStalledPeer(t *testing.T) {
	cfg := testConfig()
	cfg.Window, cfg.ResponseTimeout = 1000, 500*time.Millisecond
	r := newRecorder(t, 3000)
	s, _ := bind(t, cfg, r.handler())
	big := &ShortMessage{Message: make([]byte, 60_000)}
	taken := 0
	for s.TrySubmit(big, uint64(taken)) {
		taken++
	}
	receive(t, s.Done())
	unsent := 0
	for range taken {
		if got := r.result(); got.Err == ErrUnsent {
			unsent++
		} else if got.Err != ErrUncertain {
			t.Errorf("got %+v", got)
		}
	}
	if !errors.Is(s.Err(), os.ErrDeadlineExceeded) || len(r.results) != 0 {
		t.Errorf("ended with %v, %d more results", s.Err(), len(r.results))
	}
}

// TestFloodOfRequests never reads the answers.
func TestFloodOfRequests(t *testing.T) {
	s, p := bind(t, testConfig(), Handler{})
	var flood []byte
	for range 10_000 {
		flood = AppendHeader(flood, Header{CmdEnquireLink, 0, 1})
	}
	for {
		if _, err := p.conn.Write(flood); err != nil {
			break
		}
	}
	receive(t, s.Done())
	if !errors.Is(s.Err(), ErrStalled) {
		t.Errorf("ended with %v", s.Err())
	}
}

// TestExactlyOneResult submits from many goroutines to a peer that loses some
// responses, repeats others, and hangs up in the middle.
func TestExactlyOneResult(t *testing.T) {
	cfg := testConfig()
	cfg.Window, cfg.ResponseTimeout = 50, 300*time.Millisecond
	var mu sync.Mutex
	results := map[uint64]int{}
	h := Handler{Result: func(r Result) {
		if !r.Late {
			mu.Lock()
			results[r.Tag]++
			mu.Unlock()
		}
	}}
	s, p := bind(t, cfg, h)
	var wg sync.WaitGroup
	var submitted [4]int
	for g := range submitted {
		wg.Go(func() {
			for {
				select {
				case <-s.Done():
					return
				default:
				}
				if s.TrySubmit(sampleMessage(), uint64(g)<<32|uint64(submitted[g])) {
					submitted[g]++
				}
			}
		})
	}
	for i := range 3000 {
		submit := p.expect(CmdSubmitSM)
		if i%100 != 7 {
			p.accepted(submit, fmt.Sprint(i))
		}
		if i%100 == 13 {
			p.accepted(submit, "again")
		}
	}
	p.conn.Close()
	wg.Wait()
	total := 0
	for _, n := range submitted {
		total += n
	}
	if len(results) != total {
		t.Errorf("%d submissions have results, want %d", len(results), total)
	}
	for tag, n := range results {
		if n != 1 {
			t.Errorf("submission %d has %d results", tag, n)
		}
	}
}

// FuzzSession lets the SMSC send random octets, in one piece or one at a time: the
// session ends with the connection at the latest, what was submitted and asked has
// one result, and nobody stays behind.
func FuzzSession(f *testing.F) {
	add := func(stream []byte) {
		f.Add(stream, false)
		if len(stream) < 2000 {
			f.Add(stream, true)
		}
	}
	for _, row := range loadRows[corpusPDU](f, "testdata/pdus.jsonl", corpusPDUs) {
		add(unhex(f, row.Hex))
	}
	add(append(deliverSM(1, "a"), AppendHeader(nil, Header{CmdUnbind, 0, 2})...))
	add(AppendResponse(nil, Header{CmdSubmitSMResp, 0, 2}, &Response{MessageID: "x"}))
	add(AppendQueryResponse(nil, Header{CmdQuerySMResp, 0, 3}, &QueryResponse{"x", "", 2, 0}))
	add(bytes.Repeat(AppendHeader(nil, Header{CmdGenericNack, ESME_RINVCMDLEN, 0}), maxNacks))
	f.Fuzz(func(t *testing.T, stream []byte, singly bool) {
		before := goleak.IgnoreCurrent()
		client, server := net.Pipe()
		results := 0
		s := newSession(client, client, NewFrameReader(client), withDefaults(testConfig()), BindResponse{}, 1, Handler{
			Deliver: func(d *Delivery) bool { d.Ack(ESME_ROK, len(d.Raw)%2 == 0, func() {}); return true },
			Broken:  func(d *Delivery, _ error) bool { d.Ack(ESME_ROK, false, nil); return true },
			Result: func(r Result) {
				if !r.Late {
					results++
				}
			},
			Trace: func(_ bool, pdu []byte) { Describe(pdu) },
		})
		s.TrySubmit(sampleMessage(), 1)
		replies := make(chan reply, 1)
		s.request(CmdQuerySM, AppendHeader, replies)
		s.start()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.Copy(io.Discard, server) })
		piece := len(stream)
		if singly {
			piece = 1
		}
		for rest := stream; len(rest) > 0; rest = rest[piece:] {
			if _, err := server.Write(rest[:piece]); err != nil {
				break // the session may hang up in the middle
			}
		}
		server.Close()
		receive(t, s.Done())
		wg.Wait()
		if results != 1 || len(replies) != 1 {
			t.Fatalf("%d results, %d replies", results, len(replies))
		}
		if err := goleak.Find(before); err != nil {
			t.Fatal(err)
		}
	})
}
