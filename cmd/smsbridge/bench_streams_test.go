package main_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

// BenchmarkDaemonStreams is the rate of texts in and out with 500 agents' event
// streams open, beside that without them. What comes in is in conversations that
// the agents have taken, two each; what programs send is nothing to them.
func BenchmarkDaemonStreams(b *testing.B) {
	const agents = 500
	s := startBench(b, 100, true, "")
	cookies := s.addAgents(agents)
	flood := func(n int) {
		c := s.expect(`"type":"message.received"`, n)
		fmt.Fprintf(s.smsc, "flood %d\n", n)
		if !s.said.Scan() || s.said.Text() != "0 refused" {
			b.Fatalf("the SMSC says %q", s.said.Text())
		}
		s.wait(c)
	}
	flood(2 * agents)
	lister := s.daemon.token("lister", "conversations:read")
	anyone := &user{t: b, d: s.daemon, http: lister.http, name: "an agent"}
	for i, c := range list[struct{ ID string }](lister, "/conversations?view=waiting&limit=1000") {
		anyone.must("POST", "/conversations/"+c.ID+"/take", nil, http.StatusOK, nil, "Cookie", cookies[i%agents])
	}
	for _, direction := range []struct {
		name string
		run  func(n int)
	}{{"in", flood}, {"out", func(n int) {
		c := s.expect(`"tick":"delivered"`, n)
		s.send(n, 32, 0)
		s.wait(c)
	}}} {
		b.Run(direction.name, func(b *testing.B) {
			direction.run(benchTexts / 10)
			took, cpu := [2]time.Duration{}, [2]time.Duration{}
			for range b.N {
				for with := range 2 {
					var open []net.Conn
					if with > 0 {
						for _, cookie := range cookies {
							open = append(open, s.listen(cookie))
						}
					}
					begin, used := time.Now(), s.cpu()
					direction.run(benchTexts)
					took[with], cpu[with] = took[with]+time.Since(begin), cpu[with]+s.cpu()-used
					for _, c := range open {
						c.Close()
					}
				}
			}
			n := float64(b.N * benchTexts)
			b.ReportMetric(n/took[0].Seconds(), "texts/s-0")
			b.ReportMetric(n/took[1].Seconds(), "texts/s-500")
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "ratio")
			b.ReportMetric(cpu[0].Seconds()/n*1e6, "cpu-µs-0")
			b.ReportMetric(cpu[1].Seconds()/n*1e6, "cpu-µs-500")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// addAgents adds people and their sessions to the store, without the cost of
// passwords, and returns their cookies.
func (s *bench) addAgents(n int) (cookies []string) {
	s.Helper()
	db, err := store.Open(s.Context(), "sqlite:"+filepath.Join(filepath.Dir(s.daemon.config), "smsbridge.db"), store.Options{})
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(s.Context(), func(tx *store.Tx) error {
		cookies = nil
		for i := range n {
			p := store.Person{Extension: fmt.Sprint(5000 + i), Name: fmt.Sprintf("agent %d", i), Role: "agent", Availability: "available"}
			if err := tx.AddPerson(&p); err != nil {
				return err
			}
			secret := fmt.Sprintf("secret-of-agent-%d", i)
			hash := sha256.Sum256([]byte(secret))
			if err := tx.AddSignIn(store.SignIn{Hash: hash[:], Person: p.ID, CreatedAt: tx.Now(), SeenAt: tx.Now()}); err != nil {
				return err
			}
			cookies = append(cookies, "smsbridge_session="+secret)
		}
		return nil
	}); err != nil {
		s.Fatal(err)
	}
	newest := &user{t: s, d: s.daemon, http: &s.daemon.client}
	await(s, "the daemon notices the people", func() error {
		status, _, err := newest.try(s.Context(), "GET", "/me", nil, "Cookie", cookies[n-1])
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	return cookies
}

// listen opens an event stream, and reads it until it is closed.
func (s *bench) listen(cookie string) net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.daemon.address(), "http://"))
	if err != nil {
		s.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: bench\r\nCookie: %s\r\n\r\n", cookie)
	status := make([]byte, len("HTTP/1.1 200 OK"))
	if _, err := io.ReadFull(conn, status); err != nil || string(status) != "HTTP/1.1 200 OK" {
		s.Fatalf("%v %s", err, status)
	}
	go io.Copy(io.Discard, conn) // until it is closed
	return conn
}
