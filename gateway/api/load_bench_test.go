package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
)

// These benchmarks run the router and the API in one process, over SQLite with
// its fsync and HTTP on real sockets; the readers of the event streams and the
// load share the machine. The carrier delivers as fast as it is acknowledged, and
// accepts everything at once.

// floor is a site with many agents.
type floor struct {
	*site
	agents  []*client
	actors  []gateway.Actor
	program *client
	first   int          // of the customers whose texts are delivered
	sent    atomic.Int64 // texts that the carrier has accepted
}

func newFloor(b *testing.B, agents int) *floor {
	b.Helper()
	s := &site{t: b, hub: NewHub(), wire: &wire{out: make(chan *gateway.Stream, 1), window: 100}, people: map[string]gateway.ID{}, reg: prometheus.NewRegistry()}
	f := &floor{site: s}
	var err error
	if s.db, err = store.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "load.db"), store.Options{Node: "a", OnCommit: f.committed}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.db.Close() })
	ids := make([]gateway.ID, agents)
	s.update(func(tx *store.Tx) error {
		if s.queue, err = tx.AddQueue("Sales", []string{ours}); err != nil {
			return err
		}
		for i := range agents {
			p := store.Person{Extension: fmt.Sprint(1000 + i), Name: fmt.Sprintf("agent %d", i), Role: "agent"}
			if err := tx.AddPerson(&p); err != nil {
				return err
			}
			if err := tx.SetMember(s.queue, p.ID, false); err != nil {
				return err
			}
			secret := newSecret()
			hash := hashSecret(secret)
			if err := tx.AddSignIn(store.SignIn{Hash: hash[:], Person: p.ID, CreatedAt: tx.Now(), SeenAt: tx.Now()}); err != nil {
				return err
			}
			ids[i] = p.ID
			f.agents = append(f.agents, &client{s: s, cookie: &http.Cookie{Name: cookieName, Value: secret}})
		}
		return nil
	})
	s.serve()
	for _, id := range ids {
		actor, _ := s.dir.Actor(id)
		f.actors = append(f.actors, actor)
	}
	f.program = s.program("p", "events:read conversations:read conversations:write", "")
	s.run()
	return f
}

func (f *floor) committed(events []gateway.Event) {
	f.hub.Publish(events)
	for i := range events {
		if events[i].Type == gateway.EventMessageTick && events[i].Message.Tick == gateway.TickSent {
			f.sent.Add(1)
		}
	}
}

// customer is the number of one of many.
func (f *floor) customer(i int) gateway.Address {
	return gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260%07d", 3000000+i)}
}

// deliver has n texts delivered from some customers, in turn: at a rate, or as
// fast as they are acknowledged. Each carries the time at which it was to be
// delivered. It returns when all are acknowledged.
func (f *floor) deliver(n, customers int, rate float64) {
	var acked sync.WaitGroup
	begin := time.Now()
	for i := range n {
		due := time.Now()
		if rate > 0 {
			due = begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
		}
		acked.Add(1)
		r := gateway.Report{Kind: gateway.ReportInbound, At: time.Now(), Ack: func(gateway.AckStatus, bool, func()) { acked.Done() },
			Inbound: &gateway.Inbound{From: f.customer(f.first + i%customers), To: ours, At: time.Now(), Payload: fmt.Appendf(nil, "text %d of the bench t=%d", i, due.UnixNano())}}
		for !f.stream.Offer(r) {
			time.Sleep(200 * time.Microsecond)
		}
	}
	acked.Wait()
}

// follow opens an event stream by the plainest HTTP, and hands its lines to see
// until it is told to stop.
func (f *floor) follow(b *testing.B, c *client, see func(line []byte)) (stop func()) {
	b.Helper()
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	who := "Authorization: Bearer " + c.token
	if c.cookie != nil {
		who = "Cookie: " + c.cookie.String()
	}
	fmt.Fprintf(conn, "GET %s/events HTTP/1.1\r\nHost: bench\r\n%s\r\n\r\n", prefix, who)
	lines := bufio.NewReaderSize(conn, 8<<10)
	if status, err := lines.ReadString('\n'); err != nil || status != "HTTP/1.1 200 OK\r\n" {
		b.Fatalf("%v %s", err, status)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if see == nil {
			io.Copy(io.Discard, onlyReader{lines})
			return
		}
		scan := bufio.NewScanner(lines)
		scan.Buffer(make([]byte, 64<<10), 1<<20)
		for scan.Scan() {
			see(scan.Bytes())
		}
	}()
	return func() { conn.Close(); <-done }
}

// onlyReader hides what would let io.Copy do without a buffer.
type onlyReader struct{ io.Reader }

// followAll opens a stream for each client, and returns when all are open.
func (f *floor) followAll(b *testing.B, clients []*client) (stop func()) {
	b.Helper()
	var stops []func()
	before := f.streams()
	for _, c := range clients {
		stops = append(stops, f.follow(b, c, nil))
	}
	for f.streams() < before+len(clients) {
		time.Sleep(time.Millisecond)
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
		for f.streams() > before {
			time.Sleep(time.Millisecond)
		}
	}
}

