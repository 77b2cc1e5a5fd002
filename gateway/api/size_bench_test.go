package api

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
	"smsbridge/gateway/store/storetest"
)

// These benchmarks open lists and threads of a store of 100,000 conversations, of
// which 2,000 wait and 50 agents have taken 5,000, and 1,000,000 messages. It takes
// a minute to make and is kept in SMSBRIDGE_BENCH_DIR if that is set. With
// SMSBRIDGE_BENCH_POSTGRES set, it is one of PostgreSQL and not kept.
const (
	bigConversations = 100_000
	bigWaiting       = 2_000
	bigTaken         = 5_000
	bigRounds        = 10 // messages of each conversation
	bigAgents        = 50
	bigQueues        = 10
)

func bigStore(b *testing.B) *site {
	b.Helper()
	if testing.Short() {
		b.Skip("the store takes a minute to make")
	}
	s := &site{t: b, hub: NewHub(), wire: &wire{out: make(chan *gateway.Stream, 1)}, people: map[string]gateway.ID{}, reg: prometheus.NewRegistry()}
	dsn := ""
	if os.Getenv("SMSBRIDGE_BENCH_POSTGRES") != "" {
		dsn = storetest.Postgres(b)
	} else {
		dir := os.Getenv("SMSBRIDGE_BENCH_DIR")
		if dir == "" {
			dir = b.TempDir()
		}
		dsn = "sqlite:" + filepath.Join(dir, fmt.Sprintf("big-%d.db", store.SchemaVersion()))
	}
	var err error
	if s.db, err = store.Open(b.Context(), dsn, store.Options{Node: "a", OnCommit: s.hub.Publish}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.db.Close() })
	all, err := s.db.ConversationCounts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for _, c := range all {
		n += c.Count
	}
	switch n {
	case bigConversations:
	case 0:
		s.fill()
		if db, err := sql.Open("pgx", dsn); err == nil && strings.HasPrefix(dsn, "postgres") {
			if _, err := db.Exec("VACUUM ANALYZE"); err != nil { // as the server does by itself in a while
				b.Fatal(err)
			}
			db.Close()
		}
	default:
		b.Fatalf("%s was not finished: remove it", dsn)
	}
	s.serve()
	for _, p := range s.dir.People() {
		s.people[p.Name] = p.ID
	}
	for _, q := range s.dir.Queues() {
		if q.Name == "queue 1" {
			s.queue = q.ID
		}
	}
	return s
}

