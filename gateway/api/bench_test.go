package api

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// BenchmarkRefusedSend measures what HTTP costs of POST /messages above the
// server itself, up to the store: the text is refused just before.
func BenchmarkRefusedSend(b *testing.B) {
	s := newSite(b)
	p := s.program("p", "messages:send", "")
	h := s.api.Handler()
	req := p.request("POST", "/messages", nil, "Content-Type", "application/json")
	for _, bm := range []struct {
		name string
		body string
	}{
		{"to the rules", `{"from":"` + ours + `","to":"` + customer + `","text":""}`},
		{"to the caller", `{"from":"` + ours + `","to":"` + customer + `","text":"hello, your order is ready","x":1}`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := *req
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(bm.body)), int64(len(bm.body))
				h.ServeHTTP(&nowhere{http.Header{}}, &r)
			}
		})
	}
}

// BenchmarkSend measures POST /messages through the handler, the store's commit
// included, by many callers at once as group commit wants it.
func BenchmarkSend(b *testing.B) {
	s := newSite(b)
	p := s.program("p", "messages:send", "")
	h := s.api.Handler()
	body := []byte(`{"from":"` + ours + `","to":"` + customer + `","text":"hello, your order is ready"}`)
	b.ReportAllocs()
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := p.request("POST", "/messages", nil, "Content-Type", "application/json")
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != 202 {
				b.Error(w.Body)
			}
		}
	})
}

// tick is an event as the end of each text brings one about.
func tick(s *site, seq int64) gateway.Event {
	now := time.Now()
	m := &gateway.Message{ID: gateway.ID(seq << 8), Conversation: 77, Direction: gateway.Out, Number: ours, Peer: gateway.Address{Kind: gateway.AddressE164, Value: customer},
		Text: "Hello, your order is ready. Come before six o'clock, or tomorrow from nine.", Segments: 1, Tick: gateway.TickDelivered, Carrier: "acme",
		Author: s.people["ana"], AuthorName: "ana", CreatedAt: now, SentAt: now, DeliveredAt: now}
	c := &gateway.Conversation{ID: 77, Number: ours, Peer: m.Peer, Queue: s.queue, Status: gateway.StatusTaken, Owner: s.people["ana"], OwnerSince: now,
		Epoch: 3, LastMessage: m.ID, CreatedAt: now, UpdatedAt: now}
	return gateway.Event{Seq: seq, Time: now, Type: gateway.EventMessageTick, Before: c.View(), After: c.View(), Conversation: c, Message: m}
}

// BenchmarkStream measures an event from the commit to the socket of one
// stream: published in batches, rendered, seen by its reader.
func BenchmarkStream(b *testing.B) {
	s := newSite(b)
	who := s.as("ana")
	st := &stream{a: s.api, w: &nowhere{http.Header{}}, watcher: s.watch()}
	c, _, ok := s.api.sessions.personOf(s.dir, hashSecret(who.cookie.Value), time.Now())
	if !ok {
		b.Fatal("no session")
	}
	st.who = c
	seq, err := s.db.EventSeq(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	st.seq, st.out = seq, http.NewResponseController(deadlines{st.w})
	st.w = deadlines{st.w}
	events := make([]gateway.Event, 64)
	for i := range events {
		events[i] = tick(s, 0)
	}
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(events) {
		for i := range events {
			seq++
			events[i].Seq = seq
		}
		s.hub.Publish(events)
		var ok bool
		st.entries, ok = s.hub.since(st.watcher, st.entries[:0], streamBatch)
		if !ok || st.write(context.Background(), st.entries) != nil {
			b.Fatal("not written")
		}
	}
}

type deadlines struct{ http.ResponseWriter }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }
func (deadlines) FlushError() error                { return nil }

func BenchmarkRender(b *testing.B) {
	s := newSite(b)
	e := tick(s, 1)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = s.api.render.event(buf[:0], &e, e.Message, false)
	}
	b.SetBytes(int64(len(buf)))
}

// BenchmarkHTTP measures POST /messages over a socket up to the store, with the
// processor time of server and client together.
func BenchmarkHTTP(b *testing.B) {
	s := newSite(b)
	p := s.program("p", "messages:send", "")
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	body := `{"from":"` + ours + `","to":"` + customer + `","text":""}`
	req := []byte("POST " + prefix + "/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + p.token +
		"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	buf := make([]byte, 4096)
	start := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		if _, err := conn.Write(req); err != nil {
			b.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 422")) {
			b.Fatalf("%v %s", err, buf[:n])
		}
	}
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N)/1000, "cpu-µs/op")
}