// BenchmarkArrival is from the time at which a text was to be delivered to its
// event at the reader of a stream, with little to do and at 1,000 texts a second,
// with that stream alone and with fifty agents' beside it who all see it.
func BenchmarkArrival(b *testing.B) {
	for _, tc := range []struct {
		name   string
		rate   float64
		texts  int
		agents int
	}{{"rest", 20, 100, 0}, {"1000a_second", 1000, 5000, 0}, {"1000a_second/50streams", 1000, 5000, 50}} {
		b.Run(tc.name, func(b *testing.B) {
			f := newFloor(b, tc.agents)
			var mu sync.Mutex
			var took latencies
			seen := make(chan struct{}, 1<<20)
			defer f.follow(b, f.program, func(line []byte) {
				if at := bytes.Index(line, []byte(" t=")); at > 0 && bytes.HasPrefix(line, []byte("data: ")) {
					if end := bytes.IndexByte(line[at:], '"'); end > 0 {
						if n, err := strconv.ParseInt(string(line[at+3:at+end]), 10, 64); err == nil {
							mu.Lock()
							took = append(took, time.Since(time.Unix(0, n)))
							mu.Unlock()
							seen <- struct{}{}
						}
					}
				}
			})()
			defer f.followAll(b, f.agents)()
			f.deliver(200, 100, 0)
			for range 200 {
				<-seen
			}
			took = took[:0]
			for b.Loop() {
				f.deliver(tc.texts, 100, tc.rate)
				for range tc.texts {
					<-seen
				}
			}
			b.ReportMetric(0, "ns/op")
			took.report(b, "")
		})
	}
}

// BenchmarkTake is 50 agents who take what waits as fast as they can, each on a
// connection of their own and with an event stream open.
func BenchmarkTake(b *testing.B) {
	const agents, waiting = 50, 2000
	f := newFloor(b, agents)
	defer f.followAll(b, f.agents)()
	http := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: agents}}
	defer http.CloseIdleConnections()
	var mu sync.Mutex
	var took latencies
	for b.Loop() {
		b.StopTimer()
		f.first += waiting // others than those who have been taken
		f.deliver(waiting, waiting, 0)
		var ids []string
		for _, c := range must(f.db.Conversations(b.Context(), store.ConversationList{Waiting: true, Visible: store.Visible{Everything: true}, Limit: waiting}))(b) {
			ids = append(ids, c.ID.String())
		}
		b.StartTimer()
		var next atomic.Int64
		var all sync.WaitGroup
		for _, a := range f.agents {
			all.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(ids); i = next.Add(1) - 1 {
					begin := time.Now()
					resp, err := http.Do(a.request("POST", "/conversations/"+ids[i]+"/take", nil))
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					d := time.Since(begin)
					if resp.StatusCode != 200 {
						b.Errorf("status %d", resp.StatusCode)
					}
					mu.Lock()
					took = append(took, d)
					mu.Unlock()
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "takes/s")
	b.ReportMetric(0, "ns/op")
	took.report(b, "")
}

// must is for what returns an error beside a value.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// BenchmarkStreams is the rate of texts in and out while 500 event streams are
// open, beside that without any. Each agent has two of the conversations, and
// sees what happens in them (own), or nothing of it at all (none); or all see
// everything (all).
func BenchmarkStreams(b *testing.B) {
	const agents, customers = 500, 1000
	f := newFloor(b, agents)
	f.deliver(customers, customers, 0)
	own := must(f.db.Conversations(b.Context(), store.ConversationList{Waiting: true, Visible: store.Visible{Everything: true}, Limit: customers}))(b)
	for i, c := range own {
		if _, err := f.router.Act(b.Context(), f.actors[i%agents], c.ID, gateway.Action{Kind: gateway.ActTake}, router.Details{}); err != nil {
			b.Fatal(err)
		}
	}
	everything := make([]*client, agents)
	for i := range everything {
		everything[i] = f.program
	}
	var nobody []*client
	for range agents {
		nobody = append(nobody, f.site.program("n", "events:read", general))
	}
	for _, direction := range []struct {
		name  string
		texts int
		run   func(n int)
	}{
		{"in", 20_000, func(n int) { f.deliver(n, customers, 0) }},
		{"out", 10_000, func(n int) { f.reply(b, own, n) }},
	} {
		for _, sees := range []struct {
			name    string
			clients []*client
			share   int // of the texts, for what takes long
		}{{"own", f.agents, 1}, {"none", nobody, 1}, {"all", everything, 20}} {
			b.Run(direction.name+"/sees="+sees.name, func(b *testing.B) {
				n := direction.texts / sees.share
				direction.run(n / 4)
				var without, with, cpuWithout, cpuWith time.Duration
				for b.Loop() {
					begin, cpu := time.Now(), cpuTime(b)
					direction.run(n)
					without, cpuWithout = without+time.Since(begin), cpuWithout+cpuTime(b)-cpu
					stop := f.followAll(b, sees.clients)
					begin, cpu = time.Now(), cpuTime(b)
					direction.run(n)
					with, cpuWith = with+time.Since(begin), cpuWith+cpuTime(b)-cpu
					stop()
				}
				b.ReportMetric(float64(cpuWithout.Microseconds())/float64(n*b.N), "cpu-µs-0")
				b.ReportMetric(float64(cpuWith.Microseconds())/float64(n*b.N), "cpu-µs-500")
				b.ReportMetric(float64(n*b.N)/without.Seconds(), "texts/s-0")
				b.ReportMetric(float64(n*b.N)/with.Seconds(), "texts/s-500")
				b.ReportMetric(without.Seconds()/with.Seconds(), "ratio")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// cpuTime is what the process has used, in user and system mode.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reply has the owners of conversations answer in them, n texts in all, and waits
// until the carrier has accepted them.
func (f *floor) reply(b *testing.B, own []gateway.Conversation, n int) {
	b.Helper()
	want := f.sent.Load() + int64(n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				c := i % len(own)
				if _, err := f.router.Reply(context.Background(), f.actors[c%len(f.actors)], own[c].ID, router.Text{Text: "Your order is ready."}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for begin := time.Now(); f.sent.Load() < want; time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			b.Fatal(errors.New("not all were sent"))
		}
	}
}