// fill makes the people, the queues, and what they have.
func (s *site) fill() {
	s.t.Helper()
	var queues, agents []gateway.ID
	s.update(func(tx *store.Tx) error {
		queues, agents = nil, nil
		for i := range bigQueues {
			q, err := tx.AddQueue(fmt.Sprintf("queue %d", i), nil)
			if err != nil {
				return err
			}
			queues = append(queues, q)
		}
		add := func(name, role string) (gateway.ID, error) {
			p := store.Person{Extension: name, Name: name, Role: role}
			return p.ID, tx.AddPerson(&p)
		}
		for i := range bigAgents {
			p := store.Person{Extension: fmt.Sprint(1000 + i), Name: fmt.Sprintf("agent %d", i), Role: "agent"}
			if err := tx.AddPerson(&p); err != nil {
				return err
			}
			agents = append(agents, p.ID)
			for _, q := range []int{i % bigQueues, (i + 1) % bigQueues} {
				if err := tx.SetMember(queues[q], p.ID, false); err != nil {
					return err
				}
			}
		}
		_, err := add("owner", "owner")
		if err != nil {
			return err
		}
		p := store.Person{Extension: "manager", Name: "manager", Role: "manager"}
		if err := tx.AddPerson(&p); err != nil {
			return err
		}
		return tx.SetMember(queues[1], p.ID, true)
	})
	conversations := make([]gateway.Conversation, bigConversations)
	order := rand.New(rand.NewPCG(1, 2)).Perm(bigConversations)
	began := time.Now().AddDate(-1, 0, 0)
	for round := range bigRounds {
		for start := 0; start < bigConversations; start += 5000 {
			s.update(func(tx *store.Tx) error {
				for i := start; i < start+5000; i++ {
					c := &conversations[order[i]]
					if round == 0 {
						*c = gateway.Conversation{ID: tx.NewID(), Number: ours, Peer: gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260%07d", i)},
							Queue: queues[i%bigQueues], Epoch: 3, CreatedAt: began, BegunAt: began, OwnerSince: began, WaitingSince: began}
					}
					m := &gateway.Message{ID: tx.NewID(), Conversation: c.ID, Direction: gateway.Direction(round % 2), Number: ours, Peer: c.Peer, Segments: 1, Carrier: "acme",
						Text: fmt.Sprintf("Text %d of conversation %d: your order is ready, come before six.", round, i), CreatedAt: began.Add(time.Duration(round*bigConversations+i) * 20 * time.Second)}
					if round%2 == int(gateway.Out) {
						m.Tick, m.SentAt, m.DeliveredAt, m.Author, m.AuthorName = gateway.TickDelivered, m.CreatedAt, m.CreatedAt, agents[i%bigAgents], "agent"
					}
					tx.InsertMessage(m)
					c.LastMessage, c.UpdatedAt = m.ID, m.CreatedAt
					if round < bigRounds-1 {
						continue
					}
					switch at := order[i]; {
					case at < bigWaiting:
						c.Status, c.Unread, c.WaitingSince = gateway.StatusWaiting, 1, c.UpdatedAt
						if at%4 == 0 {
							c.Offered = gateway.Only(agents[i%bigAgents])
						}
					case at < bigWaiting+bigTaken:
						c.Status, c.Owner, c.Archived = gateway.StatusTaken, agents[at%bigAgents], at%10 == 0
						if at%7 == 0 && !c.Archived {
							c.SnoozedUntil = gateway.UntilText
						}
					default:
						c.Status, c.Archived, c.LastOwner = gateway.StatusClosed, true, agents[at%bigAgents]
					}
					if err := tx.SaveConversation(*c); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
}

// latencies are how long each of some things took.
type latencies []time.Duration

// report shows the percentiles in milliseconds.
func (l latencies) report(b *testing.B, name string) {
	if len(l) == 0 {
		b.Error("nothing was measured")
		return
	}
	slices.Sort(l)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(l[(p*len(l)+99)/100-1].Microseconds())/1000, fmt.Sprintf("ms-%sp%d", name, p))
	}
}

// get asks the handler, and says how long the answer took.
func (c *client) get(b *testing.B, path string) ([]byte, time.Duration) {
	r, w := c.request("GET", path, nil), &memory{header: http.Header{}}
	begin := time.Now()
	c.s.api.Handler().ServeHTTP(w, r)
	took := time.Since(begin)
	if w.status != 200 {
		b.Fatalf("%s: %d %s", path, w.status, w.Bytes())
	}
	return w.Bytes(), took
}

// memory is a response that is kept.
type memory struct {
	bytes.Buffer
	header http.Header
	status int
}

func (w *memory) Header() http.Header    { return w.header }
func (w *memory) WriteHeader(status int) { w.status = status }

func BenchmarkLists(b *testing.B) {
	s := bigStore(b)
	for _, who := range []struct {
		name   string
		client *client
	}{
		{"agent", s.as("agent 7")}, {"manager", s.as("manager")}, {"owner", s.as("owner")},
		{"program", s.program("p", "conversations:read", "")}, {"limited", s.program("l", "conversations:read", "+12602058998")}, // to what has none: the most to look through
	} {
		for _, view := range []string{"", "waiting", "waiting&sort=oldest", "mine", "snoozed", "all", "archived"} {
			path := "/conversations?limit=50&view=" + view
			if view == "" {
				path = "/conversations?limit=50"
			}
			cursor := ""
			b.Run(who.name+"/view="+view+"/first", func(b *testing.B) {
				var took latencies
				for b.Loop() {
					_, d := who.client.get(b, path)
					took = append(took, d)
				}
				took.report(b, "")
			})
			// The last page of as many as can be asked for, ten times at most.
			for range 10 {
				body, _ := who.client.get(b, path+"&limit=1000"+cursor)
				var l ConversationList
				if err := json.Unmarshal(body, &l); err != nil {
					b.Fatal(err)
				}
				if l.NextCursor == nil {
					break
				}
				cursor = "&cursor=" + *l.NextCursor
			}
			if cursor == "" {
				continue
			}
			b.Run(who.name+"/view="+view+"/later", func(b *testing.B) {
				var took latencies
				for b.Loop() {
					_, d := who.client.get(b, path+cursor)
					took = append(took, d)
				}
				took.report(b, "")
			})
		}
		b.Run(who.name+"/counts", func(b *testing.B) {
			var took latencies
			for b.Loop() {
				_, d := who.client.get(b, "/counts")
				took = append(took, d)
			}
			took.report(b, "")
		})
	}
}

// BenchmarkThread opens one conversation after the other: itself and its texts.
func BenchmarkThread(b *testing.B) {
	s := bigStore(b)
	owner := s.as("owner")
	var ids []string
	cursor := ""
	for range 5 {
		body, _ := owner.get(b, "/conversations?view=all&limit=1000"+cursor)
		var l ConversationList
		if err := json.Unmarshal(body, &l); err != nil {
			b.Fatal(err)
		}
		for _, c := range l.Items {
			ids = append(ids, c.ID)
		}
		cursor = "&cursor=" + *l.NextCursor
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	var took latencies
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)]
		_, one := owner.get(b, "/conversations/"+id)
		_, texts := owner.get(b, "/conversations/"+id+"/messages?limit=50")
		took = append(took, one+texts)
	}
	took.report(b, "")
}
